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
from contracts.rules.codes import CaptureCode
from contracts.rules.errors import A3CPError, BrokerUnavailable, CaptureError, UnreadableValue
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, dispatch, records, uploads
from contracts.state.captures import CaptureWindow
from contracts.state.frame import TerminalEntry
from contracts.state.records import CaptureCounts, Outcome
from gateway.state import GatewayState

__all__ = ["abort_capture", "close_capture", "open_capture", "slot_lease_ms"]

MEMORY_SHARE = 0.70
"""If the frames broker uses more of its ``maxmemory``, no capture is opened."""

OPEN_WITHIN_S = 5.0
CLOSE_WITHIN_S = 5.0

log = get_logger()


async def _run(broker: AsyncBroker, call: Call[T], within_s: float) -> T:
    return await _retry(call.role, lambda: run(broker, call), within_s)


async def _retry(role: Role, step: Callable[[], Awaitable[T]], within_s: float) -> T:
    """Retry an idempotent step with backoff while the broker is away or full, for ``within_s`` seconds.

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
) -> None:
    """Reserve a slot of the user in the events role, create the capture in the frames role, dispatch it to extractors.

    ``source`` is unique to the socket or the upload that opens it: a reservation of the same capture with another one
    is refused. ``after_reserve`` runs before the capture is created; what it raises, this raises. If a step after the
    reservation fails, this aborts the capture before it raises.

    Raises:
        CaptureError: the code says which rule forbids it, or ``forward_failed`` if a broker is away.
    """
    await _reserve(state, window, source)
    try:
        if after_reserve is not None:
            await after_reserve()
        if not await _run(state.frames, captures.open_capture(window), OPEN_WITHIN_S):
            raise CaptureError("duplicate_capture", "this capture_id is in the frames broker already")
        await _dispatch(state.frames, window)
    except (A3CPError, asyncio.CancelledError) as error:
        code: CaptureCode = error.code if isinstance(error, CaptureError) else "forward_failed"
        outcome = await asyncio.shield(_write_outcome(state, window, code, CaptureCounts(), CLOSE_WITHIN_S))
        if outcome is not None and outcome.outcome == "published" and isinstance(error, A3CPError):
            return  # only the reply was lost: the capture was dispatched, and the extractor of its video was quick
        if isinstance(error, BrokerUnavailable | UnreadableValue):
            raise CaptureError("forward_failed", str(error)) from error
        raise


async def _reserve(state: GatewayState, window: CaptureWindow, source: str) -> None:
    limits = state.settings.capture
    if state.refusal:
        raise CaptureError("brokers_unready", state.refusal)
    if state.active_captures > limits.max_captures:
        raise CaptureError("too_many_captures", f"this gateway takes {limits.max_captures} captures at once")
    try:
        state_key = keys.capture_keys(window.capture_id).state
        share = await _retry("frames", lambda: memory_share(state.frames, state_key), OPEN_WITHIN_S)
        if share > MEMORY_SHARE:
            raise CaptureError("frames_broker_full", "the frames broker is short of memory")
        reservation = records.reserve(
            window, source, limits.max_captures_per_user, datetime.now(UTC), lease_ms=slot_lease_ms(limits)
        )
        answer = await _run(state.events, reservation, OPEN_WITHIN_S)
    except (BrokerUnavailable, UnreadableValue) as error:
        raise CaptureError("forward_failed", str(error)) from error
    if answer != "OK":
        raise CaptureError(answer, "the capture cannot be opened")


def slot_lease_ms(limits: CaptureLimits) -> int:
    """How long an open capture occupies one of its user's slots without a recheck; several rechecks may fail."""
    return max(records.SOCKET_LEASE_MS, int(4000 * limits.recheck_s))


async def _dispatch(frames: AsyncBroker, window: CaptureWindow) -> None:
    """Add one dispatch entry, or a second one if the first reply was lost. Then give a video's keys the time that
    it may wait for an extractor."""
    await retry(lambda: dispatch.dispatch(frames, window), until=Until(attempts=2, pauses=False))
    if window.video and not await _retry("frames", lambda: uploads.wait(frames, window.capture_id), OPEN_WITHIN_S):
        raise CaptureError("forward_failed", "the frames broker lost the capture meanwhile")


async def close_capture(state: GatewayState, window: CaptureWindow, timestamp_end: datetime | None = None) -> None:
    """Complete a capture whose frames are all in the broker, and release its user's slot.

    The frames of a socket end with a close entry, which says ``timestamp_end``. The capture of a video has no stream:
    it is closed from the first, and only occupies a slot until here.

    Raises:
        CaptureError: the capture ended otherwise meanwhile (its code), or the broker is unreachable and may or may not
            have the entry (``forward_failed``).
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
    if status == "closed" or (status == "finished" and not code):
        return
    raise CaptureError(code or "forward_failed", "the capture ended before it was closed")  # type: ignore[arg-type]


async def abort_capture(
    state: GatewayState, window: CaptureWindow, code: CaptureCode, counts: CaptureCounts, within_s: float
) -> Outcome | None:
    """Write the outcome of an aborted capture and its terminal entry, retrying for ``within_s`` seconds.

    Returns the capture's outcome. The first one written counts: an extractor may have published the capture, or aborted
    it with another code. None if the events broker did not reply. The recorder's sweep completes a half abort.
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
    """Release the user's slot, and note when the capture was closed: the recorder measures the time to its line.

    If the events broker is unreachable, the slot's lease expires, and the time is not measured.
    """
    try:
        await retry(lambda: run(state.events, records.mark_closed(window.user_id, window.capture_id)))
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("slot not released", capture_id=window.capture_id, exc_info=error)
