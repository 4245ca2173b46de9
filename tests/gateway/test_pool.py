"""Several processes of one gateway: one port, one set of numbers, and one stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from contracts.broker import keys
from contracts.process.folder_lock import FolderLeader
from tests.conftest import BrokerPair, on_one
from tests.support.gateway import DEADLINE_S, GatewayProcess, launched, serving
from tests.support.messages import Client, jpeg
from tests.support.waiting import PATIENT, wait_until

pytestmark = pytest.mark.real

NAMES = {"gateway-1", "gateway-2"}
MOST_CAPTURES = 64


@dataclass
class Two:
    """A gateway of two processes: their ids by name, and its open captures by the process that has them."""

    gateway: GatewayProcess
    brokers: BrokerPair
    pids: dict[str, int] = field(default_factory=dict)
    captures: dict[str, list[tuple[ClientConnection, Client]]] = field(default_factory=dict)

    def get(self, path: str) -> httpx.Response:
        """The answer on a new connection, so that either process may give it."""
        return httpx.get(self.gateway.address + path, timeout=DEADLINE_S)

    def metric(self, name: str) -> float:
        """The sum of a metric's samples, in the answer of either process."""
        families = text_string_to_metric_families(self.get("/metrics").raise_for_status().text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def open_on_both(self, sockets: ExitStack) -> None:
        """Open captures, each of another user, until each process has one."""
        ready = f"{self.gateway.address}/readyz"
        wait_until(lambda: "brokers" not in str(httpx.get(ready, timeout=DEADLINE_S).json()), "the brokers are checked")
        for number in range(MOST_CAPTURES):
            client = Client(user_id=f"user-{number}", session_id=f"sess_{number:016x}")
            with self.brokers.events.client() as events:
                events.hset(keys.session(client.session_id), mapping={"user_id": client.user_id, "status": "active"})
            address = self.gateway.address.replace("http", "ws") + "/camera_feed_worker/capture"
            connection = sockets.enter_context(connect(address, **PATIENT))
            connection.send(client.open())
            opened = self.gateway.wait_for("capture opened")
            self.captures.setdefault(opened["gateway"], []).append((connection, client))
            if set(self.captures) == NAMES:
                return
        raise AssertionError(f"one process has all captures: {list(self.captures)}")

    def abort_of(self, connection: ClientConnection) -> str:
        """The code with which the gateway aborts this capture."""
        code = str(orjson.loads(connection.recv(DEADLINE_S))["error_code"])
        with pytest.raises(ConnectionClosed):
            connection.recv(DEADLINE_S)
        return code


@contextmanager
def two_processes(brokers: BrokerPair, folder: Path) -> Iterator[Two]:
    """Both serve. Their captures may be idle for long."""
    patience = dict.fromkeys(("IDLE_TIMEOUT_S", "META_TIMEOUT_S", "MAX_DURATION_S"), str(DEADLINE_S))
    settings = {"A3CP_STATE_DIR": str(folder), **{f"A3CP_CAPTURE_{name}": value for name, value in patience.items()}}
    with launched(folder, brokers, arguments=["--processes", "2"], **settings) as gateway:
        two = Two(gateway, brokers)
        for _ in NAMES:
            line = gateway.wait_for("process starts")
            two.pids[line["gateway"]] = line["pid"]
        gateway.address = gateway.wait_for("listening")["address"]
        wait_until(lambda: two.metric("a3cp_gateway_processes") == 2, "both serve")
        yield two


@on_one("valkey")
def test_a_process_that_is_killed_takes_its_own_captures_alone_and_comes_back(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    with two_processes(own_brokers, tmp_path) as two:
        gateway = two.gateway
        with ExitStack() as sockets:
            two.open_on_both(sockets)
            count = sum(map(len, two.captures.values()))
            wait_until(lambda: two.metric("a3cp_capture_active") == count, "either process shows the sum")
            assert two.metric("a3cp_capture_opened_total") == count
            tick = f"{gateway.address}/camera_feed_worker/capture.tick"
            assert httpx.post(tick, timeout=DEADLINE_S).json()["active_captures"] == count

            os.kill(two.pids["gateway-1"], signal.SIGKILL)
            assert gateway.wait_for("gateway process ended")["exit_code"] == -signal.SIGKILL
            for connection, _ in two.captures["gateway-1"]:
                with pytest.raises(ConnectionClosed) as cut:
                    connection.recv(DEADLINE_S)
                assert cut.value.rcvd is None, "no process said goodbye"
            assert gateway.wait_for("process starts")["gateway"] == "gateway-1"
            wait_until(lambda: two.metric("a3cp_gateway_processes") == 2, "it serves again")
            left = two.captures["gateway-2"]
            assert two.metric("a3cp_capture_active") == len(left)
            assert two.metric("a3cp_capture_opened_total") == count, "what it counted is not lost"
            assert two.metric("a3cp_gateway_deaths_total") == 1
            assert not FolderLeader(tmp_path / "library").is_this(), "a process that lives follows the logs"
            assert {two.get("/library/captures").status_code for _ in range(8)} == {200}

            for connection, client in left:
                connection.send(client.meta(1))
                connection.send(jpeg())
            wait_until(lambda: two.metric("a3cp_capture_frames_total") == len(left), "the others go on")
            gateway.process.terminate()
            assert {two.abort_of(connection) for connection, _ in left} == {"server_shutdown"}
        code, lines = gateway.ended()
        assert code == 0
        assert not [line for line in lines if b"Traceback" in line or not line.startswith(b"{")]
        with own_brokers.events.client() as events:
            for _, client in left:
                assert events.hget(keys.capture_record(client.capture_id), "error_code") == b"server_shutdown"


@on_one("valkey")
def test_the_processes_abort_their_captures_and_end_if_their_parent_is_killed(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    with two_processes(own_brokers, tmp_path) as two, ExitStack() as sockets:
        two.open_on_both(sockets)
        two.gateway.process.kill()
        opened = [connection for captures in two.captures.values() for connection, _ in captures]
        assert {two.abort_of(connection) for connection in opened} == {"server_shutdown"}
        wait_until(lambda: not _answers(two.gateway.address), "the port is free")


def _answers(address: str) -> bool:
    try:
        httpx.get(f"{address}/livez", timeout=DEADLINE_S)
    except httpx.TransportError:
        return False
    return True


def test_a_setting_that_no_process_can_use_ends_the_gateway_with_2(tmp_path: Path) -> None:
    with launched(tmp_path, arguments=["--processes", "2"], A3CP_CONSENT_FILE="/nowhere.md") as gateway:
        code, lines = gateway.ended()
    assert code == 2
    assert any(line.startswith(b"a3cp gateway: A3CP_CONSENT_FILE: ") for line in lines)


def test_the_parent_says_that_the_port_is_taken_before_it_starts_a_process(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        port = first.address.rpartition(":")[2]
        with launched(tmp_path, arguments=["--processes", "2"], A3CP_PORT=port) as second:
            code, lines = second.ended()
    assert code == 2
    (line,) = lines
    assert line.startswith(b"a3cp gateway: A3CP_PORT: ")
