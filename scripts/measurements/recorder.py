"""Measure the recorder: lines a second from a backlog, beside the simplest loop that writes the same lines to files."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import orjson

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, connect, ensure_group
from contracts.broker.script import run
from contracts.process.settings import Settings
from contracts.rules.landmarks import DIMS
from contracts.rules.paths import artifact_uri, session_log_dir
from contracts.state import records
from contracts.state.events import EventEntry
from contracts.state.records import CaptureCounts
from scripts.measurements import bare_recorder
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.servers import brokers, process

__all__ = ["measure_recorder"]

EVENTS = 20_000
SESSIONS = 16
REPEATS = 3
POLL_S = 0.01
USER = "bench"


async def measure_recorder(settings: Settings) -> list[BenchRow]:
    """Measure recorder and loop in turns, on feature-ref events of captures that each have a durable record."""
    session_log_dir(settings.log_root, USER).mkdir(parents=True)
    bare_root = settings.data_root / "bare"
    bare_root.mkdir(parents=True)
    ours: list[float] = []
    bare: list[float] = []
    bundled: list[float] = []
    async with brokers(settings) as used:
        url = used.broker_urls()[1]
        events = connect(url)
        try:
            await ensure_group(events, "events", keys.EVENTS, keys.RECORDER_GROUP)
            for _ in range(REPEATS):
                ours.append(await _lines_per_s(events, used, "scripts.cli", "recorder"))
                for rates, bundle in ((bare, "1"), (bundled, str(bare_recorder.READ_ENTRIES))):
                    rates.append(await _lines_per_s(events, used, bare_recorder.__name__, url, str(bare_root), bundle))
        finally:
            await events.aclose()
    name = f"recorder, a backlog of {EVENTS:,} events of {SESSIONS} sessions"
    return [
        BenchRow(name, median(ours), "lines/s", 0.7, median(bare), "a bare loop: read, lock, write, ack", "at least"),
        BenchRow("   … and one ack for all that was read", median(ours), "lines/s", None, median(bundled),
            "the same loop", "at least"),
    ]  # fmt: skip


async def _lines_per_s(events: AsyncBroker, settings: Settings, module: str, *arguments: str) -> float:
    """Return how many lines a second ``module`` writes, from the first deleted entry to the last: without its start."""
    await _fill(events)
    async with process(settings, module, *arguments) as part:
        began, began_s = 0, 0.0
        while left := await events.xlen(keys.EVENTS):
            if not began and left < EVENTS:
                began, began_s = left, time.perf_counter()
            if part.starts > 1:
                raise RuntimeError(f"{module} died: {' '.join(part.recent)}")
            await asyncio.sleep(POLL_S)
        return began / (time.perf_counter() - began_s)


async def _fill(events: AsyncBroker) -> None:
    """Publish every event as an extractor does, so that the recorder has to complete each capture's record."""
    sessions = [f"sess_{uuid4().hex[:16]}" for _ in range(SESSIONS)]
    entries = [_entry(sessions[number % SESSIONS]) for number in range(EVENTS)]
    for start in range(0, EVENTS, 50):
        await asyncio.gather(
            *(run(events, records.publish(entry, CaptureCounts(120, 120))) for entry in entries[start : start + 50])
        )


def _entry(session_id: str) -> EventEntry:
    capture_id, record_id = str(uuid4()), str(uuid4())
    reference = {
        "uri": artifact_uri(USER, session_id, record_id),
        "hash": "sha256:" + uuid4().hex * 2,
        "format": "npz",
        "dims": DIMS,
        "shape": [120, DIMS],
        "dtype": "float32",
        "encoding": "holistic_landmarks_v1;fps=15;max_window_s=120;extractor_tag=0.1.0",
    }
    event = {
        "schema_version": "1.0.1",
        "record_id": record_id,
        "user_id": USER,
        "session_id": session_id,
        "timestamp": "2026-01-31T12:00:08.000Z",
        "modality": "gesture",
        "source": "landmark_extractor",
        "performer_id": "system",
        "capture_id": capture_id,
        "timestamp_start": "2026-01-31T12:00:00.000Z",
        "timestamp_end": "2026-01-31T12:00:08.000Z",
        "raw_features_ref": reference,
    }
    return EventEntry(orjson.dumps(event), USER, session_id, record_id, capture_id)
