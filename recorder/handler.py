"""One entry of the event stream, taken to its end: in the file, a dead letter, or held back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, BrokerFull, broker_errors
from contracts.broker.script import run
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.rules.errors import (
    BrokerUnavailable,
    EventTooLarge,
    InvalidEvent,
    MissingSessionPath,
    RecorderError,
    RecorderIOError,
    SessionLogLocked,
    UnreadableValue,
)
from contracts.rules.ids import is_identifier
from contracts.state import dead_letters, records
from contracts.state.events import EventEntry, Receipt
from recorder.entry import read_entry
from recorder.holds import Holds, SessionKey
from recorder.metrics import TORN_LINE, RecorderMetrics
from recorder.settlements import MAX_WAIT_S, Settlements
from recorder.writer import LogWriter

__all__ = ["EntryHandler", "StreamEntry"]

StreamEntry = tuple[str, Mapping[bytes, bytes]]
"""An entry's ID and fields."""

_LINES_IN_ONE_GO = 32
"""To change threads and back takes half as long as all else that is done for a line."""

_MAX_FIELDS = 64
"""An entry of more fields is not ours; as a dead letter it stands in one (a script cannot pass on thousands)."""

_SENDER_IS_TOLD = (MissingSessionPath, EventTooLarge)
"""Why an appended event is refused without a dead letter: its sender gets the refusal, and has the event. Otherwise
anybody could fill the dead letters with appends to sessions that do not exist."""

_log = get_logger()


class _Held(Exception):
    """The entry's session is held back."""

    def __init__(self, session: SessionKey, error: RecorderIOError) -> None:
        super().__init__(session)
        self.session = session
        self.error = error


class EntryHandler:
    """Appends, settles and buries. Entries are taken in the order in which they are given.

    Make it inside the running event loop.
    """

    def __init__(
        self,
        events: AsyncBroker,
        settings: Settings,
        clock: Callable[[], datetime],
        metrics: RecorderMetrics | None = None,
    ) -> None:
        self.holds = Holds()
        self._metrics = metrics or RecorderMetrics()
        self._events = events
        self._clock = clock
        self._log_root = settings.log_root
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._settlements = Settlements(events, self._settled)
        self._writer = LogWriter(
            settings.log_root,
            max_event_bytes=settings.max_event_bytes,
            fsync=settings.recorder_fsync == "always",
            clock=clock,
            on_torn_tail=self._keep_tail,
            on_line=self._metrics.wrote,
        )

    async def handle(self, entry_id: str, fields: Mapping[bytes, bytes]) -> None:
        """`handle_all` of one entry."""
        await self.handle_all([(entry_id, fields)])

    async def handle_all(
        self, entries: Sequence[StreamEntry], *, new: bool = False, go_on: Callable[[], bool] = lambda: True
    ) -> int:
        """Append each entry's event and settle it, or bury it with the reason, or leave it pending; returns how many
        were handled until ``go_on``, which is asked before each of them, in another thread too, said no.

        An entry is left pending while its session is held back; one that is ``new`` has the session tried again soon,
        and is told then how that went. Lines are in their files before they are settled together. Repeating it is safe.

        Raises:
            BrokerUnavailable: some of the entries are done; the others are still pending.
        """
        handled = 0
        async with self._turn:
            try:
                while handled < len(entries) and go_on():
                    if self._settlements.due:
                        await self._settlements.send()
                    handled += await self._handle_some(entries[handled:], new=new, go_on=go_on)
            finally:
                await self._settlements.send()
        return handled

    async def _handle_some(self, entries: Sequence[StreamEntry], *, new: bool, go_on: Callable[[], bool]) -> int:
        """Handle the first of the entries, and as many after it as can be written in one go; returns how many."""
        lines: list[EventEntry] = []
        for entry_id, fields in entries[:_LINES_IN_ONE_GO]:
            try:
                lines.append(self._admitted(entry_id, fields))
            except (RecorderError, _Held) as error:
                if lines:
                    break
                await self._turn_away(entry_id, fields, error, new=new)
                return 1
        recorded, failure = await asyncio.to_thread(self._write, lines, go_on)
        for (entry_id, _), line, recorded_at in zip(entries, lines, recorded):  # noqa: B905 - maybe not all of them
            self.holds.succeeded((line.user_id, line.session_id))
            self._settlements.add(records.Settlement(entry_id, Receipt(recorded_at), line.capture_id))
        if failure is None:
            return len(recorded)
        self._note_failure(lines[len(recorded)], failure)
        await self._turn_away(*entries[len(recorded)], failure, new=new)
        return len(recorded) + 1

    def _settled(self, took_s: float | None) -> None:
        if took_s is not None:
            self._metrics.close_to_recorded.observe(took_s)

    def _admitted(self, entry_id: str, fields: Mapping[bytes, bytes]) -> EventEntry:
        try:
            entry = read_entry(fields)
        except RecorderError:
            raise
        except Exception as error:
            _log.error("an entry cannot be read", entry_id=entry_id, exc_info=error)
            raise InvalidEvent(f"the entry cannot be read: {type(error).__name__}") from error
        session = (entry.user_id, entry.session_id)
        if (refusal := self.holds.refusal(session)) is not None:
            raise _Held(session, refusal)
        return entry

    def _write(self, lines: Sequence[EventEntry], go_on: Callable[[], bool]) -> tuple[list[str], RecorderError | None]:
        """In a thread: append these until one fails or ``go_on`` says no, or those before have waited long enough.

        Returns when each was recorded, and why the one after these was not."""
        recorded: list[str] = []
        until_s = time.monotonic() + MAX_WAIT_S
        for line in lines:
            if not go_on() or (recorded and time.monotonic() >= until_s):
                break
            try:
                with self._metrics.append.time():
                    recorded.append(
                        self._writer.append(line.user_id, line.session_id, line.event, by_client=line.by_client)
                    )
            except RecorderError as error:
                return recorded, error
            except Exception as error:  # one session's log; all others go on
                _log.error("an append failed", session_id=line.session_id, exc_info=error)
                return recorded, RecorderIOError(f"the append failed: {type(error).__name__}")
        return recorded, None

    def _note_failure(self, entry: EventEntry, error: RecorderError) -> None:
        """Hold the session back if it is its log that cannot be written."""
        if isinstance(error, RecorderIOError):
            self._metrics.refused.inc()
            self.holds.failed((entry.user_id, entry.session_id), error, time.monotonic())
            _log.warning("a session is held back", session_id=entry.session_id, code=error.code, detail=error.detail)

    async def _turn_away(
        self, entry_id: str, fields: Mapping[bytes, bytes], error: RecorderError | _Held, *, new: bool
    ) -> None:
        """The entry's event is not in a log: it waits, or never comes there."""
        if isinstance(error, _Held):
            if new:
                self.holds.hurry(error.session, time.monotonic())
                return
            error = error.error
        try:
            if isinstance(error, RecorderIOError):
                await self._refuse(entry_id, error)
            else:
                await self._bury(entry_id, fields, error)
        except UnreadableValue as unreadable:  # what the dead letters are kept in, say; the entry stays pending
            _log.error("an entry cannot be set aside", entry_id=entry_id, exc_info=unreadable)

    async def _refuse(self, entry_id: str, error: RecorderIOError) -> None:
        """Tell who waits for the entry why it is not recorded yet; a lock may still be free in time."""
        if isinstance(error, SessionLogLocked):
            return
        receipt = Receipt(error=error.code, detail=f"{error.detail}; the event stays queued and is tried again")
        try:
            with broker_errors("events"):
                await self._events.set(keys.receipt(entry_id), receipt.encode(), ex=records.RECEIPT_TTL_S)
        except BrokerFull:
            _log.warning("no room for a receipt", entry_id=entry_id)

    async def _bury(self, entry_id: str, fields: Mapping[bytes, bytes], error: RecorderError) -> None:
        capture_id = fields.get(b"capture_id", b"").decode(errors="replace")
        if not is_identifier(capture_id):
            capture_id = ""
        told = isinstance(error, _SENDER_IS_TOLD) and not capture_id
        what = "event refused" if told else "dead letter"
        _log.warning(what, entry_id=entry_id, code=error.code, detail=error.detail)
        receipt = Receipt(error=error.code, detail=error.detail)
        if len(fields) > _MAX_FIELDS:
            fields = {b"entry": repr(dict(fields)).encode()}
        letter = {} if told else fields
        await run(self._events, dead_letters.bury(entry_id, receipt, letter, self._clock(), capture_id))
        if not told:
            self._metrics.dead_letters.labels(error.code).inc()

    def _keep_tail(self, path: Path, tail: bytes) -> None:
        """Put a torn last line into the dead letters; called by the writer, in its thread."""
        future = asyncio.run_coroutine_threadsafe(self._bury_tail(path, tail), self._loop)
        try:
            future.result()
        except (BrokerUnavailable, UnreadableValue) as error:
            raise RecorderIOError("the log's torn last line has no safe place yet") from error

    async def _bury_tail(self, path: Path, tail: bytes) -> None:
        log = path.relative_to(self._log_root).as_posix()
        _log.warning("torn last line", log=log, length_bytes=len(tail))
        detail = f"{len(tail)} bytes at the end of the log without a newline"
        await run(self._events, dead_letters.bury_tail(log, tail, TORN_LINE, detail, self._clock()))
        self._metrics.dead_letters.labels(TORN_LINE).inc()
