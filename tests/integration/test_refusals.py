"""Each process reports a misconfigured or absent broker in one sentence, without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx
import pytest

from tests.conftest import BrokerPair
from tests.support.brokers import EVENTS, FRAMES, BrokerProcess
from tests.support.waiting import DEADLINE_S, wait_until

PROCESSES = ("gateway", "extractor", "recorder")


def environ(frames_url: str, events_url: str, folder: Path, **settings: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("A3CP_")},
        "DATA_ROOT": str(folder / "data"),
        "LOG_ROOT": str(folder / "logs"),
        "A3CP_FRAMES_URL": frames_url,
        "A3CP_EVENTS_URL": events_url,
        "A3CP_PORT": "0",
        **settings,
    }


def command(process: str) -> list[str]:
    return [sys.executable, "-m", "scripts.cli", process]


@contextmanager
def started(process: str, settings: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], Iterator[str]]]:
    """A process, and the lines it writes; stopped on the way out, where it must end well and without a traceback."""
    seen: list[str] = []
    with subprocess.Popen(command(process), env=settings, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None

        def lines() -> Iterator[str]:
            for line in running.stderr or ():
                seen.append(line)
                yield line

        try:
            yield running, lines()
        finally:
            running.terminate()
            seen.append(running.stderr.read())
        assert running.wait(300) == 0, seen
    assert "Traceback" not in "".join(seen)


@pytest.fixture
def events() -> Iterator[BrokerProcess]:
    broker = BrokerProcess("valkey", EVENTS).start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(
    ("options", "says", "fix"),
    [
        (("--appendonly", "yes", "--save", ""), "raw frames", "CONFIG SET appendonly no"),
        (("--appendonly", "no", "--save", "3600 1"), "raw frames", 'CONFIG SET save ""'),
    ],
    ids=["aof", "rdb"],
)
def test_a_frames_broker_that_persists_is_refused_with_a_sentence_that_says_how_to_fix_it(
    process: str, options: tuple[str, ...], says: str, fix: str, events: BrokerProcess, tmp_path: Path
) -> None:
    frames = BrokerProcess("valkey", ("--maxmemory", "100mb", *options)).start()
    try:
        done = subprocess.run(
            command(process), env=environ(frames.url, events.url, tmp_path), capture_output=True, text=True, timeout=300
        )
    finally:
        frames.stop()
    assert done.returncode == 3, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "frames broker is refused" in last and says in last and fix in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("process", PROCESSES)
def test_an_events_broker_without_an_append_only_file_is_refused(process: str, tmp_path: Path) -> None:
    frames, plain = BrokerProcess("valkey", FRAMES).start(), BrokerProcess("valkey", FRAMES).start()
    try:
        done = subprocess.run(
            command(process), env=environ(frames.url, plain.url, tmp_path), capture_output=True, text=True, timeout=300
        )
    finally:
        frames.stop()
        plain.stop()
    assert done.returncode == 3, done.stderr
    assert "CONFIG SET appendonly yes" in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_broker_that_is_away_is_reported_and_checked_again(process: str, tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/missing.sock"
    with started(process, environ(nowhere, nowhere, tmp_path)) as (running, lines):
        reports = (line for line in lines if "does not answer" in line)
        assert len(list(islice(reports, 3))) == 3
        assert running.poll() is None


def test_a_gateway_whose_brokers_are_away_is_live_and_not_ready(own_brokers: BrokerPair, tmp_path: Path) -> None:
    own_brokers.frames.kill()
    settings = environ(own_brokers.frames.url, own_brokers.events.url, tmp_path)
    with started("gateway", settings) as (_, lines):
        address = next(line.split('"address": "')[1].split('"')[0] for line in lines if '"listening"' in line)
        assert httpx.get(f"{address}/livez", timeout=DEADLINE_S).status_code == 200
        broker_away = "The frames broker does not answer."
        wait_until(lambda: broker_away in missing(address), "the gateway has checked its brokers")
        own_brokers.frames.start()
        wait_until(lambda: broker_away not in missing(address), "the gateway sees that the broker is back")
        assert "No extractor is running." in missing(address)


def missing(address: str) -> list[str]:
    answer = httpx.get(f"{address}/readyz", verify=False, timeout=DEADLINE_S)
    assert answer.status_code == 503
    return list(answer.json()["missing"])
