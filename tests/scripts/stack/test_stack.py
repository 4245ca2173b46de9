"""The real stack with its embedded brokers: its start, its restarts and its stop."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import redis
from pydantic import SecretStr
from rich.console import Console

from contracts.broker.keys import EXTRACTORS, LIVE_WORKERS
from contracts.broker.roles import connect_sync
from contracts.broker.script import run_sync
from contracts.process.settings import Settings, load_settings
from contracts.rules.errors import ConfigurationError, FatalError
from contracts.state import live
from scripts.client import CaptureClient
from scripts.client.errors import GatewayAway
from scripts.client.trust import trusting
from scripts.commands.doctor import examine
from scripts.commands.gateway_client import gateway_client
from scripts.commands.inspect import inspect
from scripts.stack.own_gateway import own_gateway
from scripts.stack.running import running_urls
from scripts.stack.stack import Stack, gateway_address
from scripts.stack.supervision import CORE_LIMIT_BYTES
from tests.support.certificates import Pair
from tests.support.prestarted import prestarted
from tests.support.waiting import DEADLINE_S, until, wait_until

ROOT = Path(__file__).resolve().parents[3]


def settings_in(folder: Path, **changes: object) -> Settings:
    roots = {"data_root": folder / "data", "log_root": folder / "logs", "state_dir": folder / "state", "port": 0}
    return Settings().model_copy(update=roots | changes)


def test_children_get_the_settings_and_nothing_that_contradicts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A3CP_API_TOKEN", "from-outside")
    monkeypatch.setenv("A3CP_CAPTURE_MAX_FPS", "7")
    monkeypatch.setenv("UNRELATED", "kept")
    settings = settings_in(tmp_path, frames_url=SecretStr("redis://x"), port=1234)
    environ = settings.environ()
    assert environ["UNRELATED"] == "kept"
    assert "A3CP_API_TOKEN" not in environ
    assert load_settings(environ) == settings


async def test_the_stack_starts_restarts_what_dies_and_leaves_nothing(tmp_path: Path) -> None:
    async with Stack(settings_in(tmp_path)) as stack:
        await stack.ready(DEADLINE_S)
        assert list(stack.parts) == ["frames-broker", "events-broker", "recorder-1", "extractor-1", "gateway"]
        _sockets_are_private(stack)
        _roles_are_as_they_must_be(stack)
        async with CaptureClient(stack.address) as gateway:
            session_id = await gateway.start_session("u")
            for name in ("gateway", "extractor-1", "recorder-1", "frames-broker", "events-broker"):
                await _kill(stack, name)
                await stack.ready(DEADLINE_S)
            await until(lambda: _is_active(stack, session_id))
            await gateway.end_session("u", session_id)
        pids = [part.pid for part in stack.parts.values()]
    assert not (tmp_path / "state" / "stack.json").exists()
    assert not list((tmp_path / "state" / "run").iterdir())
    assert not list((tmp_path / "state" / "frames").iterdir())
    assert not any(pid is not None and Path(f"/proc/{pid}").exists() for pid in pids)


async def _kill(stack: Stack, name: str) -> None:
    part = stack.parts[name]
    starts, pid = part.starts, part.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(
        lambda: part.starts > starts and part.pid is not None,
        f"{name} is started again",
        unless=lambda: part.task is not None and part.task.done() and part.task,
    )
    if name.endswith("broker"):
        await until(lambda: _answers(stack.urls[name == "events-broker"]))


def _answers(url: str) -> bool:
    try:
        with connect_sync(url) as client:
            return bool(client.ping())
    except redis.exceptions.RedisError:
        return False


async def _is_active(stack: Stack, session_id: str) -> bool:
    async with httpx.AsyncClient(base_url=stack.address, trust_env=False, timeout=DEADLINE_S) as client:
        answer = await client.post(
            "/session_manager/sessions.validate", json={"user_id": "u", "session_id": session_id}
        )
    return answer.status_code == 200 and answer.json() == {"status": "active"}


def _sockets_are_private(stack: Stack) -> None:
    for url in stack.urls:
        path = Path(url.removeprefix("unix://"))
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    running = json.loads((stack.settings.state_dir / "stack.json").read_text())
    assert (running["frames_url"], running["events_url"]) == stack.urls
    assert running["address"] == stack.address
    assert running_urls(settings_in(stack.settings.state_dir.parent)).broker_urls() == stack.urls


def _roles_are_as_they_must_be(stack: Stack) -> None:
    frames_url, events_url = stack.urls
    with connect_sync(frames_url) as frames, connect_sync(events_url) as events:
        assert frames.config_get("save") == {"save": ""}
        assert frames.config_get("appendonly") == {"appendonly": "no"}
        assert frames.config_get("maxmemory") == {"maxmemory": str(1024**3)}
        assert events.config_get("appendonly") == {"appendonly": "yes"}
        for broker in (frames, events):
            assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert broker.config_get("port") == {"port": "0"}
    for name in ("frames-broker", "events-broker"):
        limits = Path(f"/proc/{stack.parts[name].pid}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == [str(CORE_LIMIT_BYTES)] * 2


@pytest.mark.usefixtures("forked")
async def test_live_workers_serve_the_live_lane_alone_and_stop_with_the_extractors(tmp_path: Path) -> None:
    said: list[str] = []
    out = Console(file=io.StringIO(), width=100)
    async with Stack(settings_in(tmp_path), live=1, show=lambda name, _: said.append(name)) as stack:
        await stack.ready(DEADLINE_S)
        parts = ["frames-broker", "events-broker", "recorder-1", "extractor-1", "live-1", "gateway"]
        assert list(stack.parts) == parts
        with connect_sync(stack.urls[0]) as frames:
            await until(lambda: bool(frames.zcard(LIVE_WORKERS)))
            assert frames.zcard(EXTRACTORS) == 1
            assert run_sync(frames, live.join("a-client")) is not None
        assert await asyncio.to_thread(inspect, stack.settings, out) == 0
    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert "1 live; sessions: 1" in text
    assert "live worker" in text
    last = {name: len(said) - said[::-1].index(name) for name in set(said)}
    assert last["gateway"] < last["live-1"] < last["recorder-1"]


@pytest.mark.parametrize(("part", "path"), [("recorder-1", "/livez"), ("live-1", "/readyz")])
async def test_a_part_starts_once_the_gateway_is_up_or_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, path: str
) -> None:
    answers = {"/livez": 503, "/readyz": 503}
    asked: list[str] = []

    async def get(_address: str, path: str, _cert: Path | None) -> tuple[int, str]:
        asked.append(path)
        return answers[path], ""

    monkeypatch.setattr("scripts.stack.stack._module", lambda *_: ("sleep", "60"))
    monkeypatch.setattr("scripts.stack.stack._get", get)
    async with Stack(settings_in(tmp_path), live=1) as stack:
        await until(lambda: asked.count(path) > 2)
        assert stack.parts["extractor-1"].starts == stack.parts["gateway"].starts == 1
        assert stack.parts[part].starts == 0
        answers[path] = 200
        await until(lambda: stack.parts[part].starts == 1)
    answers[path] = 503
    monkeypatch.setattr("scripts.stack.stack.TURN_S", 0.1)
    async with Stack(settings_in(tmp_path), live=1) as stack:
        await until(lambda: stack.parts[part].starts == 1)


async def test_where_the_live_lane_is_switched_off_no_live_worker_is_started(tmp_path: Path) -> None:
    async with Stack(settings_in(tmp_path, stream_enabled=False), live=3) as stack:
        assert not [name for name in stack.parts if name.startswith("live")]


@pytest.mark.usefixtures("forked")
async def test_with_a_certificate_every_part_serves_https_and_commands_trust_it_alone(tmp_path: Path) -> None:
    (tmp_path / "pair").mkdir()
    pair = Pair(tmp_path / "pair")
    pair.issue("a3cp.example")
    settings = settings_in(tmp_path, metrics_port=0, api_token=SecretStr("a-token-of-this-test"), **pair.settings)
    async with Stack(settings) as stack:
        await stack.ready(DEADLINE_S)
        assert all(url.startswith("https://127.0.0.1:") for url in (stack.address, *stack.metrics.values()))
        async with httpx.AsyncClient(verify=pair.trust, timeout=DEADLINE_S) as http:
            for url in stack.metrics.values():
                assert (await http.get(url.replace("/metrics", "/livez"))).status_code == 200
        async with gateway_client(stack.settings) as client:
            assert (await client.signed_in()).role == "operate"
        unaware = stack.settings.model_copy(update={"tls_cert": None, "tls_key": None})  # as beside `a3cp up --lan`
        assert own_gateway(unaware) == (stack.address, pair.cert)
        found = {each.subject: each for each in await asyncio.to_thread(examine, stack.settings)}
        assert (found["access"].verdict, found["certificate"].verdict) == ("ok", "ok")
        assert "a3cp.example" in found["certificate"].detail and "A3CP_TLS_CA" in found["certificate"].detail

        async with CaptureClient(stack.address, trust=trusting(None)) as client:
            with pytest.raises(GatewayAway, match=r"not trusted .*; name the file of its authority in A3CP_TLS_CA"):
                await client.consent_text()
        trusts = settings.model_copy(update={"tls_ca": pair.ca})
        async with gateway_client(trusts, stack.address) as client, client.live() as live_stream:
            await live_stream.end()


@pytest.mark.usefixtures("forked")
async def test_sessions_survive_a_restart_of_everything(tmp_path: Path) -> None:
    async with Stack(settings_in(tmp_path)) as stack:
        await stack.ready(DEADLINE_S)
        async with CaptureClient(stack.address) as gateway:
            session_id = await gateway.start_session("u")
    async with Stack(settings_in(tmp_path)) as stack:
        await stack.ready(DEADLINE_S)
        assert await _is_active(stack, session_id)


@pytest.mark.usefixtures("forked")
async def test_a_second_stack_on_the_same_state_is_refused_and_the_first_is_unhurt(tmp_path: Path) -> None:
    async with Stack(settings_in(tmp_path)) as first:
        second = Stack(settings_in(tmp_path))
        with pytest.raises(FatalError, match="another `a3cp up` runs on"):
            await second.start()
        assert _answers(first.urls[0])
        assert _answers(first.urls[1])
        assert (tmp_path / "state" / "stack.json").exists()


@pytest.mark.usefixtures("forked")
async def test_a_port_in_use_is_one_line_and_leaves_nothing_running(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stack = Stack(settings_in(tmp_path, port=taken.getsockname()[1]))
        with pytest.raises(ConfigurationError, match="A3CP_PORT"):
            await stack.start()
        assert stack.parts == {}
    async with Stack(settings_in(tmp_path)):
        pass  # the lock of the state was released


@pytest.mark.parametrize(("given", "missing"), [("frames_url", "A3CP_EVENTS_URL"), ("events_url", "A3CP_FRAMES_URL")])
def test_one_url_without_the_other_names_the_missing_one(tmp_path: Path, given: str, missing: str) -> None:
    stack = Stack(settings_in(tmp_path, **{given: SecretStr("redis://127.0.0.1:1")}))
    with pytest.raises(ConfigurationError, match=f"^{missing} is not set"):
        asyncio.run(stack.start())


@pytest.mark.usefixtures("forked")
async def test_a_state_directory_too_deep_for_a_socket_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    async with Stack(settings_in(deep)) as stack:
        folder = Path(stack.urls[0].removeprefix("unix://")).parent
        assert not folder.is_relative_to(deep)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert _answers(stack.urls[0])
    assert not folder.exists()


@pytest.mark.usefixtures("forked")
async def test_a_part_that_a_restart_cannot_fix_stops_the_stack_with_its_own_error(tmp_path: Path) -> None:
    async with Stack(settings_in(tmp_path)) as first:
        frames_url, events_url = map(SecretStr, first.urls)
        swapped = settings_in(tmp_path / "second", frames_url=events_url, events_url=frames_url)
        with pytest.raises(FatalError, match="broker is refused"):
            async with Stack(swapped) as second:
                await second.ready(DEADLINE_S)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000")],
)
def test_the_address_is_one_that_this_machine_reaches(tmp_path: Path, host: str, address: str) -> None:
    assert gateway_address(settings_in(tmp_path, host=host, port=8000)) == address


def _up(folder: Path) -> subprocess.Popen[str]:
    environ = settings_in(folder).environ() | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts.cli", "up", "--live", "0"]
    return subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.PIPE, text=True)


def _read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError("\n".join(lines))


@pytest.mark.real
def test_up_prints_its_address_and_a_signal_stops_every_part_cleanly(tmp_path: Path) -> None:
    with _up(tmp_path) as process:
        said = _read_until(process, "Ctrl-C stops")
        (address,) = [line.removeprefix("a3cp is ready: ") for line in said if line.startswith("a3cp is ready")]
        assert httpx.get(f"{address}/readyz", trust_env=False, timeout=DEADLINE_S).status_code == 200
        assert any(f"redis-cli -s {tmp_path}/state/run/frames.sock" in line for line in said)
        process.send_signal(signal.SIGTERM)  # the others: tests.scripts.commands.test_up
        rest = process.communicate(timeout=300)[0].splitlines()
    assert process.returncode == 0
    assert not any("Traceback" in line for line in [*said, *rest])
    stopped = [line.split(" ")[0] for line in rest if "stopp" in line or "bye" in line or "SIGTERM" in line]
    assert stopped.index("gateway") < stopped.index("extractor-1") < stopped.index("recorder-1")
    assert stopped.index("recorder-1") < stopped.index("frames-broker") < stopped.index("events-broker")


@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot do it")
def test_no_part_outlives_an_up_that_is_killed(tmp_path: Path) -> None:
    with _up(tmp_path) as process:
        _read_until(process, "Ctrl-C stops")
        process.kill()
        process.communicate(timeout=300)
    wait_until(lambda: not _processes_with(str(tmp_path)), "every process of the stack ends")
    wait_until(lambda: not _holds_lock(tmp_path / "state" / "lock"), "the lock is free")
    with prestarted(), _up(tmp_path) as process:  # the next one starts on the files that it left
        _read_until(process, "Ctrl-C stops")
        process.terminate()
        process.communicate(timeout=300)
    assert process.returncode == 0


def _holds_lock(path: Path) -> bool:
    return subprocess.run(["flock", "--nonblock", str(path), "true"]).returncode != 0


def _processes_with(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if text.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found
