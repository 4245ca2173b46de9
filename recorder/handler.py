"""Entries of the event stream: append each to its session's log, refuse it, or leave it pending.

The events of a session whose log cannot be written wait (`BlockedSessions`), so that their order is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from contracts.broker.keys import EVENTS
from contracts.broker.roles import AsyncBroker
from contracts.broker.script import run
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.process.spans import NO_SPAN, TraceSpan, messaging, passed_on
from contracts.process.tracing import continue_trace
from contracts.rules.errors import InvalidEvent, NewerRecorderNeeded, RecorderError, RecorderIOError
from contracts.rules.formats import OtherFormat
from contracts.state import recording
from contracts.state.event_entries import read_entry, session_of
from contracts.state.events import EventEntry, Receipt
from contracts.state.traces import trace_of
from recorder.blocked import BlockedSessions, SessionKey
from recorder.metrics import RecorderMetrics
from recorder.refusals import Refusals
from recorder.writer import LogWriter

__all__ = ["EntryHandler", "StreamEntry"]

StreamEntry = tuple[str, Mapping[bytes, bytes]]
"""An entry's ID and fields."""

_Parsed = dict[str, EventEntry | RecorderError | OtherFormat]
"""The entries of a batch that were parsed, by ID. If a thread call is cut short, the next one uses them."""

LINES_PER_CALL = 64
"""Lines that one thread call writes and one script acknowledges: a thread call, and a round trip to the broker, each
cost half as much as all else that is done for a line."""

BYTES_PER_CALL = 256 * 1024
"""Bytes of events after which a thread call begins: to parse so many takes 10 ms, in which the event loop waits."""

MAX_WAIT_S = 0.02
"""How long a line that is in its file may wait for the next ones before its entry is acknowledged. One more append may
still have to wait for a lock."""

_log = get_logger()


class _SessionBlocked(NamedTuple):
    """The entry stays pending: the events of its session wait because of ``error``."""

    session: SessionKey
    error: RecorderIOError


class EntryHandler:
    """Appends events to their logs and acknowledges their entries, in the order in which they are given.

    ``left_one`` is set whenever an entry is left to a recorder of another release. The caller resets it.

    Make it inside the running event loop.
    """

    def __init__(
        self,
        events: AsyncBroker,
        settings: Settings,
        clock: Callable[[], datetime],
        metrics: RecorderMetrics | None = None,
    ) -> None:
        self.blocked_sessions = BlockedSessions()
        self.left_one = False
        self._left: set[str] = set()
        self._metrics = metrics or RecorderMetrics()
        self._events = events
        self._refusals = Refusals(events, clock, self._metrics, settings.dead_letters_max_bytes)
        self._turn = asyncio.Lock()
        self._writer = LogWriter(
            settings.log_root,
            max_event_bytes=settings.max_event_bytes,
            fsync=settings.recorder_fsync == "always",
            clock=clock,
            on_torn_tail=self._refusals.keep_tail,
            on_line=self._metrics.wrote,
        )

    async def handle(self, entry_id: str, fields: Mapping[bytes, bytes]) -> None:
        """`handle_all` of one entry."""
        await self.handle_all([(entry_id, fields)])

    async def handle_all(
        self, entries: Sequence[StreamEntry], *, new: bool = False, go_on: Callable[[], bool] = lambda: True
    ) -> int:
        """Append each entry's event and acknowledge the entry, or make it a dead letter, or leave it pending.

        ``go_on`` is called before each entry, also in another thread; if it returns false, the rest is left. An entry
        of a blocked session stays pending; if it is ``new``, its session is tried again soon. Repeating a call is safe.

        Returns how many entries were handled.

        Raises:
            BrokerUnavailable: some of the entries are done; the others are still pending.
        """
        handled = 0
        parsed: _Parsed = {}
        async with self._turn:
            while handled < len(entries) and go_on():
                handled += await self._handle_run(entries[handled:], parsed, new=new, go_on=go_on)
        return handled

    async def _handle_run(
        self, entries: Sequence[StreamEntry], parsed: _Parsed, *, new: bool, go_on: Callable[[], bool]
    ) -> int:
        """Handle the first entry, and as many after it as one thread call can write; returns how many."""
        lines, refusal = self._admit(entries[:LINES_PER_CALL], parsed)
        if refusal is not None and not lines:
            await self._turn_away(*entries[0], refusal, new=new)
            return 1
        recorded, failure = await asyncio.to_thread(self._write, lines, go_on)
        count = len(recorded)
        for line in lines[:count]:
            self.blocked_sessions.succeeded((line.user_id, line.session_id))
        if failure is not None:
            self._note_failure(lines[count], failure)
        await self._acknowledge(
            [
                recording.RecordedEntry(entry_id, Receipt(recorded_at), line.capture_id)
                for (entry_id, _), line, (recorded_at, _) in zip(entries[:count], lines[:count], recorded, strict=True)
            ]
        )
        for _, span in recorded:
            span.end()
        if failure is None:
            return count
        await self._turn_away(*entries[count], failure, new=new)
        return count + 1

    async def _acknowledge(self, written: Sequence[recording.RecordedEntry]) -> None:
        """Acknowledge entries whose lines are in their files. If the broker does not answer, they stay pending and come
        again, and the writer finds their lines."""
        if written:
            for close_to_recorded_s in await run(self._events, recording.acknowledge_events(written)):
                if close_to_recorded_s is not None:
                    self._metrics.close_to_recorded.observe(close_to_recorded_s)

    def _admit(
        self, entries: Sequence[StreamEntry], parsed: _Parsed
    ) -> tuple[list[EventEntry], RecorderError | OtherFormat | _SessionBlocked | None]:
        """Returns the events that one thread call writes, and why the entry after them may not be written, if it was
        parsed and may not."""
        lines: list[EventEntry] = []
        byte_length = 0
        for entry_id, fields in entries:
            if byte_length >= BYTES_PER_CALL:
                break
            if entry_id not in parsed:
                parsed[entry_id] = _parse(entry_id, fields)
            entry = parsed[entry_id]
            if isinstance(entry, RecorderError | OtherFormat):
                return lines, entry
            session = (entry.user_id, entry.session_id)
            if (blocked_by := self.blocked_sessions.reason(session)) is not None:
                return lines, _SessionBlocked(session, blocked_by)
            lines.append(entry)
            byte_length += len(entry.event)
        return lines, None

    def _write(
        self, lines: Sequence[EventEntry], go_on: Callable[[], bool]
    ) -> tuple[list[tuple[str, TraceSpan]], RecorderError | None]:
        """In a thread: append events until one fails, ``go_on`` returns false, or `MAX_WAIT_S` is over.

        Returns the ``recorded_at`` and the span of each, and the error of the one after them if it failed."""
        recorded: list[tuple[str, TraceSpan]] = []
        until_s = time.monotonic() + MAX_WAIT_S
        for line in lines:
            if not go_on() or (recorded and time.monotonic() >= until_s):
                break
            span = _span(line)
            try:
                with self._metrics.append.time(), span.child("append"):
                    at = self._writer.append(line.user_id, line.session_id, line.event, by_client=line.by_client)
                recorded.append((at, span))
            except RecorderError as error:
                span.end(error.code)
                return recorded, error
            except Exception as error:  # one session's log; all others go on
                span.end(type(error).__name__)
                _log.error("an append failed", session_id=line.session_id, exc_info=error, **span.log_fields)
                return recorded, RecorderIOError(f"the append failed: {type(error).__name__}")
        return recorded, None

    def _note_failure(self, entry: EventEntry, error: RecorderError) -> None:
        """Block the session if the failure is that its log cannot be written."""
        if isinstance(error, RecorderIOError):
            self._metrics.refused.inc()
            self.blocked_sessions.failed((entry.user_id, entry.session_id), error, time.monotonic())
            with passed_on(entry.traceparent):
                _log.warning(
                    "a session is held back", session_id=entry.session_id, code=error.code, detail=error.detail
                )

    def _leave(self, entry_id: str, fields: Mapping[bytes, bytes], error: OtherFormat) -> None:
        """Leave an entry pending for a recorder of the release that wrote it, and with it the later events of its
        session: their order is kept."""
        self.left_one = True
        if entry_id not in self._left:
            self._left.add(entry_id)
            self._metrics.left.inc()
            _log.error("an event is left to a recorder of another release", entry_id=entry_id, why=error.why)
        if (session := session_of(fields)) is not None:
            waits = NewerRecorderNeeded("the session has an event of another release, which comes first")
            self.blocked_sessions.failed(session, waits, time.monotonic())

    async def _turn_away(
        self,
        entry_id: str,
        fields: Mapping[bytes, bytes],
        error: RecorderError | OtherFormat | _SessionBlocked,
        *,
        new: bool,
    ) -> None:
        """Refuse an entry whose event was not written; if a new event waits for its session, retry the session soon."""
        if isinstance(error, OtherFormat):
            self._leave(entry_id, fields, error)
            return
        if isinstance(error, _SessionBlocked):
            if new:
                self.blocked_sessions.hurry(error.session, time.monotonic())
                return
            error = error.error
        with passed_on(trace_of(fields)):
            await self._refusals.refuse(entry_id, fields, error)


def _span(entry: EventEntry) -> TraceSpan:
    """The span ``record`` of the event of a capture that is traced. It ends when the entry is acknowledged."""
    if not entry.traceparent:
        return NO_SPAN
    span = continue_trace("record", entry.traceparent, messaging(EVENTS, "process"))
    span.set({"a3cp.capture_id": entry.capture_id})
    return span


def _parse(entry_id: str, fields: Mapping[bytes, bytes]) -> EventEntry | RecorderError | OtherFormat:
    """Returns the entry, or the reason why it can never be appended, or not by this release."""
    try:
        return read_entry(fields)
    except (RecorderError, OtherFormat) as error:
        return error
    except Exception as error:
        _log.error("an entry cannot be read", entry_id=entry_id, exc_info=error)
        return InvalidEvent(f"the entry cannot be read: {type(error).__name__}")
