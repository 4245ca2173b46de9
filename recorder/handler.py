"""One entry of the event stream, taken to its end: in the file, a dead letter, or held back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from contracts import keys, records
from contracts.broker import AsyncBroker, BrokerFull, broker_errors
from contracts.errors import BrokerUnavailable, RecorderError, RecorderIOError, SessionLogLocked
from contracts.events import EventEntry, Receipt
from contracts.ids import format_utc, is_identifier
from contracts.logs import get_logger
from contracts.scripts import run
from contracts.settings import Settings
from recorder.entry import read_entry
from recorder.holds import Holds, SessionKey
from recorder.metrics import TORN_LINE, RecorderMetrics
from recorder.settlements import Settlements
from recorder.writer import LogWriter

__all__ = ["EntryHandler"]

_MAX_FIELDS = 64
"""An entry of more fields is not ours; as a dead letter it stands in one (a script cannot pass on thousands)."""

_log = get_logger()


class _Held(Exception):
    """The entry's session is held back."""

    def __init__(self, session: SessionKey, error: RecorderIOError) -> None:
        super().__init__(session)
        self.session = session
        self.error = error


class EntryHandler:
    """Appends, settles and buries. Entries are taken one at a time, in the order in which they are given.

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

    async def handle(
        self, entry_id: str, fields: Mapping[bytes, bytes], *, new: bool = False, more: bool = False
    ) -> None:
        """Append the entry's event and settle it, or bury it with the reason, or leave it pending.

        It is left pending while its session is held back; one that is ``new`` has the session tried again soon, and
        is told then how that went. Where ``more`` follow at once it may be settled with them; `settle` must come then,
        whatever happens. Repeating it is safe.

        Raises:
            BrokerUnavailable: the entry may or may not be done; it is still pending if not. So may those before it
                be that were not settled.
        """
        async with self._turn:
            if more and self._settlements.due:
                await self._settlements.send()
            try:
                entry = read_entry(fields)
                recorded_at = await self._append(entry)
            except _Held as held:
                if new:
                    self.holds.hurry(held.session, time.monotonic())
                else:
                    await self._refuse(entry_id, held.error)
            except RecorderIOError as error:
                await self._refuse(entry_id, error)
            except RecorderError as error:
                await self._bury(entry_id, fields, error)
            else:
                settlement = records.Settlement(entry_id, Receipt(recorded_at), entry.capture_id)
                if more:
                    self._settlements.add(settlement)
                else:
                    self._settled(await run(self._events, records.settle(*settlement)))

    async def settle(self) -> None:
        """Settle the entries that were handled and still wait for it.

        Raises:
            BrokerUnavailable: they may or may not be done; they are still pending if not.
        """
        await self._settlements.send()

    def _settled(self, took_s: float | None) -> None:
        if took_s is not None:
            self._metrics.close_to_recorded.observe(took_s)

    async def _append(self, entry: EventEntry) -> str:
        session = (entry.user_id, entry.session_id)
        if (refusal := self.holds.refusal(session)) is not None:
            raise _Held(session, refusal)
        try:
            with self._metrics.append.time():
                recorded_at = await asyncio.to_thread(self._writer.append, *session, entry.event)
        except RecorderIOError as error:
            self._metrics.refused.inc()
            self.holds.failed(session, error, time.monotonic())
            _log.warning("a session is held back", session_id=entry.session_id, code=error.code, detail=error.detail)
            raise
        self.holds.succeeded(session)
        return recorded_at

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
        _log.warning("dead letter", entry_id=entry_id, code=error.code, detail=error.detail)
        receipt = Receipt(error=error.code, detail=error.detail)
        capture_id = fields.get(b"capture_id", b"").decode(errors="replace")
        if not is_identifier(capture_id):
            capture_id = ""
        if len(fields) > _MAX_FIELDS:
            fields = {b"entry": repr(dict(fields)).encode()}
        await run(self._events, records.bury(entry_id, receipt, fields, self._clock(), capture_id))
        self._metrics.dead_letters.labels(error.code).inc()

    def _keep_tail(self, path: Path, tail: bytes) -> None:
        """Put a torn last line into the dead letters; called by the writer, in its thread."""
        future = asyncio.run_coroutine_threadsafe(self._bury_tail(path, tail), self._loop)
        try:
            future.result()
        except BrokerUnavailable as error:
            raise RecorderIOError("the log's torn last line has no safe place yet") from error

    async def _bury_tail(self, path: Path, tail: bytes) -> None:
        log = path.relative_to(self._log_root).as_posix()
        _log.warning("torn last line", log=log, length_bytes=len(tail))
        fields: dict[str, str | bytes] = {
            "reason": TORN_LINE,
            "detail": f"{len(tail)} bytes at the end of the log without a newline",
            "buried_at": format_utc(self._clock()),
            "log": log,
            "event": tail,
        }
        with broker_errors("events"):
            await self._events.xadd(keys.DEAD_EVENTS, fields, maxlen=records.MAX_DEAD, approximate=True)  # type: ignore[arg-type]
        self._metrics.dead_letters.labels(TORN_LINE).inc()
