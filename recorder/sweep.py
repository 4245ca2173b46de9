"""The sweep: finds captures that a crash left without an outcome or without a line, and completes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prometheus_client import CollectorRegistry

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, broker_errors, broker_time_ms
from contracts.broker.script import run
from contracts.messages.event import FeatureRefEvent
from contracts.process.background import BackgroundErrors
from contracts.process.logs import get_logger
from contracts.process.retry import pause
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.rules.ids import is_identifier
from contracts.rules.paths import session_log_path
from contracts.state import heartbeats, readers, records, uploads
from contracts.state.dead_letters import DEAD_TTL_MS, Lost
from contracts.state.events import EventEntry
from contracts.state.video import VideoSlot
from contracts.storage.session_log import find_feature_ref
from recorder.consumer import Leadership

__all__ = ["Decision", "Sighting", "Sweep", "decide"]

SWEEP_S = 5.0
STANDBY_S = 0.5
MIN_AGE_MS = 30_000
BATCH_CAPTURES = 100

UNATTENDED_MS = 300_000
"""How long a video waits if no extractor is there: its client may be gone, and it takes up memory."""


_log = get_logger()

Decision = Literal["wait", "forget", "abort", "give_up", "publish", "deliver"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """The facts about a capture that has no outcome yet, or whose line may not be in the file.

    Attributes:
        record: the durable record; None if it has expired.
        frames_state: whether the frames broker still has the capture's state; None if it does not answer.
        unattended: whether this is a video that has waited for `UNATTENDED_MS` while no extractor was alive.
        entry_queued: whether the published event is still in the stream.
        line: the capture's event in the session's log; None if it is not there.
    """

    record: records.CaptureRecord | None
    frames_state: bool | None = None
    unattended: bool = False
    entry_queued: bool = False
    line: bytes | None = None


def decide(sighting: Sighting) -> Decision:
    """Decide what to do about one capture that is old enough.

    ``forget``: it has its outcome and its line, or needs none. ``abort``: its frames are lost. ``give_up``: no
    extractor takes its video. ``publish``: its line is in the file, but the broker has lost its outcome. ``deliver``:
    its event is gone from the stream.
    """
    record = sighting.record
    if record is None or record.recorded_at or record.outcome in ("aborted", "dead"):
        return "forget"
    if record.outcome == "published":
        return "wait" if sighting.entry_queued else "deliver"
    if sighting.frames_state is not False:
        return "give_up" if sighting.unattended else "wait"
    return "abort" if sighting.line is None else "publish"


class Sweep:
    """Looks at unfinished captures, `BATCH_CAPTURES` in a turn, while this process is the active recorder.

    ``deliver`` handles an entry's ID and fields as if the stream had just delivered it.
    """

    def __init__(
        self,
        events: AsyncBroker,
        frames: AsyncBroker,
        log_root: Path,
        leadership: Leadership,
        deliver: Callable[[str, Mapping[bytes, bytes]], Awaitable[None]],
        errors: BackgroundErrors | None = None,
        on_lost: Callable[[Lost], None] = lambda _: None,
    ) -> None:
        self._events = events
        self._on_lost = on_lost
        self._frames = frames
        self._log_root = log_root
        self._leadership = leadership
        self._deliver = deliver
        self._errors = errors or BackgroundErrors(CollectorRegistry(), ["sweep"])
        self._offset = 0
        self._frames_answer = True

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep every `SWEEP_S`, while this process leads, until ``stopping``."""
        while not stopping.is_set():
            if not self._leadership.leads:
                await pause(STANDBY_S, stopping)
                continue
            try:
                await self.turn()
            except BrokerUnavailable as error:
                _log.warning("the sweep was cut short", detail=str(error))
            except Exception as error:
                self._errors.note("sweep", error)
            await pause(SWEEP_S, stopping)

    async def turn(self) -> None:
        """Look at the next captures, the oldest first, and start over after the last. Report one that fails, and go on.

        Raises:
            BrokerUnavailable: the events broker is away; the next turn goes on.
            UnreadableValue: the key of the unfinished captures does not hold a zset.
        """
        now_ms = await broker_time_ms(self._events, "events", keys.UNFINISHED)
        latest_ms = now_ms - MIN_AGE_MS
        try:
            with broker_errors("events"):
                oldest = str(now_ms - DEAD_TTL_MS)
                expired = int(await self._events.xtrim(keys.DEAD_EVENTS, minid=oldest, approximate=False))
            self._on_lost(Lost(expired, 0))
        except UnreadableValue as error:
            self._errors.note("sweep", error)
        with broker_errors("events"):
            found: Any = await self._events.zrangebyscore(
                keys.UNFINISHED, "-inf", latest_ms, start=self._offset, num=BATCH_CAPTURES, withscores=True
            )
        self._offset = self._offset + len(found) if len(found) == BATCH_CAPTURES else 0
        self._frames_answer = True
        for member, reserved_ms in found:
            if not self._leadership.leads:
                return
            try:
                await self._sweep(member, latest_ms + MIN_AGE_MS - reserved_ms)
            except BrokerUnavailable:
                raise
            except OtherFormat as error:
                _log.warning("the sweep leaves a capture to another release", why=error.why)
            except Exception as error:
                _log.error("the sweep leaves a capture alone", capture_id=repr(member)[:200])
                self._errors.note("sweep", error)

    async def _sweep(self, member: bytes, age_ms: float) -> None:
        capture_id = member.decode("ascii", "replace")
        if not is_identifier(capture_id):
            _log.warning("swept", capture_id=repr(member)[:200], decision="forget")
            with broker_errors("events"):
                await self._events.zrem(keys.UNFINISHED, member)
            return
        await self._act(capture_id, await self._look(capture_id, age_ms))

    async def _look(self, capture_id: str, age_ms: float) -> Sighting:
        try:
            record = await readers.read_record(self._events, capture_id)
            if record is None or record.capture_id != capture_id:  # expired, or another capture's
                return Sighting(None)
            log = session_log_path(self._log_root, record.user_id, record.session_id)
        except OtherFormat:
            raise
        except (UnreadableValue, ValueError):
            return Sighting(None)
        if record.outcome == "published":
            with broker_errors("events"):
                entries: Any = await self._events.xrange(keys.EVENTS, record.entry_id, record.entry_id)
            return Sighting(record, entry_queued=bool(entries))
        if record.outcome:
            return Sighting(record)
        state = await self._frames_state(capture_id)
        try:
            line = await asyncio.to_thread(find_feature_ref, log, capture_id) if state is False else None
        except OSError as error:
            _log.warning("the sweep cannot read a log", session_id=record.session_id, detail=error.strerror)
            return Sighting(record)
        unattended = bool(record.upload and state and age_ms > UNATTENDED_MS) and await self._is_unattended(capture_id)
        return Sighting(record, frames_state=state, unattended=unattended, line=line)

    async def _frames_state(self, capture_id: str) -> bool | None:
        """Whether the frames broker has the capture's state. None if it does not answer; then it is not asked again in
        this turn."""
        if not self._frames_answer:
            return None
        try:
            with broker_errors("frames"):
                return bool(await self._frames.exists(keys.capture_keys(capture_id).state))
        except (BrokerUnavailable, UnreadableValue) as error:
            self._frames_answer = False
            _log.warning("the sweep leaves captures alone", detail=str(error))
            return None

    async def _is_unattended(self, capture_id: str) -> bool:
        """Whether no extractor ever claimed the capture and none is alive; false if the frames broker is away."""
        try:
            if await readers.was_claimed(self._frames, capture_id):
                return False
            return not await heartbeats.count_extractors(self._frames)
        except (BrokerUnavailable, UnreadableValue):
            return False

    async def _give_up(self, capture_id: str, record: records.CaptureRecord) -> None:
        """Abort the capture, then drop its video: an extractor that claims it meanwhile finds the outcome."""
        await run(self._events, records.abort(record.user_id, capture_id, "no_worker", record.counts))
        assert record.upload is not None
        await self._dropped(capture_id, record.upload)

    async def _dropped(self, capture_id: str, slot: VideoSlot) -> bool:
        """Remove a video and its capture's state. False if the broker is away: they expire by themselves."""
        try:
            await uploads.drop(self._frames, slot)
            with broker_errors("frames"):
                await self._frames.delete(keys.capture_keys(capture_id).state)
        except BrokerUnavailable as error:
            _log.warning("a video is left to expire", capture_id=capture_id, detail=str(error))
            return False
        except UnreadableValue as error:  # the key of the slots holds another type, so there is no slot to free
            _log.warning("a video has no slot", capture_id=capture_id, detail=str(error))
        return True

    async def _act(self, capture_id: str, sighting: Sighting) -> None:
        decision, record = decide(sighting), sighting.record
        if decision == "wait":
            return
        _log.info("swept", capture_id=capture_id, decision=decision)
        if decision == "forget" or record is None:
            with broker_errors("events"):
                await self._events.zrem(keys.UNFINISHED, capture_id)
        elif decision == "abort":
            if record.upload and not await self._dropped(capture_id, record.upload):
                return  # the next turn tries again
            await run(self._events, records.abort(record.user_id, capture_id, "frames_lost", record.counts))
        elif decision == "give_up":
            await self._give_up(capture_id, record)
        elif decision == "publish":
            assert sighting.line is not None
            frames = FeatureRefEvent.model_validate_json(sighting.line).raw_features_ref.shape[0]
            counts = records.CaptureCounts(frames, frames)
            await run(self._events, records.publish(_entry(record, sighting.line), counts))
        else:
            fields = {
                name.encode(): value if isinstance(value, bytes) else value.encode()
                for name, value in _entry(record, record.event).encode().items()
            }
            await self._deliver(record.entry_id, fields)


def _entry(record: records.CaptureRecord, event: bytes) -> EventEntry:
    return EventEntry(event, record.user_id, record.session_id, record.record_id, record.capture_id)
