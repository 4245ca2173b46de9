"""The real-time lane's WebSocket: it connects the client's socket with a session and the lane.

One task receives frames, checks them, and drops or takes each without waiting. A second task waits for answers, a
third sends messages to the client. The first of them that ends decides the close code; then the endpoint notifies the
client and frees its worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from contracts.messages.live import LiveDropped, LiveError, LiveWarning
from contracts.messages.pipelines import PIPELINES
from contracts.process.logs import get_logger
from contracts.rules.codes import CODES
from contracts.rules.errors import LiveRefusal
from gateway.access.guard import entry_of
from gateway.live.backpressure import Backpressure, BackpressureState
from gateway.live.frame_check import check_frame
from gateway.live.lane import INTERNAL_ERROR, LiveLane, Outcome
from gateway.live.session import LiveSession
from gateway.server.extensions import ENDED_BY_SERVER, TOO_LONG, ServerEnd
from gateway.server.websocket_protocol import MAX_FRAGMENTS, MESSAGE_WITHIN_S
from gateway.state import GatewayState
from gateway.tasks import cancel_all, start

__all__ = ["live_endpoint"]

SEND_WITHIN_S = 2.0

_SLOW = f"A message must be complete within {MESSAGE_WITHIN_S:g} s, and have at most {MAX_FRAGMENTS:,} fragments."
_NO_ROOM = "The server has no memory for such a large frame at the moment."

log = get_logger()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ends: the endpoint sends the error message, if there is one, then the close frame. It sends
    neither if the client is ``gone``."""

    close_code: int
    reason: str
    error: LiveError | None = None
    gone: bool = False

    @classmethod
    def refused(cls, refusal: LiveRefusal) -> Ending:
        """The ending for an error: its message, its close code, and its code as the reason."""
        return cls(CODES[refusal.code].live_close, refusal.code, LiveError(error=refusal.code, detail=refusal.detail))


async def live_endpoint(websocket: WebSocket) -> None:
    """``WS /ws/video/stream?pipeline_id=``: receive JPEGs and send a pipeline's results until either side closes."""
    await websocket.accept()
    try:
        pipeline_id = chosen_pipeline(websocket.query_params.getlist("pipeline_id"))
    except LiveRefusal as refusal:
        log.info("live connection refused", code=refusal.code, detail=refusal.detail, peer=_kind_of_peer(websocket))
        await _end(websocket, Ending.refused(refusal))
        return
    await _LiveSocket(websocket, pipeline_id).serve()


def _kind_of_peer(websocket: WebSocket) -> str:
    """The kind of the client's address, for the log: the address itself may identify a person."""
    try:
        address = ip_address(websocket.client.host if websocket.client else "")
    except ValueError:
        return "unknown"
    return "this machine" if address.is_loopback else "a private network" if address.is_private else "elsewhere"


def chosen_pipeline(given: list[str]) -> str:
    """The pipeline that the client chose in the address.

    Raises:
        LiveRefusal: ``invalid_pipeline``; the address has no pipeline_id, several, or an unknown one.
    """
    if len(given) == 1 and given[0] in PIPELINES:
        return given[0]
    problem = {0: "The address has no pipeline_id.", 1: "There is no pipeline with this pipeline_id."}
    choices = f" Choose one of {', '.join(PIPELINES)}."
    raise LiveRefusal("invalid_pipeline", problem.get(len(given), "The address has several pipeline_ids.") + choices)


async def _end(websocket: WebSocket, ending: Ending) -> None:
    """Send the error message and the close frame, with a timeout. Ignore a client that is slow or disconnected."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(SEND_WITHIN_S):
            if ending.error is not None:
                await websocket.send_text(ending.error.model_dump_json())
            await websocket.close(ending.close_code, ending.reason)


def _lost(end: ServerEnd | None, code: int) -> Exception:
    """The error for a ``websocket.disconnect`` message. ``end`` says why the server ended the connection, if it did."""
    if end == "too_slow":
        return LiveRefusal("invalid_message", _SLOW)
    return LiveRefusal("frame_too_large", _NO_ROOM) if end == "no_room" else WebSocketDisconnect(code)


class _LiveSocket:
    """Serves one socket, from the beginning of its session to its close."""

    def __init__(self, websocket: WebSocket, pipeline_id: str) -> None:
        self._websocket = websocket
        state = self._state = _state(websocket)
        settings = state.settings
        self._lane: LiveLane = websocket.app.state.live
        self._session = LiveSession(Backpressure(settings.stream_drop_threshold, settings.stream_slowdown_threshold))
        self._connection = self._lane.enter(str(uuid4()), pipeline_id, self._on_outcome)
        self._log = log.bind(live_id=self._connection.live_id, pipeline_id=pipeline_id)
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._has_messages = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Run the connection's tasks until one of them ends it; then close the socket and free the worker's slot."""
        self._begin()
        try:
            ending = await self._ending
            self._log_ending(ending)
            await cancel_all(self._tasks)
            if not ending.gone:
                await _end(self._websocket, ending)
        finally:
            await cancel_all(self._tasks)
            await self._lane.leave(self._connection)
            self._state.metrics.stream_sessions_active.dec()
            self._state.live_sessions -= 1

    def _begin(self) -> None:
        state, most = self._state, self._state.settings.stream_max_sessions
        state.live_sessions += 1
        state.metrics.stream_sessions_active.inc()
        self._log.info("live session begins", live_sessions=state.live_sessions)
        if state.live_sessions == most + 1:
            self._log.warning(
                "more live sessions than recommended", live_sessions=state.live_sessions, recommended=most
            )
        limit = state.settings.stream_max_frame_bytes
        too_long = LiveError(error="frame_too_large", detail=f"The frame is longer than {limit} bytes.")
        self._websocket.scope["extensions"][TOO_LONG]["text"] = too_long.model_dump_json
        self._start(self._receive(), self._send_messages(), self._drain(), self._until_access_ends())

    # --- the tasks ----------------------------------------------------------------------------------

    def _start(self, *steps: Coroutine[None, None, None]) -> None:
        for step in steps:
            start(self._tasks, self._guarded(step))

    async def _guarded(self, step: Coroutine[None, None, None]) -> None:
        try:
            await step
        except LiveRefusal as refusal:
            self._finish(Ending.refused(refusal))
        except WebSocketDisconnect as gone:
            # 1009: a message was too long, and the server has already sent the error and closed the socket
            self._finish(
                Ending(gone.code, "frame_too_large" if gone.code == 1009 else "client_disconnected", gone=True)
            )
        except Exception as error:
            self._log.error("live session failed", exc_info=error)
            self._finish(Ending.refused(INTERNAL_ERROR))

    def _finish(self, ending: Ending) -> None:
        if not self._ending.done():
            self._ending.set_result(ending)

    async def _receive(self) -> None:
        limit = self._state.settings.stream_max_frame_bytes
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise _lost(message.get(ENDED_BY_SERVER), message.get("code") or 1006)
            payload = message.get("bytes")
            if payload is None:
                raise LiveRefusal("invalid_message", "A message must be one JPEG, sent as binary; this one is text.")
            check_frame(payload, limit)
            index = self._session.add_frame()
            if index is None:
                self._count_drop()
            else:
                self._lane.submit(self._connection, index, payload)

    def _on_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome, LiveRefusal):
            self._finish(Ending.refused(outcome))
        elif outcome is None:
            self._session.drop_current()
            self._count_drop()
        else:
            self._session.add_answer(outcome)
            self._state.metrics.stream_frames_processed.inc()
            self._has_messages.set()

    def _count_drop(self) -> None:
        self._state.metrics.stream_frames_dropped.inc()
        self._has_messages.set()

    async def _send_messages(self) -> None:
        before = BackpressureState.NORMAL
        while True:
            await self._has_messages.wait()
            self._has_messages.clear()
            while (message := self._session.next_message()) is not None:
                if isinstance(message, LiveWarning):
                    self._state.metrics.stream_slowdown_signals.inc()
                await self._websocket.send_text(message.model_dump_json())
                before = self._log_change(before)
                if isinstance(message, LiveDropped):
                    await asyncio.sleep(0)  # there may be a hundred thousand of them: let other tasks run

    def _log_change(self, before: BackpressureState) -> BackpressureState:
        """Log a line if the backpressure's state changed. Returns the state."""
        backpressure = self._session.backpressure
        state = backpressure.state
        if state is not before:
            line = {
                "state": state.value,
                "drop_rate": round(backpressure.drop_rate, 3),
                "dropped": self._session.dropped,
            }
            self._log.info("live backpressure", frame_index=self._session.received - 1, **line)
        return state

    async def _drain(self) -> None:
        await self._state.draining.wait()
        self._finish(Ending(1012, "server_shutdown"))

    async def _until_access_ends(self) -> None:
        if (entry := entry_of(self._websocket)) is not None:
            await self._state.access.ended(entry)
            raise LiveRefusal("access_ended", CODES["access_ended"].meaning)

    def _log_ending(self, ending: Ending) -> None:
        session = self._session
        counts = {name: getattr(session, name) for name in ("received", "processed", "dropped", "slow_downs")}
        if ending.error is None:
            self._log.info("live session ends", code=ending.reason, **counts)
        else:
            self._log.warning("live session ends", code=ending.reason, detail=ending.error.detail, **counts)


def _state(websocket: WebSocket) -> GatewayState:
    state: GatewayState = websocket.app.state.gateway
    return state
