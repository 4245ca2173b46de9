"""Opening a capture in the brokers, and giving it its end: the steps that reach Redis."""

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

__all__ = ["abort_capture", "close_capture", "free_socket", "open_capture", "socket_lease_ms"]

MEMORY_SHARE = 0.70
"""A frames broker that is fuller than this takes no new capture."""

OPEN_WITHIN_S = 5.0
CLOSE_WITHIN_S = 5.0

log = get_logger()


async def _run(broker: AsyncBroker, call: Call[T], within_s: float) -> T:
    return await _retry(call.role, lambda: run(broker, call), within_s)


async def _retry(role: Role, step: Callable[[], Awaitable[T]], within_s: float) -> T:
    """Retry an idempotent step with backoff while the broker is away or full, for ``within_s`` seconds.

    Raises:
        BrokerUnavailable: it still was when the time was over.
    """
    try:
        return await retry(step, until=Until(within_s=within_s))
    except TimeoutError as error:
        raise BrokerUnavailable(role, "it did not answer in time") from error


async def open_capture(
    state: GatewayState,
    window: CaptureWindow,
    connection: str,
    once_reserved: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Reserve the capture in the events role, open it in the frames role, then dispatch it.

    A capture that was reserved and could not be opened has its outcome when this returns or raises. ``once_reserved``
    is done before it is opened; what it raises, this raises.

    Raises:
        CaptureError: the code says which rule forbids it, or ``forward_failed`` if a broker is away.
    """
    await _reserve(state, window, connection)
    try:
        if once_reserved is not None:
            await once_reserved()
        if not await _run(state.frames, captures.open_capture(window), OPEN_WITHIN_S):
            raise CaptureError("duplicate_capture", "this capture_id is in the frames broker already")
        await _dispatch(state.frames, window)
    except (A3CPError, asyncio.CancelledError) as error:
        code: CaptureCode = error.code if isinstance(error, CaptureError) else "forward_failed"
        outcome = await asyncio.shield(_give_outcome(state, window, code, CaptureCounts(), CLOSE_WITHIN_S))
        if outcome is not None and outcome.outcome == "published" and isinstance(error, A3CPError):
            return  # only the answers were lost: it was dispatched, and the extractor of its video was quick
        if isinstance(error, BrokerUnavailable | UnreadableValue):
            raise CaptureError("forward_failed", str(error)) from error
        raise


async def _reserve(state: GatewayState, window: CaptureWindow, connection: str) -> None:
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
            window, connection, limits.max_captures_per_user, datetime.now(UTC), lease_ms=socket_lease_ms(limits)
        )
        answer = await _run(state.events, reservation, OPEN_WITHIN_S)
    except (BrokerUnavailable, UnreadableValue) as error:
        raise CaptureError("forward_failed", str(error)) from error
    if answer != "OK":
        raise CaptureError(answer, "the capture cannot be opened")


def socket_lease_ms(limits: CaptureLimits) -> int:
    """How long an open socket counts for its user: several rechecks may fail before it lapses."""
    return max(records.SOCKET_LEASE_MS, int(4000 * limits.recheck_s))


async def _dispatch(frames: AsyncBroker, window: CaptureWindow) -> None:
    """One entry for the extractors, or a second one if the first answer was lost. From then on a capture from a video
    waits for them."""
    await retry(lambda: dispatch.dispatch(frames, window), until=Until(attempts=2, pauses=False))
    if window.video and not await _retry("frames", lambda: uploads.wait(frames, window.capture_id), OPEN_WITHIN_S):
        raise CaptureError("forward_failed", "the frames broker lost the capture meanwhile")


async def close_capture(state: GatewayState, window: CaptureWindow, timestamp_end: datetime) -> None:
    """Write the close entry; every frame is in the broker before.

    Raises:
        CaptureError: the capture ended otherwise meanwhile (its code), or the broker is away and nobody
            knows whether the entry was written (``forward_failed``).
    """
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
    """Give a capture its terminal entry and its outcome, trying for ``within_s`` seconds.

    Returns the outcome that stands, which may be another one: the capture was completed after all, or somebody else
    aborted it first. None if the events broker did not answer. The sweep completes what is left half said.
    """
    outcome, _ = await asyncio.gather(
        _give_outcome(state, window, code, counts, within_s), _give_terminal(state, window, code, within_s)
    )
    return outcome


async def _give_outcome(
    state: GatewayState, window: CaptureWindow, code: CaptureCode, counts: CaptureCounts, within_s: float
) -> Outcome | None:
    try:
        return await _run(state.events, records.abort(window.user_id, window.capture_id, code, counts), within_s)
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("outcome not written", capture_id=window.capture_id, code=code, exc_info=error)
        return None


async def _give_terminal(state: GatewayState, window: CaptureWindow, code: CaptureCode, within_s: float) -> None:
    try:
        await _run(
            state.frames, captures.end_stream(window.capture_id, TerminalEntry("abort", error_code=code)), within_s
        )
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("terminal entry not written", capture_id=window.capture_id, code=code, exc_info=error)


async def free_socket(state: GatewayState, window: CaptureWindow) -> None:
    """The capture was closed: the user has one open socket less, and the time until its line is in the log runs.

    Should this not arrive, the socket's lease lapses by itself, and nobody knows how long the line took.
    """
    try:
        await retry(lambda: run(state.events, records.mark_closed(window.user_id, window.capture_id)))
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("socket not freed", capture_id=window.capture_id, exc_info=error)
