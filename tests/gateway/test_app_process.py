"""The gateway as a process: its start, its stop, and the one line of a fatal error."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from contracts.broker import keys
from tests.conftest import BrokerPair, on_one
from tests.support.gateway import DEADLINE_S, REPOSITORY, GatewayProcess, environment, launched, serving
from tests.support.messages import SESSION, Client
from tests.support.waiting import PATIENT, wait_until

pytestmark = pytest.mark.real

ORIGIN_REFUSED = {"Origin": "https://evil.example"}


@contextmanager
def opened_capture(
    gateway: GatewayProcess, brokers: BrokerPair, unique: str
) -> Iterator[tuple[ClientConnection, Client]]:
    """A capture that is open."""
    client = Client(user_id=f"user-{unique}")
    with brokers.events.client() as events:
        events.hset(keys.session(SESSION[:-16] + unique), mapping={"user_id": client.user_id, "status": "active"})
    client.session_id = SESSION[:-16] + unique
    wait_until(
        lambda: "brokers" not in str(httpx.get(f"{gateway.address}/readyz", verify=False, timeout=DEADLINE_S).json()),
        "the brokers are checked",
    )

    with connect(gateway.address.replace("http", "ws") + "/camera_feed_worker/capture", **PATIENT) as connection:
        connection.send(client.open())
        with brokers.frames.client() as frames:
            wait_until(lambda: frames.exists(keys.capture_keys(client.capture_id).state), "the capture is open")
        yield connection, client


def test_the_first_line_says_in_which_environment_the_gateway_runs(tmp_path: Path) -> None:
    with launched(tmp_path, forked=False, APP_ENV="staging") as gateway:
        assert gateway.wait_for("listening")["app_env"] == "staging"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=False, timeout=DEADLINE_S).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("brokers", ["valkey"], indirect=True)  # it is about the process, not the broker
def test_a_gateway_whose_log_is_on_a_full_disk_answers_every_socket_and_counts_none_twice(
    brokers: BrokerPair, tmp_path: Path, unique: str
) -> None:
    port = free_port()
    gateway = SimpleNamespace(address=f"http://127.0.0.1:{port}")
    environ = environment(tmp_path, brokers, A3CP_PORT=str(port))
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen([sys.executable, "-m", "gateway"], cwd=REPOSITORY, env=environ, stderr=full)
    try:
        wait_until(lambda: answers(f"{gateway.address}/livez"), "the gateway serves")
        with opened_capture(gateway, brokers, unique) as (connection, _):  # type: ignore[arg-type]
            connection.send("no JSON")
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    connection.recv(DEADLINE_S)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1003
        with connect(gateway.address.replace("http", "ws") + "/ws/video/stream?pipeline_id=none", **PATIENT) as live:
            assert orjson.loads(live.recv(DEADLINE_S))["error"] == "invalid_pipeline"
        tick = f"{gateway.address}/camera_feed_worker/capture.tick"
        wait_until(
            lambda: httpx.post(tick, verify=False, timeout=DEADLINE_S).json()["active_captures"] == 0,
            "nothing is left of them",
        )
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("brokers", "signal_sent"), [("valkey", signal.SIGTERM), ("redis", signal.SIGINT)], indirect=["brokers"]
)
def test_stop_aborts_open_captures_with_server_shutdown_and_exits_0(
    brokers: BrokerPair, tmp_path: Path, unique: str, signal_sent: signal.Signals
) -> None:
    idle_address = "/camera_feed_worker/ws"
    with (
        serving(tmp_path, brokers) as gateway,
        opened_capture(gateway, brokers, unique) as (connection, client),
        connect(gateway.address.replace("http", "ws") + idle_address, **PATIENT) as idle,
    ):
        gateway.process.send_signal(signal_sent)
        abort = orjson.loads(connection.recv(DEADLINE_S))
        assert (abort["event"], abort["error_code"]) == ("capture.abort", "server_shutdown")
        for socket_left in (connection, idle):
            with pytest.raises(ConnectionClosed):
                socket_left.recv(DEADLINE_S)
            assert (socket_left.close_code, socket_left.close_reason) == (1012, "server_shutdown")
        code, lines = gateway.ended()
        assert code == 0
        assert not [line for line in lines if b"Traceback" in line or not line.startswith(b"{")]
        with brokers.events.client() as events:
            record = events.hgetall(keys.capture_record(client.capture_id))
        # a broker that took over 2 s to answer is named in the log, and the recorder's sweep writes the outcome
        said = any(b"outcome not written" in line for line in lines)
        assert record.get(b"error_code") == b"server_shutdown" or said, (record, lines)


@pytest.mark.parametrize("name", ["DATA_ROOT", "LOG_ROOT"])
def test_a_root_that_cannot_be_made_stops_the_gateway_with_one_line_that_names_it(name: str, tmp_path: Path) -> None:
    urls = {"A3CP_FRAMES_URL": f"unix://{tmp_path}/f.sock", "A3CP_EVENTS_URL": f"unix://{tmp_path}/e.sock"}
    roots = {"DATA_ROOT": str(tmp_path / "data"), "LOG_ROOT": str(tmp_path / "logs"), name: "/dev/null/x"}
    done = subprocess.run(
        [sys.executable, "-m", "gateway"],
        env={**os.environ, **urls, **roots},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"a3cp gateway: {name}: ")


@pytest.mark.parametrize("brokers", ["valkey"], indirect=True)  # it is about the process, not the broker
def test_a_stop_ends_although_a_client_reads_nothing(brokers: BrokerPair, tmp_path: Path, unique: str) -> None:
    with serving(tmp_path, brokers) as gateway:
        host, port = gateway.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as silent:
            silent.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.ended()[0] == 0


def test_livez_is_served_while_the_brokers_are_away_and_each_try_is_logged(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        for _ in range(2):
            assert "does not answer" in gateway.wait_for("waiting for a broker")["detail"]
        assert httpx.get(f"{gateway.address}/livez", timeout=DEADLINE_S).status_code == 200
        answer = wait_until(lambda: _unready(gateway, "does not answer"), "readyz names the brokers")
        assert len(answer["missing"]) == 2
        gateway.process.send_signal(signal.SIGTERM)
        code, lines = gateway.ended()
        assert code == 0 and not [line for line in lines if b"Traceback" in line]


def _unready(gateway: GatewayProcess, text: str) -> Any:
    answer = httpx.get(f"{gateway.address}/readyz", timeout=DEADLINE_S)
    assert answer.status_code == 503
    return answer.json() if text in answer.text else None


def test_frames_broker_that_persists_stops_the_process_with_one_line_and_3(brokers: BrokerPair, tmp_path: Path) -> None:
    wrong = {"A3CP_FRAMES_URL": brokers.events.url}
    with launched(tmp_path, brokers, **wrong) as gateway:
        code, lines = gateway.ended()
        spoken = [line for line in lines if not line.startswith(b"{")]
        assert code == 3
        assert spoken == [
            b"a3cp gateway: the frames broker is refused: appendonly is on, which writes raw frames to a disk; "
            b"fix it with: CONFIG SET appendonly no\n"
        ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A3CP_EVENTS_URL", "redis://:secret@broker:notaport"),  # each other wrong value: test_settings
        ("A3CP_FRAMES_URL", ""),
        ("A3CP_HOST", "203.0.113.7"),
        ("A3CP_HOST", "no such host"),
    ],
)
def test_wrong_setting_is_one_line_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    with launched(tmp_path, **{name: value}) as gateway:
        code, lines = gateway.ended()
        assert code == 2
        assert len(lines) == 1 and lines[0].startswith(b"a3cp gateway: " + name.encode())
        assert b"secret" not in lines[0]


def test_port_that_is_taken_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with launched(tmp_path, A3CP_PORT=port) as gateway:
            code, lines = gateway.ended()
    assert code == 2
    assert lines == [f"a3cp gateway: A3CP_PORT: cannot listen on 127.0.0.1:{port}: Address already in use\n".encode()]


@pytest.mark.parametrize(
    ("host", "proxy", "token", "loud"),
    [("0.0.0.0", "", "", True), ("0.0.0.0", "", "some-token", False), ("127.0.0.1", "127.0.0.1", "", True)],
)
def test_an_address_that_others_reach_without_a_token_is_logged_as_a_warning(
    tmp_path: Path, host: str, proxy: str, token: str, loud: bool
) -> None:
    with serving(tmp_path, A3CP_HOST=host, A3CP_TRUSTED_PROXIES=proxy, A3CP_API_TOKEN=token) as gateway:
        assert gateway.address.startswith(f"http://{host}:")
        gateway.wait_for("waiting for a broker")
        gateway.process.send_signal(signal.SIGTERM)
        _, lines = gateway.ended()
    warnings = [line for line in lines if b"ANYBODY" in line]
    assert len(warnings) == loud
    assert not any(b"some-token" in line for line in lines)


def test_handshake_is_refused_with_a_real_http_answer(tmp_path: Path) -> None:
    with serving(tmp_path, A3CP_API_TOKEN="t0ken") as gateway:
        url = gateway.address.replace("http", "ws") + "/camera_feed_worker/capture"
        for headers, subprotocols, status, code in (
            ({}, None, 401, "token_required"),
            ({}, ["bearer.wrong"], 401, "token_required"),
            (ORIGIN_REFUSED, ["bearer.t0ken"], 403, "origin_not_allowed"),
        ):
            with pytest.raises(InvalidStatus) as refused:
                connect(url, additional_headers=headers, subprotocols=_subprotocols(subprotocols), **PATIENT)
            assert refused.value.response.status_code == status
            assert orjson.loads(refused.value.response.body)["error"] == code
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{url}s", additional_headers={"Authorization": "Bearer t0ken"}, **PATIENT)
        assert refused.value.response.status_code == 404
        with connect(url, subprotocols=_subprotocols(["bearer.t0ken"]), **PATIENT) as connection:
            assert connection.subprotocol == "bearer.t0ken"


def _subprotocols(names: list[str] | None) -> list[Subprotocol] | None:
    return [Subprotocol(name) for name in names] if names else None


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "invalid_http"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 70_000, 431, "head_too_large"),
        (b"GET /" + b"y" * 70_000, 431, "head_too_large"),
    ],
)
def test_bytes_that_are_not_http_or_have_no_end_are_refused_in_json(
    tmp_path: Path, sent: bytes, status: int, code: str
) -> None:
    with serving(tmp_path) as gateway:
        host, port = gateway.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
            connection.sendall(sent[:40_000])
            connection.sendall(sent[40_000:])
            answer = connection.makefile("rb").read()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert int(head.split()[1]) == status
        assert orjson.loads(body)["error"] == code
        gateway.process.send_signal(signal.SIGTERM)
        assert all(line.startswith(b"{") for line in gateway.ended()[1])  # the lines of uvicorn are JSON too


@on_one("redis")  # the scripts and the recorder are tested on both kinds
def test_with_the_real_recorder_start_and_end_are_two_lines_and_appends_answer_after_theirs(
    own_brokers: BrokerPair, tmp_path: Path, unique: str
) -> None:
    user_id = f"user-{unique}"

    def document(**more: Any) -> dict[str, Any]:
        base = {"schema_version": "1.0.1", "record_id": str(uuid.uuid4()), "timestamp": "2026-01-31T12:00:00Z"}
        return base | {"user_id": user_id, "performer_id": "system"} | more

    with serving(tmp_path, own_brokers) as gateway, launched(tmp_path, own_brokers, module="recorder"):

        def post(path: str, body: dict[str, Any]) -> httpx.Response:
            return httpx.post(gateway.address + path, json=body, timeout=DEADLINE_S)

        started = document()
        answer = wait_until(lambda: _ok(post("/session_manager/sessions.start", started)), "a recorder is active")
        session_id = answer["session_id"]
        log = tmp_path / "logs" / "users" / user_id / "sessions" / f"{session_id}.jsonl"
        event = document(session_id=session_id, source="tests")
        appended = post("/schema-recorder/append", event)
        ended = post("/session_manager/sessions.end", document(session_id=session_id, end_time="2026-01-31T12:01:00Z"))
        assert (appended.status_code, ended.status_code) == (201, 200)
        lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
        assert [line["event"].get("event") for line in lines] == ["session.start", None, "session.end"]
        assert lines[1] == {"recorded_at": appended.json()["recorded_at"], "event": event}
        unknown = post("/schema-recorder/append", event | {"user_id": f"unknown-{unique}"})
        assert (unknown.status_code, unknown.json()["error"]) == (409, "missing_session_path")
        blocked = f"sess_{unique[::-1]}"
        log.with_name(f"{blocked}.jsonl").mkdir()
        refused = post("/schema-recorder/append", event | {"session_id": blocked})
        assert (refused.status_code, refused.json()["error"]) == (500, "recorder_io_error")
        log.with_name(f"{blocked}.jsonl").rmdir()  # the queued event is recorded now
        wait_until(lambda: log.with_name(f"{blocked}.jsonl").exists(), "the event is recorded")


def _ok(answer: httpx.Response) -> Any:
    return answer.json() if answer.status_code == 200 else None
