"""Dead letters that the bounds push out are counted and logged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import fakeredis
from structlog.testing import capture_logs

from contracts.broker import keys
from contracts.rules.errors import InvalidEvent
from recorder.consumer import Leadership
from recorder.metrics import RecorderMetrics
from recorder.refusals import Refusals
from recorder.sweep import Sweep


async def test_lost_dead_letters_are_counted_and_logged(tmp_path: Path) -> None:
    events = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    metrics = RecorderMetrics()

    def lost() -> Mapping[str, float | None]:
        name = "a3cp_recorder_dead_letters_lost_total"
        return {
            reason: metrics.registry.get_sample_value(name, {"reason": reason}) for reason in ("expired", "for_room")
        }

    with capture_logs() as logged:
        refusals = Refusals(events, lambda: datetime.now(UTC), metrics, max_bytes=1000)
        for number in range(3):
            await refusals.refuse(f"{number + 1}-0", {b"event": b"x" * 600}, InvalidEvent("no"))
        await asyncio.to_thread(refusals.keep_tail, "users/u/sessions/s.jsonl", b"y" * 600)
        assert lost() == {"expired": 0, "for_room": 3}
        assert await events.xlen(keys.DEAD_EVENTS) == 1

        await events.delete(keys.DEAD_EVENTS)
        await events.xadd(keys.DEAD_EVENTS, {"event": "x"}, id="1-0")  # of 1970

        async def deliver(*_: object) -> None:
            raise AssertionError

        await Sweep(events, events, tmp_path, Leadership(events, "me"), deliver, on_lost=metrics.lost).turn()
        assert lost() == {"expired": 1, "for_room": 3}
        assert await events.xlen(keys.DEAD_EVENTS) == 0
    assert sum(line["event"] == "dead letters are lost" for line in logged) == 4
    await events.aclose()
