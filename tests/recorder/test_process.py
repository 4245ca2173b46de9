"""``python -m recorder`` as a process: how it stops, what it refuses, and how it survives kill -9 and a pause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from contracts.broker import keys
from contracts.rules.paths import session_log_path
from contracts.state.events import EventEntry, split_line
from tests.conftest import BrokerPair, on_one
from tests.recorder.samples import entry, make_log_dir, new_session
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real


class Recorder:
    """One recorder process; its log lines go to a file."""

    def __init__(self, environ: dict[str, str], output: Path) -> None:
        self.output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen([sys.executable, "-m", "recorder"], env=environ, stderr=file)

    def said(self, text: str) -> bool:
        return text.encode() in self.output.read_bytes()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        return self.process.wait(300)


def environ(log_root: Path, frames: str, events: str, **more: str) -> dict[str, str]:
    ours = {"LOG_ROOT": str(log_root), "A3CP_FRAMES_URL": frames, "A3CP_EVENTS_URL": events, **more}
    return {"PATH": os.environ["PATH"], **ours}


@contextmanager
def recorder(output: Path, env: dict[str, str]) -> Iterator[Recorder]:
    started = Recorder(env, output)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait(300)


def put(client: redis.Redis, entries: list[EventEntry]) -> None:
    for each in entries:
        fields: Any = each.encode()
        client.xadd(keys.EVENTS, fields)


def lines(log_root: Path, session_id: str) -> list[bytes]:
    log = session_log_path(log_root, "u1", session_id)
    parts = [split_line(line) for line in log.read_bytes().splitlines(keepends=True)] if log.exists() else []
    return [part[1] for part in parts if part is not None]


@pytest.mark.parametrize("brokers", ["valkey"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly_with_0(brokers: BrokerPair, tmp_path: Path, number: signal.Signals) -> None:
    env = environ(tmp_path, brokers.frames.url, brokers.events.url)
    with recorder(tmp_path / "out", env) as process:
        wait_until(lambda: process.said("stands by"))
        process.send(number)
        assert process.exit_code() == 0
        assert process.said("the recorder stopped")


def test_a_broker_that_is_away_is_reported_and_a_signal_still_ends_the_process(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/no.sock"
    with recorder(tmp_path / "out", environ(tmp_path, nowhere, nowhere)) as process:
        wait_until(lambda: process.said("waiting for a broker"))
        process.send(signal.SIGTERM)
        assert process.exit_code() == 0
        assert not process.said("Traceback")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"A3CP_RECORDER_FSYNC": "sometimes"}, "A3CP_RECORDER_FSYNC"),  # each other wrong value: test_settings
        ({"A3CP_EVENTS_URL": ""}, "A3CP_EVENTS_URL"),
    ],
)
def test_a_wrong_setting_stops_the_process_with_one_line_that_names_it(
    tmp_path: Path, changes: dict[str, str], named: str
) -> None:
    env = environ(tmp_path, "redis://localhost:1", "redis://localhost:1") | changes
    with recorder(tmp_path / "out", env) as process:
        assert process.exit_code() == 2
        [line] = process.output.read_text().splitlines()
        assert named in line


@on_one("redis")
def test_an_events_broker_without_aof_is_refused_with_the_command_that_turns_it_on(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    with own_brokers.events.client() as client:
        client.config_set("appendonly", "no")
    with recorder(tmp_path / "out", environ(tmp_path, own_brokers.frames.url, own_brokers.events.url)) as process:
        assert process.exit_code() == 3
        assert process.said("CONFIG SET appendonly yes")


@on_one("redis")
def test_a_paused_leader_and_a_killed_one_lose_and_repeat_nothing(own_brokers: BrokerPair, tmp_path: Path) -> None:
    """The first leader is paused until a standby has taken over; then it wakes up; then the second is killed."""
    make_log_dir(tmp_path)
    session = new_session()
    given = [entry(session, n=n) for n in range(120)]
    env = environ(tmp_path, own_brokers.frames.url, own_brokers.events.url)

    def recorded(count: int) -> Callable[[], bool]:
        return lambda: len(lines(tmp_path, session)) >= count

    with own_brokers.events.client() as client, recorder(tmp_path / "one", env) as one:
        wait_until(lambda: one.said("is active"))
        with recorder(tmp_path / "two", env) as two:
            wait_until(lambda: two.said("stands by"))
            put(client, given[:30])
            wait_until(lambda: client.xlen(keys.EVENTS) == 0)  # in the middle of an append it would keep the log's lock
            one.send(signal.SIGSTOP)
            put(client, given[30:60])
            wait_until(recorded(60))
            assert two.said("is active")
            one.send(signal.SIGCONT)
            put(client, given[60:90])
            wait_until(recorded(90))
            two.send(signal.SIGKILL)
            put(client, given[90:])
            wait_until(recorded(120))
        wait_until(lambda: client.xlen(keys.EVENTS) == 0)
        one.send(signal.SIGTERM)
        assert one.exit_code() == 0
    assert lines(tmp_path, session) == [each.event for each in given]
