"""The metrics server, and metrics that several processes share."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from pydantic import SecretStr
from structlog.testing import capture_logs

from contracts.process import metrics, metrics_server
from contracts.process.metrics import Liveness, mark_dead, shared_folder, shared_registry
from contracts.process.metrics_server import metrics_served
from contracts.process.settings import Settings
from contracts.process.tokens import MOST_WRONG_TOKENS
from contracts.rules.errors import ConfigurationError
from tests.support.certificates import Pair
from tests.support.waiting import DEADLINE_S, wait_until


@contextmanager
def served(registry: Any = None, **options: Any) -> Iterator[str]:
    """Serve metrics; yields the address."""
    if registry is None:
        registry = CollectorRegistry()
        Counter("frames", "Frames.", registry=registry).inc(3)
    alive = options.pop("alive", lambda: True)
    with capture_logs() as lines, metrics_served(Settings(metrics_port=0, **options), registry, alive):
        (line,) = lines
        yield line["address"].removesuffix("/metrics")


def get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=DEADLINE_S, verify=False, **options)


def test_metrics_and_liveness_are_served_and_nothing_else() -> None:
    with served() as address:
        answer = get(f"{address}/metrics")
        assert answer.status_code == 200
        assert "frames_total 3.0" in answer.text.splitlines()
        assert answer.headers["content-type"].startswith("text/plain")
        assert get(f"{address}/livez").json() == {"status": "alive"}
        assert get(f"{address}/").json()["error"] == "not_found"
        for method in ("POST", "HEAD", "PUT"):
            refused = httpx.request(method, f"{address}/metrics", trust_env=False, timeout=DEADLINE_S)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
            assert "server" not in refused.headers


def test_without_a_port_nothing_is_served() -> None:
    with capture_logs() as lines, metrics_served(Settings(), CollectorRegistry()):
        assert not lines


def test_with_a_certificate_they_are_served_over_tls_alone(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    with served(**pair.settings) as address:
        place = address.removeprefix("https://").split(":")
        silent = [socket.create_connection((place[0], int(place[1]))) for _ in range(2)]
        assert address.startswith("https://") and "frames_total 3.0" in get(f"{address}/metrics").text
        with pytest.raises(httpx.TransportError):
            get(address.replace("https", "http") + "/livez")
        pair.issue("new.example")
        assert "new.example" in pair.names_at(int(place[1]))
        for client in silent:
            client.close()


@pytest.mark.parametrize("path", ["/metrics", "/", "/elsewhere"])
def test_with_a_token_only_liveness_is_open(path: str) -> None:
    with served(api_token=SecretStr("secret")) as address:
        assert get(f"{address}/livez").status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
            refused = get(address + path, headers=headers)
            assert (refused.status_code, refused.json()["error"]) == (401, "token_required")
            assert refused.headers["www-authenticate"] == 'Bearer realm="a3cp"'
        assert get(address + path, headers={"Authorization": "Bearer secret"}).status_code != 401


def test_an_address_that_guesses_finds_no_token_for_a_while() -> None:
    with served(api_token=SecretStr("secret")) as address:
        for number in range(MOST_WRONG_TOKENS):
            assert get(f"{address}/metrics", headers={"Authorization": f"Bearer guess{number}"}).status_code == 401
        assert get(f"{address}/metrics", headers={"Authorization": "Bearer secret"}).status_code == 401
        assert get(f"{address}/livez").status_code == 200


def test_work_that_is_stuck_is_not_alive() -> None:
    now_s = 100.0
    liveness = Liveness(within_s=10, clock=lambda: now_s)
    with served(alive=liveness.is_alive) as address:
        now_s = 110.0
        assert get(f"{address}/livez").status_code == 200
        now_s = 110.1
        stuck = get(f"{address}/livez")
        assert (stuck.status_code, stuck.json()) == (503, {"status": "stuck"})
        liveness.report()
        assert get(f"{address}/livez").status_code == 200


def test_a_port_that_is_taken_is_an_error_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"^A3CP_METRICS_PORT: cannot listen on 127.0.0.1:{port}: "),
            metrics_served(Settings(metrics_port=port), CollectorRegistry()),
        ):
            pass


def test_metrics_that_cannot_be_read_are_a_503_without_a_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def collect(self) -> Any:
            raise RuntimeError("a secret place")

    with served(Broken()) as address:
        answer = get(f"{address}/metrics")
        assert (answer.status_code, answer.json()["error"]) == (503, "metrics_unreadable")
        assert get(f"{address}/livez").status_code == 200
    assert "secret place" not in answer.text
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET /<script> HTTP/9\r\n\r\n"])
def test_bytes_that_are_no_request_are_refused_and_not_quoted(nonsense: bytes, capfd: Any) -> None:
    with served() as address, _connected(address) as client:
        client.sendall(nonsense)
        answer = _read(client)
        assert b'"error":"invalid_http"' in answer
        assert b"script" not in answer and b"Python" not in answer
    assert not capfd.readouterr().err


def test_a_client_that_sends_nothing_is_cut_off_and_takes_no_slot_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "ANSWERED_WITHIN_S", 0.2)
    with served() as address:
        silent = [socket.create_connection(_place(address)) for _ in range(3 * metrics_server.MAX_CONNECTIONS)]
        assert all(_read(client) == b"" for client in silent)
        wait_until(lambda: _answers(address))
        for client in silent:
            client.close()


def _answers(address: str) -> bool:
    try:
        return get(f"{address}/metrics").status_code == 200
    except httpx.TransportError:
        return False


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    return host, int(port)


def _connected(address: str) -> socket.socket:
    return socket.create_connection(_place(address), timeout=300)


def _read(client: socket.socket) -> bytes:
    client.settimeout(20)
    found = b""
    try:
        while chunk := client.recv(65536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


# --- several processes -------------------------------------------------------------------------------

PROCESS = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry, Counter, Gauge
from contracts.process.metrics import keep_metrics_in
for name, number in zip(sys.argv[2::2], sys.argv[3::2]):
    keep_metrics_in(Path(sys.argv[1]), name)
    registry = CollectorRegistry()
    Counter("frames", "Frames.", ["code"], registry=registry).labels("a").inc(int(number))
    Gauge("graphs", "Graphs.", registry=registry, multiprocess_mode="livesum").set(int(number))
"""


def count(folder: Path, **numbers: int) -> None:
    """Let other processes count and end."""
    words = [str(word).replace("_", "-") for item in numbers.items() for word in item]
    subprocess.run([sys.executable, "-c", PROCESS, str(folder), *words], check=True)


def numbers(folder: Path) -> dict[str, float]:
    lines = generate_latest(shared_registry(folder)).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}


def test_processes_are_added_up_and_one_that_is_started_again_counts_on() -> None:
    with shared_folder() as folder:
        count(folder, extractor_1=3, extractor_2=4)
        assert numbers(folder) == {'frames_total{code="a"}': 7, "graphs": 7}
        mark_dead(folder, "extractor-1")
        assert numbers(folder) == {'frames_total{code="a"}': 7, "graphs": 4}
        files = len(list(folder.iterdir()))
        count(folder, extractor_1=1)
        assert numbers(folder) == {'frames_total{code="a"}': 8, "graphs": 5}
        assert len(list(folder.iterdir())) == files + 1, (
            "the folder must not keep a file for each process that ever ran"
        )
    assert not folder.exists()


def test_a_process_that_has_made_its_file_and_not_filled_it_is_left_out() -> None:
    with shared_folder() as folder:
        count(folder, extractor_1=3)
        (folder / "gauge_livesum_extractor-2.db").touch()
        (folder / "counter_extractor-2.db").touch()
        assert numbers(folder) == {'frames_total{code="a"}': 3, "graphs": 3}


def test_a_folder_is_private_and_what_a_killed_pool_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics.tempfile, "tempdir", str(tmp_path))
    with shared_folder() as held:
        assert held.stat().st_mode & 0o777 == 0o700
        left, fresh, other = [tmp_path / name for name in ("a3cp-metrics-left", "a3cp-metrics-new", "something-else")]
        for folder in (left, fresh, other):
            folder.mkdir()
            (folder / "counter_extractor-1.db").touch()
        long_ago = time.time() - metrics.STALE_S - 1
        for folder in (left, other, held):
            os.utime(folder, (long_ago, long_ago))
        with shared_folder():
            assert [path.exists() for path in (held, left, fresh, other)] == [True, False, True, True]


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics.tempfile, "tempdir", str(tmp_path / "missing"))
    with (
        pytest.raises(ConfigurationError, match="A3CP_METRICS_PORT: cannot create a folder for metrics"),
        shared_folder(),
    ):
        pass


def test_the_server_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with served() as address:
        get(f"{address}/metrics")
    wait_until(lambda: threading.active_count() == before)


@pytest.mark.parametrize("module", ["recorder", "workers"])
def test_a_process_whose_port_is_taken_stops_with_one_line_that_names_the_setting(module: str) -> None:
    away = {"A3CP_FRAMES_URL": "unix:///nowhere/f.sock", "A3CP_EVENTS_URL": "unix:///nowhere/e.sock"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = subprocess.run(
            [sys.executable, "-m", module],
            env={"PATH": os.environ["PATH"], "A3CP_METRICS_PORT": port, **away},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert process.returncode == 2
    (line,) = [line for line in process.stderr.splitlines() if not line.startswith("{")]
    assert f"A3CP_METRICS_PORT: cannot listen on 127.0.0.1:{port}" in line
