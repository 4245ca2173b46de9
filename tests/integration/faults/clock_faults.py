"""Clocks of the processes and of the brokers that step back and forward while the stack runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson

from contracts.rules.ids import parse_utc
from scripts.stack.supervision import PartSpec
from tests.integration.faults.broker_faults import paced
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import Sessions
from tests.integration.faults.harness import Fault, Plan, Rig, rig_on
from tests.integration.faults.process_faults import Case
from tests.integration.faults.rigs import RigKind, broker_pair
from tests.support.brokers import Flavour
from tests.support.waiting import DEADLINE_S, until

__all__ = ["CASES"]

PARTS = ("gateway", "extractor", "recorder")

STEPS = (timedelta(hours=-3), timedelta(hours=2))

BUSY = Allow(append_answers=frozenset({503}))
"""A machine with more to do than it can may keep an append's client waiting for longer than it waits."""

SITECUSTOMIZE = """
# time.sleep waits until a monotonic time, which this libfaketime takes for a wrong argument
import threading, time
time.sleep = lambda seconds: threading.Event().wait(seconds)
"""


class Clocks:
    """A clock for every process, in a file of ``folder``: its offset from the machine's clock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def step(self, name: str, ahead: timedelta) -> None:
        """Set a clock; every process that has it sees that at once."""
        path = self._folder / f"clock-{name}"
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{ahead.total_seconds():+.0f}")
        fresh.replace(path)

    def of(self, spec: PartSpec) -> PartSpec:
        """A part with its own clock. Monotonic clocks do not step, as in reality."""
        (self._folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
        python_path = {"PYTHONPATH": f"{self._folder}:{spec.environ['PYTHONPATH']}"}
        return replace(spec, environ={**spec.environ, **self.environ(spec.name), **python_path})

    def environ(self, name: str) -> dict[str, str]:
        """The environment that gives a process the clock of this name."""
        self.step(name, timedelta(0))
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / f"clock-{name}"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "FAULTS_PATIENCE_S": f"{DEADLINE_S:g}",
        }


def _library() -> Path | None:
    """The library that steps the clock of the process that loads it."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def no_library() -> str:
    """The library that this machine lacks; empty if it lacks none."""
    return "" if _library() else "no libfaketime: apt-get install faketime"


@asynccontextmanager
async def with_clocks(flavour: Flavour, folder: Path, **options: Any) -> AsyncIterator[Rig]:
    """Every part has a clock of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with broker_pair(flavour) as pair:
        async with rig_on(pair, folder, extractors=1, dress=Clocks(folder).of, **options) as rig:
            yield rig


@asynccontextmanager
async def with_broker_clocks(flavour: Flavour, folder: Path, **options: Any) -> AsyncIterator[Rig]:
    """Both brokers have clocks of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    clocks = Clocks(folder)
    with broker_pair(flavour, clocks.environ("frames"), clocks.environ("events")) as pair:
        async with rig_on(pair, folder, extractors=1, **options) as rig:
            yield rig


async def works(rig: Rig) -> None:
    """Wait until a dozen more rows and lines are written."""

    def done() -> int:
        counts = (*rig.frames_proxy.counts.items(), *rig.events_proxy.counts.items())
        return sum(count for (_, name), count in counts if name in ("row", "acknowledge_events"))

    before = done()

    async def goes_on() -> bool:
        return done() >= before + 12

    await until(goes_on, "rows and lines are written")


def steps(*parts: str) -> Fault:
    """The clock of a part's processes goes back, and on, in the middle of the work; then they write by it. Of several
    parts, every other one goes on first."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        clocks = Clocks(rig.folder)
        armed.set()
        for turn in range(len(STEPS)):
            await works(rig)
            for place, part in enumerate(parts):
                for name in rig.parts:
                    if name.startswith(part):
                        clocks.step(name, STEPS[(turn + place) % len(STEPS)])
        await _session(rig)
        for part in parts:
            await until(partial(_stepped, rig, part), f"the {part} writes a time of its clock")

    return fault


def _stepped(rig: Rig, part: str) -> bool:
    written = _written(rig, part)
    return max(written) - min(written) > timedelta(hours=1.9)


async def _session(rig: Rig) -> None:
    """A session begins and ends: the gateway and the recorder write their times into its log."""
    history = rig.next_history()
    async with httpx.AsyncClient(base_url=rig.address, trust_env=False, timeout=DEADLINE_S) as http:
        sessions = Sessions(http, history)
        await sessions.end("clock", await sessions.start("clock"))
    history.close()


def _written(rig: Rig, part: str) -> list[datetime]:
    """The times that a part's processes have written: in session logs, or the extractor in its own."""
    if part == "extractor":
        own = (line.partition(" | ")[2] for line in rig.said if line.startswith(part))
        return [parse_utc(orjson.loads(line)["timestamp"]) for line in own if line.startswith("{")]
    logs = rig.settings.log_root.rglob("*.jsonl")
    lines = [orjson.loads(line) for log in logs for line in log.read_bytes().splitlines()]
    if part == "recorder":
        return [parse_utc(line["recorded_at"]) for line in lines]
    return [parse_utc(line["event"]["start_time"]) for line in lines if "start_time" in line["event"]]


async def brokers_step(rig: Rig, armed: asyncio.Event) -> None:
    """The events broker's clock goes back and on, the frames broker's too: open captures end at worst."""
    clocks = Clocks(rig.folder)
    armed.set()
    for name, ahead in (("events", -1), ("events", 1), ("frames", -1)):
        await works(rig)
        clocks.step(name, timedelta(hours=ahead))
    await works(rig)
    (frames_s, _), (events_s, _) = await rig.frames.time(), await rig.events.time()
    assert round((events_s - frames_s) / 3600) == 2
    clocks.step("frames", timedelta(hours=1))  # the keys of an open capture live for a minute


CLOCKS = RigKind(with_clocks, needs=no_library)
# Valkey's: a Redis of Debian's hangs when it starts with this library
BROKER_CLOCKS = RigKind(with_broker_clocks, flavours=("valkey",), needs=no_library)

# the sweep may be the first to see that the keys are gone
ENDED = Allow(told=frozenset({"forward_failed", "frames_lost"}), outcomes=frozenset({"frames_lost"}))

CASES: dict[str, Case] = {
    **{
        f"clock steps: the {part}'s": Case(steps(part), Plan(captures=3, appends=12), BUSY, 3, CLOCKS) for part in PARTS
    },
    "clock steps: everything's": Case(
        steps(*PARTS), Plan(captures=3, appends=12, make=paced(0.1, 0.1, 0.1)), BUSY, 3, CLOCKS
    ),
    "clock steps: the brokers'": Case(
        brokers_step, Plan(captures=4, appends=12, max_pace_s=0.3), ENDED | BUSY, 0, BROKER_CLOCKS
    ),
    "clock steps: the brokers', long ago": Case(None, Plan(captures=1, appends=2), BUSY, 1, BROKER_CLOCKS),
}
