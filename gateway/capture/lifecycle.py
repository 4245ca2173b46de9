"""Open, close and abort a capture in the brokers. The capture socket and uploads call the same three functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Role, memory_share
from contracts.broker.script import Call, T, run
from contracts.process.logs import get_logger
from contracts.process.retry import Until, retry
from contracts.process.spans import NO_SPAN, TraceSpan, messaging
from contracts.rules.codes import CaptureCode
from contracts.rules.errors import A3CPError, BrokerFull, BrokerUnavailable, CaptureError, UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, dispatch, readers, records, uploads
from contracts.state.captures import CaptureWindow
from contracts.state.frame import TerminalEntry
from contracts.state.records import CaptureCounts, Outcome
from gateway.state import GatewayState

__all__ = [
    "OUTCOME_AFTER_ABORT_S",
    "OUTCOME_BEFORE_ABORT_S",
    "abort_capture",
    "check_consent",
    "check_session",
    "close_capture",
    "open_capture",
]

MEMORY_SHARE = 0.70
"""The gateway opens no capture if the frames broker uses more than this share of its ``maxmemory``."""

OPEN_WITHIN_S = 5.0
CLOSE_WITHIN_S = 5.0

OUTCOME_BEFORE_ABORT_S = 2.0
"""How long the gateway tries to write the outcome before it sends ``capture.abort``, in seconds. The abort should
have the code that the outcome has, but the client must not wait long for it."""

OUTCOME_AFTER_ABORT_S = 20.0
"""How long the gateway retries after it has notified the client, in seconds."""

log = get_logger()


async def _run(broker: AsyncBroker, call: Call[T], within_s: float) -> T:
    return await _retry(call.role, lambda: run(broker, call), within_s)


async def _retry(role: Role, step: Callable[[], Awaitable[T]], within_s: float) -> T:
    """Retry an idempotent step with backoff while the broker is unreachable or full, for ``within_s`` seconds.

    Raises:
        BrokerUnavailable: the last attempt failed too.
    """
    try:
        return await retry(step, until=Until(within_s=within_s))
    except TimeoutError as error:
        raise BrokerUnavailable(role, "it did not answer in time") from error


async def open_capture(
    state: GatewayState,
    window: CaptureWindow,
    source: str,
    after_reserve: Callable[[], Awaitable[None]] | None = None,
    why: Callable[[], CaptureCode | None] = lambda: None,
    span: TraceSpan = NO_SPAN,
) -> None:
    """Reserve one of the user's slots in the events broker, create the capture in the frames broker, and dispatch it.

    ``source`` is unique for the socket or the upload. If the capture is already reserved with another source, it is
    refused as a duplicate. ``after_reserve`` runs before the capture is created; its errors are passed on. If a step
    after the reservation fails, this aborts the capture before it raises. If it is cancelled, ``why`` says with which
    code: its client is told the same. ``span`` is the caller's, of the capture's trace.

    Raises:
        CaptureError: the code says which rule forbids the capture; it is ``frames_broker_full`` if the frames broker
            is out of memory, and ``forward_failed`` if a broker is unreachable.
    """
    await check_consent(state, window.user_id, window.session_id, window.consent_given)
    if await state.is_recorded(window):  # also long after its durable record is gone, and after its erasure
        raise CaptureError("duplicate_capture", "the log has this capture_id, or this record_id in its session")
    with span.child("reserve"):
        await _reserve(state, window, source)
    try:
        if after_reserve is not None:
            await after_reserve()
        if not await _run(state.frames, captures.open_capture(window), OPEN_WITHIN_S):
            raise CaptureError("duplicate_capture", "the frames broker already has this capture_id")
        await _dispatch(state.frames, window, span)
    except (A3CPError, asyncio.CancelledError) as error:
        code = _code_of(error, why())
        outcome = await asyncio.shield(_write_outcome(state, window, code, CaptureCounts(), CLOSE_WITHIN_S))
        if outcome is not None and outcome.outcome == "published" and isinstance(error, A3CPError):
            return  # the capture was dispatched, only the reply was lost, and an extractor has already published it
        if isinstance(error, BrokerUnavailable | UnreadableValue):
            raise CaptureError(code, str(error)) from error
        raise


async def check_consent(state: GatewayState, user_id: str, session_id: str, consent_given: bool | None) -> None:
    """Refuse a capture without consent, if the server requires it: its own answer counts, else its session's.

    A session that is unknown, closed or another user's is not judged here: `_reserve` refuses it with its own code.

    Raises:
        CaptureError: ``consent_required``, or ``forward_failed`` if the events broker is unreachable.
    """
    if state.settings.consent == "optional" or consent_given:
        return
    try:
        session = await _retry("events", lambda: readers.read_session(state.events, session_id), OPEN_WITHIN_S)
    except OtherFormat:
        return  # `_reserve` refuses it too
    except (BrokerUnavailable, UnreadableValue) as error:
        raise CaptureError("forward_failed", str(error)) from error
    if session is None or session.user_id != user_id or not session.active:
        return
    if consent_given is False or not session.consent_given:
        raise CaptureError("consent_required", "neither the capture nor its session has consent")


def _code_of(error: BaseException, why: CaptureCode | None) -> CaptureCode:
    """The code of a failed open. The frames broker may fill up after `_reserve` has asked for its memory."""
    if isinstance(error, CaptureError):
        return error.code
    if isinstance(error, asyncio.CancelledError) and why is not None:
        return why
    return "frames_broker_full" if isinstance(error, BrokerFull) and error.role == "frames" else "forward_failed"


async def _reserve(state: GatewayState, window: CaptureWindow, source: str) -> None:
    limits = state.settings.capture
    if state.refusal:
        raise CaptureError("brokers_unready", state.refusal)
    if state.counts.all_captures > limits.max_captures:
        raise CaptureError("too_many_captures", f"this gateway accepts {limits.max_captures} captures at once")
    try:
        state_key = keys.capture_keys(window.capture_id).state
        share = await _retry("frames", lambda: memory_share(state.frames, state_key), OPEN_WITHIN_S)
        if share > MEMORY_SHARE:
            raise CaptureError("frames_broker_full", "the frames broker is short of memory")
        reservation = records.reserve(
            window, source, limits.max_captures_per_user, datetime.now(UTC), lease_ms=_slot_lease_ms(limits)
        )
        answer = await _run(state.events, reservation, OPEN_WITHIN_S)
    except OtherFormat as error:
        state.metrics.left.inc()
        raise CaptureError("brokers_unready", str(error)) from error
    except (BrokerUnavailable, UnreadableValue) as error:
        raise CaptureError("forward_failed", str(error)) from error
    if answer != "OK":
        raise CaptureError(answer, "the capture cannot be opened")


def _slot_lease_ms(limits: CaptureLimits) -> int:
    """How long an open capture keeps its user's slot without a recheck, in ms: long enough for several failed ones."""
    return max(records.SOCKET_LEASE_MS, int(4000 * limits.recheck_s))


async def check_session(state: GatewayState, window: CaptureWindow) -> str | None:
    """Look the capture's session up again, and prolong the lease of its user's slot. Returns the session's status, or
    None if the events broker is unreachable."""
    lease_ms = _slot_lease_ms(state.settings.capture)
    call = records.recheck(window.user_id, window.session_id, window.capture_id, lease_ms=lease_ms)
    try:
        return await run(state.events, call)
    except BrokerUnavailable as error:
        log.warning("session not checked", capture_id=window.capture_id, exc_info=error)
        return None


async def _dispatch(frames: AsyncBroker, window: CaptureWindow, span: TraceSpan) -> None:
    """Add a dispatch entry, and a second one if the reply to the first was lost (an extractor ignores it). Then extend
    the lifetime of a video's keys to the time that it may wait for an extractor."""
    with span.child("dispatch", "producer", messaging(window.queue, "send")) as sent:
        await retry(lambda: dispatch.dispatch(frames, window, sent.traceparent), until=Until(attempts=2, pauses=False))
    if window.video and not await _retry("frames", lambda: uploads.wait(frames, window.capture_id), OPEN_WITHIN_S):
        raise CaptureError("forward_failed", "the frames broker lost the capture after it was dispatched")


async def close_capture(state: GatewayState, window: CaptureWindow, timestamp_end: datetime | None = None) -> None:
    """Complete a capture whose frames are all in the broker, and release its user's slot.

    A socket's stream of frames ends with a close entry that has ``timestamp_end``. A video's capture has no stream and
    gets no close entry; only its slot is released.

    Raises:
        CaptureError: the capture has ended in another way (with its code), or the broker is unreachable and may or may
            not have the entry (``forward_failed``).
    """
    if timestamp_end is not None:
        await _write_close(state, window, timestamp_end)
    await _release_slot(state, window)


async def _write_close(state: GatewayState, window: CaptureWindow, timestamp_end: datetime) -> None:
    entry = TerminalEntry("close", timestamp_end=timestamp_end)
    try:
        status, code = await _run(state.frames, captures.end_stream(window.capture_id, entry), CLOSE_WITHIN_S)
    except (BrokerUnavailable, UnreadableValue) as error:
        raise CaptureError("forward_failed", str(error)) from error
    if status in ("closed", "failed") or (status == "finished" and not code):
        return
    raise CaptureError(code or "forward_failed", "the capture ended before it was closed")  # type: ignore[arg-type]


async def abort_capture(
    state: GatewayState, window: CaptureWindow, code: CaptureCode, counts: CaptureCounts, within_s: float
) -> Outcome | None:
    """Write the outcome of an aborted capture and its terminal entry, retrying for ``within_s`` seconds.

    Returns the capture's outcome, or None if the events broker did not answer. The first outcome that is written
    counts: an extractor may have published the capture, or aborted it with another code. If only one of the two writes
    succeeds, the recorder's sweep does the other later.
    """
    outcome, _ = await asyncio.gather(
        _write_outcome(state, window, code, counts, within_s), _write_abort(state, window, code, within_s)
    )
    return outcome


async def _write_outcome(
    state: GatewayState, window: CaptureWindow, code: CaptureCode, counts: CaptureCounts, within_s: float
) -> Outcome | None:
    try:
        return await _run(state.events, records.abort(window.user_id, window.capture_id, code, counts), within_s)
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("outcome not written", capture_id=window.capture_id, code=code, exc_info=error)
        return None


async def _write_abort(state: GatewayState, window: CaptureWindow, code: CaptureCode, within_s: float) -> None:
    try:
        await _run(
            state.frames, captures.end_stream(window.capture_id, TerminalEntry("abort", error_code=code)), within_s
        )
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("terminal entry not written", capture_id=window.capture_id, code=code, exc_info=error)


async def _release_slot(state: GatewayState, window: CaptureWindow) -> None:
    """Release the user's slot, and store when the capture was closed: the recorder measures the time from then until
    its line is written.

    If the events broker is unreachable, the slot's lease expires by itself, and the time is not measured.
    """
    try:
        await retry(lambda: run(state.events, records.mark_closed(window.user_id, window.capture_id)))
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("slot not released", capture_id=window.capture_id, exc_info=error)
