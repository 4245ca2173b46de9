"""The capture WebSocket's endpoint: it feeds the client's messages to `CaptureProtocol` and carries out its actions.

No rule of the protocol is here. The first `Complete` or `Finish` decides how the connection ends. Then the endpoint
writes the capture's terminal entry and its outcome, notifies the client and closes the socket.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from contracts.broker.script import run
from contracts.process.logs import get_logger
from contracts.rules.codes import ABORT_CODES, CaptureCode
from contracts.rules.errors import BrokerUnavailable, CaptureError
from contracts.rules.landmarks import PART_NAMES
from contracts.state import captures
from contracts.state.captures import CaptureWindow
from contracts.state.records import CaptureCounts
from gateway.access.guard import entry_of, own_people, recorder_name
from gateway.capture import lifecycle
from gateway.capture.actions import Action, CheckSession, Complete, Finish, Forward, Open
from gateway.capture.clock import RunningClock
from gateway.capture.closing import abort_text, close_socket, send_abort, why_disconnected
from gateway.capture.forwarder import FLUSH_WITHIN_S, Forwarder
from gateway.capture.lifecycle import OUTCOME_AFTER_ABORT_S, OUTCOME_BEFORE_ABORT_S
from gateway.capture.progress import ProgressSender
from gateway.capture.protocol import CaptureProtocol
from gateway.capture.traced import CaptureTrace
from gateway.server.extensions import ENDED_BY_SERVER, TAKE, TOO_LONG
from gateway.state import GatewayState
from gateway.tasks import cancel_all, next_period, start

__all__ = ["capture_endpoint"]

TICK_S, WATCH_S = 0.25, 1.0
WATCH_PROGRESS_S = 0.25  # the contract allows 5 messages a second: these 4, and the first one after the open

BROKER_AWAY_S = 5.0
"""How long the capture's state may be unreadable before the capture fails, in seconds."""

log = get_logger()


async def capture_endpoint(websocket: WebSocket) -> None:
    """``WS /camera_feed_worker/capture``: exactly one capture per connection."""
    await websocket.accept()
    await CaptureConnection(websocket, websocket.app.state.gateway).serve()


class CaptureConnection:
    """One capture socket from its accept to its close."""

    def __init__(self, websocket: WebSocket, state: GatewayState) -> None:
        self._websocket = websocket
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._clock = RunningClock(TICK_S, self._loop.time())
        self._protocol = CaptureProtocol(state.settings.capture, self._now(), own_people(websocket))
        self._forwarder: Forwarder | None = None
        self._progress: ProgressSender | None = None
        self._window: CaptureWindow | None = None
        self._watched = captures.Watch.at_open()
        self._reserved = self._counted = self._receiving = False
        self._ending: asyncio.Future[Complete | Finish] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log, self._metrics = log, state.metrics.capture
        self._trace = CaptureTrace()
        self._hold: Callable[[bool], None] = lambda held: None

    async def serve(self) -> None:
        """Run the connection's tasks until one of them ends it; then end the capture and close the socket."""
        self._state.open_sockets += 1
        self._state.ticks.add(TICK_S, self._tick)
        self._start(self._receive(), self._drain(), self._until_access_ends())
        try:
            ending, ended_at = await self._ending, self._loop.time()
            with self._trace.ending("close" if isinstance(ending, Complete) else "abort", self._protocol.frames):
                finish = await self._complete(ending) if isinstance(ending, Complete) else ending
                await self._stop_tasks()
                if finish is None:
                    await close_socket(self._websocket, 1000)
                    self._metrics.ended.labels("closed").inc()
                    self._metrics.close.observe(self._loop.time() - ended_at)
                else:
                    await self._finish(finish)
        finally:
            self._state.ticks.discard(TICK_S, self._tick)
            self._trace.end()
            await self._stop_tasks()
            if self._forwarder is not None:
                self._forwarder.discard()
            self._state.open_sockets -= 1
            self._state.active_captures -= self._counted

    def _start(self, *steps: Coroutine[None, None, None]) -> None:
        for step in steps:
            start(self._tasks, self._guarded(step))

    async def _guarded(self, step: Coroutine[None, None, None]) -> None:
        try:
            await step
        except Exception as error:
            await self._act(self._failed(error))

    def _failed(self, error: Exception) -> tuple[Action, ...]:
        if isinstance(error, CaptureError):
            return self._protocol.fail(error.code, error.detail)
        if isinstance(error, WebSocketDisconnect):
            return self._protocol.disconnected()
        self._log.error("capture connection failed", exc_info=error)
        return self._protocol.fail("internal_error")

    async def _stop_tasks(self) -> None:
        await cancel_all(self._tasks)
        if self._progress is not None:
            await self._progress.stop()

    async def _receive(self) -> None:
        # one message at a time: while it is handled, the server reads no further, and TCP slows the client down
        while not self._ending.done():
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                end, code = message.get(ENDED_BY_SERVER), message.get("code") or 1006
                raise why_disconnected(end, code, reserved=self._reserved)
            text, data = message.get("text"), message.get("bytes") or b""
            self._receiving = True
            await self._act(self._protocol.receive(data if text is None else text, self._now()))
            self._receiving = False

    def _take(self, message: str | bytes) -> bool:
        """Handle a message without waking `_receive`. Returns False if it must wait for `_receive`: an earlier one is
        being handled, or the capture is not open. If the forward queue is full, the server holds what comes next."""
        forwarder = self._forwarder
        if forwarder is None or self._receiving or self._ending.done():
            return False
        try:
            actions = self._protocol.receive(message, self._clock.time(self._loop.time()))
        except Exception as error:
            actions = self._failed(error)
        for action in actions:
            if isinstance(action, Forward) and not forwarder.has_room(len(action.item.payload)):
                self._hold(True)
                forwarder.call_when_room(len(action.item.payload), partial(self._forward_held, action))
            else:
                self._perform(action)
        return True

    def _forward_held(self, forward: Forward, error: CaptureError | None) -> None:
        for action in (forward,) if error is None else self._failed(error):
            self._perform(action)
        self._hold(False)

    def _tick(self) -> None:
        try:
            actions = self._protocol.tick(self._clock.tick(self._loop.time()))
        except Exception as error:
            actions = self._failed(error)
        for action in actions:
            self._perform(action)

    def _now(self) -> float:
        return self._clock.time(self._loop.time())

    async def _drain(self) -> None:
        await self._state.draining.wait()
        await self._act(self._protocol.fail("server_shutdown"))
        if self._forwarder is not None:
            await asyncio.sleep(FLUSH_WITHIN_S)  # if the client has closed the capture, it may still be completed
            self._forwarder.give_up("server_shutdown")

    async def _until_access_ends(self) -> None:
        if (entry := entry_of(self._websocket)) is not None:
            await self._state.access.ended(entry)
            await self._act(self._protocol.fail("access_ended"))

    async def _watch(self, window: CaptureWindow) -> None:
        """Poll the capture's state, which also keeps its keys alive; send the client its progress."""
        limits, replied_at = self._state.settings.capture, self._loop.time()
        while True:
            await next_period(WATCH_PROGRESS_S if self._progress is not None else WATCH_S)
            if self._state.frames_unfit:
                raise CaptureError("forward_failed", self._state.frames_unfit)
            try:
                watched = await run(self._state.frames, captures.watch(window.capture_id))
            except BrokerUnavailable as error:
                if self._loop.time() - replied_at > BROKER_AWAY_S:
                    raise CaptureError("forward_failed", "the frames broker does not answer") from error
            else:
                replied_at = self._loop.time()
                if watched is None:
                    raise CaptureError("forward_failed", "the frames broker lost the capture")
                self._watched = watched
                if watched.status in ("aborted", "finished") and not self._ending.done():
                    code = watched.error_code or "forward_failed"
                    raise CaptureError(code, "another process ended the capture")  # type: ignore[arg-type]
                self._protocol.held(not watched.claimed or watched.over_half(limits), self._now())
                if self._progress is not None:
                    self._progress.show(watched, limits, replied_at)

    async def _check_session(self, window: CaptureWindow) -> None:
        status = await lifecycle.check_session(self._state, window)
        if status is not None:  # else the protocol asks for the next check after `recheck_s`
            await self._act(self._protocol.session_checked(status))

    async def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Forward) and self._forwarder is not None:
                await self._forwarder.wait_for_room(action.item.byte_length)
            if isinstance(action, Open):
                await self._open(action)
            else:
                self._perform(action)

    def _perform(self, action: Action) -> None:
        """Perform an action that does not wait; a frame needs room in the forward queue."""
        match action:
            case Forward(item, timestamp_frame):
                assert self._forwarder is not None
                self._metrics.forwarded.add(item.byte_length, self._forwarder.put(item, timestamp_frame))
            case CheckSession():
                assert self._window is not None
                self._start(self._check_session(self._window))
            case Complete() | Finish():
                if not self._ending.done():
                    self._ending.set_result(action)

    async def _open(self, action: Open) -> None:
        message, state, limits = action.message, self._state, self._state.settings.capture
        window = self._window = CaptureWindow.of(message, limits, recorder_name(self._websocket))
        state.active_captures += 1
        self._counted = True
        with self._trace.opening(window.capture_id, self._websocket.headers.get("traceparent")) as span:
            ids = window.model_dump(include={"capture_id", "session_id", "user_id"}) | self._trace.log_fields
            self._log, source, why = log.bind(**ids), secrets.token_hex(8), lambda: self._protocol.failed_with
            await lifecycle.open_capture(state, window, source, why=why, span=span)
        self._reserved = True
        self._metrics.opened.inc()
        extensions = self._websocket.scope.get("extensions", {})
        extensions.get(TOO_LONG, {})["text"] = partial(abort_text, message, "protocol_violation")
        extensions.get(TAKE, {})["message"], self._hold = self._take, extensions.get(TAKE, {}).get("hold", self._hold)
        self._log.info("capture opened", fps_target=window.fps_target, width=window.width, height=window.height)
        forwarder = self._forwarder = Forwarder(state.frames, limits)
        await self._act(self._protocol.opened(self._now()))
        if message.progress:
            self._progress = ProgressSender(self._websocket, window.capture_id)
            self._progress.show(self._watched, limits, self._loop.time())
        self._start(forwarder.run(), self._watch(window))

    async def _complete(self, complete: Complete) -> Finish | None:
        """Flush the forward queue and close the capture. Returns None, or a `Finish` if that failed."""
        assert self._window is not None and self._forwarder is not None
        try:
            await self._forwarder.flush(self._state.settings.capture.max_wait_s + TICK_S)
            await lifecycle.close_capture(self._state, self._window, complete.timestamp_end)
        except CaptureError as error:
            return self._protocol.incomplete(error.code)
        except Exception as error:
            self._log.error("capture connection failed", exc_info=error)
            return self._protocol.incomplete("internal_error")
        self._log.info("capture closed", accepted=self._protocol.frames)
        return None

    async def _finish(self, finish: Finish) -> None:
        code, outcome = finish.code, None
        why = {"why": finish.why} if finish.why else {}
        ended = self._metrics.ended if self._reserved else self._metrics.refused
        window = self._window if finish.opened and self._reserved else None
        if window is not None:
            outcome = await lifecycle.abort_capture(self._state, window, code, self._counts(), OUTCOME_BEFORE_ABORT_S)
            if outcome is not None and outcome.error_code:  # another process aborted it first, with its code
                code = cast(CaptureCode, outcome.error_code)
            word = outcome.outcome if outcome is not None else ""
            self._log.info("capture ended", code=code, outcome=word, accepted=self._protocol.frames, **why)
            if word == "published":
                ended.labels("closed").inc()
                await close_socket(self._websocket, 1000)
                return
        else:
            self._log.info("capture refused", code=code, **why)
        ended.labels(code).inc()
        self._trace.fail(code)
        if finish.code != "client_disconnected":
            if finish.sends_abort and code in ABORT_CODES:
                assert self._protocol.message is not None
                await send_abort(self._websocket, abort_text(self._protocol.message, code))
            await close_socket(self._websocket, finish.close_code, code)
        if window is not None and outcome is None:
            await lifecycle.abort_capture(self._state, window, code, self._counts(), OUTCOME_AFTER_ABORT_S)

    def _counts(self) -> CaptureCounts:
        """The capture's counts, as far as this connection knows them."""
        queued = len(self._forwarder) if self._forwarder is not None else 0
        found = {part: getattr(self._watched.found, part) for part in PART_NAMES}
        return CaptureCounts(self._protocol.frames - queued, self._watched.extracted, found)
