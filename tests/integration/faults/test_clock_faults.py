"""Processes whose clock steps back and forward while everything runs: nothing but the times they write may tell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from contracts.ids import parse_utc
from scripts.supervision import PartSpec
from tests.brokers import EVENTS, FRAMES, BrokerProcess
from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.checker import Allow
from tests.integration.faults.harness import Fault, Plan, Rig, play, rig_on, until

STEPS = (timedelta(hours=-3), timedelta(hours=2))
WITHIN_S = 30.0

BUSY = Allow(append_answers=frozenset({503}))
"""A machine with more to do than it can may keep an append's client waiting for longer than it waits."""


@pytest.fixture
def faketime() -> Path:
    """The library that steps the clock of the one process it is loaded into."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        message = "no libfaketime on this machine: apt-get install faketime"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found[0]


SITECUSTOMIZE = """
# time.sleep waits until a monotonic time, which this libfaketime takes for a wrong argument
import threading, time
time.sleep = lambda seconds: threading.Event().wait(seconds)
"""


@pytest.fixture
def pair() -> Iterator[BrokerPair]:
    yield from start_pair("valkey")


class Clocks:
    """A clock for every part, each ahead of the machine's by what it was set to."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._folder = folder
        self._library = library
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)

    def step(self, name: str, ahead: timedelta) -> None:
        """Set a part's clock; every process of it sees that at once."""
        path = self._folder / f"clock-{name}"
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{ahead.total_seconds():+.0f}")
        fresh.replace(path)

    def of(self, spec: PartSpec) -> PartSpec:
        """The part, with a clock of its own. Monotonic clocks stay what they are, as in a real step."""
        python_path = {"PYTHONPATH": f"{self._folder}:{spec.environ['PYTHONPATH']}"}
        return replace(spec, environ={**spec.environ, **self.environ(spec.name), **python_path})

    def environ(self, name: str) -> dict[str, str]:
        """What gives a process the clock of this name."""
        self.step(name, timedelta(0))
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / f"clock-{name}"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def steps_done(rig: Rig) -> int:
    """Rows stored and lines written."""
    done = (rig.frames_proxy.counts.items(), rig.events_proxy.counts.items())
    return sum(count for counts in done for (_, name), count in counts if name in ("row", "settle"))


async def works(rig: Rig) -> None:
    """Wait until a dozen more rows and lines are written."""
    before = steps_done(rig)

    async def goes_on() -> bool:
        return steps_done(rig) >= before + 12

    await until(goes_on, "the work goes on", WITHIN_S)


def stepping(clocks: Clocks, part: str) -> Fault:
    """The clock of a part's processes goes back, and on, in the middle of the work."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        for ahead in STEPS:
            await works(rig)
            for name in rig.parts:
                if name.startswith(part):
                    clocks.step(name, ahead)

    return fault


@pytest.mark.timeout(300)
def test_a_clock_that_steps_back_and_forward_changes_nothing_but_the_times_that_are_written(
    pair: BrokerPair, tmp_path: Path, faketime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = Clocks(tmp_path, faketime)
    plain = Rig.spec
    monkeypatch.setattr(Rig, "spec", lambda rig, name: clocks.of(plain(rig, name)))

    async def main() -> None:
        async with rig_on(pair, tmp_path, extractors=1) as rig:
            for part in ("gateway", "extractor", "recorder"):
                report = await play(rig, Plan(captures=3, appends=12), stepping(clocks, part), BUSY)
                assert report.ok, (part, report.findings)
                assert (report.recorded, report.appends) == (3, 12)
            # every part writes something by the clock it was left with
            await play(rig, Plan(captures=1, appends=2, frames=31))
            for part, written in (
                ("gateway", logged(rig, "gateway")),
                ("extractor", logged(rig, "extractor")),
                ("recorder", recorded(rig)),
            ):
                assert max(written) - min(written) > timedelta(hours=1.9), f"the {part}'s clock was never stepped"

    asyncio.run(main())


@pytest.mark.timeout(300)
def test_a_brokers_clock_that_steps_ends_open_captures_at_worst_and_their_clients_are_told(
    tmp_path: Path, faketime: Path
) -> None:
    clocks = Clocks(tmp_path, faketime)
    # Valkey's: a Redis of Debian's hangs when it starts with this library
    pair = BrokerPair(
        BrokerProcess("valkey", FRAMES, environ=clocks.environ("frames")).start(),
        BrokerProcess("valkey", EVENTS, environ=clocks.environ("events")).start(),
    )

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        for name, ahead in (("events", -1), ("events", 1), ("frames", -1)):
            await works(rig)
            clocks.step(name, timedelta(hours=ahead))
        await works(rig)
        assert await hours_apart(rig) == 2
        clocks.step("frames", timedelta(hours=1))  # the keys of an open capture live for a minute

    async def main() -> None:
        async with rig_on(pair, tmp_path / "rig", extractors=1) as rig:
            told = Allow(told=frozenset({"forward_failed"}), outcomes=frozenset({"frames_lost"})) | BUSY
            report = await play(rig, Plan(captures=4, appends=12, max_pace_s=0.3), fault, told)
            assert report.ok, report.findings
            report = await play(rig, Plan(captures=1, appends=2, frames=31))
            assert report.ok, report.findings
            assert report.recorded == 1

    try:
        asyncio.run(main())
    finally:
        pair.frames.stop()
        pair.events.stop()


async def hours_apart(rig: Rig) -> int:
    """How far the events broker's clock is ahead of the frames broker's."""
    (frames_s, _), (events_s, _) = await rig.frames.time(), await rig.events.time()
    return round((events_s - frames_s) / 3600)


def logged(rig: Rig, part: str) -> list[datetime]:
    """The times that a part's processes wrote into their own logs."""
    lines = (line.partition(" | ")[2] for line in rig.said if line.startswith(part))
    return [parse_utc(orjson.loads(line)["timestamp"]) for line in lines if line.startswith("{")]


def recorded(rig: Rig) -> list[datetime]:
    """When the lines of every session were recorded."""
    logs = rig.settings.log_root.rglob("*.jsonl")
    return [parse_utc(orjson.loads(line)["recorded_at"]) for log in logs for line in log.read_bytes().splitlines()]
