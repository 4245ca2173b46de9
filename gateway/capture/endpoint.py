"""The capture WebSocket's endpoint: it pumps the socket through the protocol and carries out its actions.

No rule is here. Whatever ends the connection first settles how it ends; then the capture gets its terminal
entry and its outcome, the client is told, the socket is closed, and nothing of the connection is left.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from contracts.broker.script import run
from contracts.messages.capture import CaptureAbort
from contracts.process.logs import get_logger
from contracts.rules.codes import ABORT_CODES, CaptureCode
from contracts.rules.errors import BrokerUnavailable, CaptureError
from contracts.rules.ids import SCHEMA_VERSION
from contracts.rules.layout import PART_NAMES
from contracts.state import captures, records
from contracts.state.captures import CaptureWindow
from contracts.state.records import CaptureCounts
from gateway.capture import lifecycle
from gateway.capture.forwarder import Forwarder
from gateway.capture.progress import ProgressSender
from gateway.capture.protocol import Action, CaptureProtocol, CheckSession, Complete, Finish, Forward, Open
from gateway.server.websocket_protocol import ENDED_BY_SERVER, TOO_LONG, ServerEnd
from gateway.state import GatewayState
from gateway.tasks import cancel_all, start

__all__ = ["capture_endpoint"]

TICK_S = 0.25
WATCH_S = 1.0
WATCH_PROGRESS_S = 0.25  # at most 5 messages a second, the first one counted
TELL_WITHIN_S = 2.0
OUTCOME_BEFORE_TELLING_S = 2.0
OUTCOME_AFTER_TELLING_S = 20.0
AWAY_WATCHES_S = 5.0
FLUSH_WITHIN_S = 2.0

log = get_logger()


async def capture_endpoint(websocket: WebSocket) -> None:
    """``WS /camera_feed_worker/capture``: exactly one capture per connection."""
    await websocket.accept()
    await _Connection(websocket, websocket.app.state.gateway).serve()


class _Connection:
    """One socket from its accept to its close."""

    def __init__(self, websocket: WebSocket, state: GatewayState) -> None:
        self._websocket = websocket
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._protocol = CaptureProtocol(state.settings.capture, self._loop.time())
        self._forwarder = Forwarder(state.frames, state.settings.capture)
        self._progress: ProgressSender | None = None
        self._window: CaptureWindow | None = None
        self._seen = captures.Watch.at_open()
        self._reserved = False
        self._counted = False
        self._ending: asyncio.Future[Complete | Finish] = self._loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = log
        self._metrics = state.metrics.capture

    async def serve(self) -> None:
        """Pump until something ends the connection, then end it whole."""
        self._state.open_sockets += 1
        self._start(self._receive(), self._tick(), self._drain())
        try:
            ending = await self._ending
            ended_at = self._loop.time()
            finish = await self._complete(ending) if isinstance(ending, Complete) else ending
            await self._stop_tasks()
            if finish is None:
                await self._close_socket(1000, "")
                self._metrics.ended.labels("closed").inc()
                self._metrics.close.observe(self._loop.time() - ended_at)
            else:
                await self._finish(finish)
        finally:
            await self._stop_tasks()
            self._forwarder.discard()
            self._state.open_sockets -= 1
            if self._counted:
                self._state.active_captures -= 1

    # --- the tasks ----------------------------------------------------------------------------------

    def _start(self, *steps: Coroutine[None, None, None]) -> None:
        for step in steps:
            start(self._tasks, self._guarded(step))

    async def _guarded(self, step: Coroutine[None, None, None]) -> None:
        try:
            await step
        except CaptureError as error:
            await self._act(self._protocol.fail(error.code, error.detail))
        except WebSocketDisconnect:
            await self._act(self._protocol.disconnected())
        except Exception as error:
            self._log.error("capture connection failed", exc_info=error)
            await self._act(self._protocol.fail("internal_error"))

    async def _stop_tasks(self) -> None:
        await cancel_all(self._tasks)
        if self._progress is not None:
            await self._progress.stop()

    async def _receive(self) -> None:
        # websocket.receive() is called for one message at a time: while one is being handled, the server
        # reads no further, and TCP holds the client back.
        while not self._ending.done():
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise self._lost(message.get(ENDED_BY_SERVER), message.get("code") or 1006)
            now = self._loop.time()
            text = message.get("text")
            if text is not None:
                actions = self._protocol.receive_text(text, now)
            else:
                actions = self._protocol.receive_bytes(message.get("bytes") or b"", now)
            if actions:
                await self._act(actions)

    def _lost(self, end: ServerEnd | None, code: int) -> Exception:
        match end:
            case None:
                return WebSocketDisconnect(code)
            case "too_long":  # the server has closed the socket already
                return CaptureError("protocol_violation", "a message is longer than any may be")
            case "too_slow":
                return CaptureError("protocol_violation", "a message does not come to its end")
            case "no_room":
                no_room: CaptureCode = "limit_forward_buffer_exceeded" if self._reserved else "too_many_captures"
                return CaptureError(no_room, "unfinished messages hold too much memory")

    async def _tick(self) -> None:
        while not self._ending.done():
            await self._strike(TICK_S)
            if actions := self._protocol.tick(self._loop.time()):
                await self._act(actions)

    async def _strike(self, period_s: float) -> None:
        """Wait for the next full period of the clock: all connections' come together, in one turn of the event loop,
        and what they ask the broker then goes out in one piece."""
        await asyncio.sleep(period_s - self._loop.time() % period_s)

    async def _drain(self) -> None:
        await self._state.draining.wait()
        await self._act(self._protocol.fail("server_shutdown"))
        await asyncio.sleep(FLUSH_WITHIN_S)  # a capture that its client has closed may yet be completed
        self._forwarder.give_up("server_shutdown")

    async def _watch(self, window: CaptureWindow) -> None:
        """Ask how far the capture is, tell the broker that the gateway is there, tell the client."""
        limits = self._state.settings.capture
        answered_at = self._loop.time()
        while True:
            await self._strike(WATCH_PROGRESS_S if self._progress is not None else WATCH_S)
            if self._state.frames_unfit:
                raise CaptureError("forward_failed", self._state.frames_unfit)
            try:
                seen = await run(self._state.frames, captures.watch(window.capture_id))
            except BrokerUnavailable as error:
                if self._loop.time() - answered_at > AWAY_WATCHES_S:
                    raise CaptureError("forward_failed", "the frames broker does not answer") from error
            else:
                answered_at = self._loop.time()
                if seen is None:
                    raise CaptureError("forward_failed", "the frames broker lost the capture")
                self._seen = seen
                if seen.status in ("aborted", "finished") and not self._ending.done():
                    raise CaptureError(seen.error_code or "forward_failed", "it was ended")  # type: ignore[arg-type]
                self._protocol.held(not seen.claimed or seen.over_half(limits), answered_at)
                if self._progress is not None:
                    self._progress.show(seen, limits, answered_at)

    async def _check_session(self, window: CaptureWindow) -> None:
        lease_ms = lifecycle.socket_lease_ms(self._state.settings.capture)
        call = records.recheck(window.user_id, window.session_id, window.capture_id, lease_ms=lease_ms)
        try:
            status = await run(self._state.events, call)
        except BrokerUnavailable as error:
            # Nobody knows; what is sure is that the next check comes.
            self._log.warning("session not checked", exc_info=error)
            return
        await self._act(self._protocol.session_checked(status))

    # --- the actions --------------------------------------------------------------------------------

    async def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Forward(item):
                    await self._forwarder.put(item)
                    self._metrics.forwarded.count(item.byte_length, len(self._forwarder))
                case CheckSession():
                    assert self._window is not None
                    self._start(self._check_session(self._window))
                case Open():
                    await self._open(action)
                case Complete() | Finish():
                    if not self._ending.done():
                        self._ending.set_result(action)

    async def _open(self, action: Open) -> None:
        message = action.message
        window = self._window = CaptureWindow.of(message, self._state.settings.capture)
        self._log = log.bind(capture_id=window.capture_id, session_id=window.session_id, user_id=window.user_id)
        self._state.active_captures += 1
        self._counted = True
        await lifecycle.open_capture(self._state, window, secrets.token_hex(8))
        self._reserved = True
        self._metrics.opened.inc()
        told = self._websocket.scope.get("extensions", {}).get(TOO_LONG, {})
        told["text"] = partial(self._abort_text, "protocol_violation")
        self._log.info("capture opened", fps_target=window.fps_target, width=window.width, height=window.height)
        await self._act(self._protocol.opened(self._loop.time()))
        if message.progress:
            self._progress = ProgressSender(self._websocket, window.capture_id)
            self._progress.show(self._seen, self._state.settings.capture, self._loop.time())
        self._start(self._forwarder.run(), self._watch(window))

    async def _complete(self, complete: Complete) -> Finish | None:
        """Flush the forward queue and write the close entry; None, or how it ends because that failed."""
        assert self._window is not None
        try:
            await self._flush(self._window, complete)
        except CaptureError as error:
            return self._protocol.incomplete(error.code)
        except Exception as error:
            self._log.error("capture connection failed", exc_info=error)
            return self._protocol.incomplete("internal_error")
        await lifecycle.free_socket(self._state, self._window)
        self._log.info("capture closed", accepted=self._protocol.frames)
        return None

    async def _flush(self, window: CaptureWindow, complete: Complete) -> None:
        try:
            async with asyncio.timeout(self._state.settings.capture.max_wait_s + TICK_S):
                await self._forwarder.flush()
        except TimeoutError as error:
            raise CaptureError("limit_forward_buffer_exceeded", "no room for the last frames") from error
        await lifecycle.close_capture(self._state, window, complete.timestamp_end)

    async def _finish(self, finish: Finish) -> None:
        code, outcome = finish.code, None
        why = {"why": finish.why} if finish.why else {}
        ended = self._metrics.ended if self._reserved else self._metrics.refused
        window = self._window if finish.opened and self._reserved else None
        if window is not None:
            outcome = await lifecycle.abort_capture(self._state, window, code, self._counts(), OUTCOME_BEFORE_TELLING_S)
            if outcome is not None and outcome.error_code:  # somebody was first: the client hears what stands
                code = cast(CaptureCode, outcome.error_code)
            word = outcome.outcome if outcome is not None else ""
            self._log.info("capture ended", code=code, outcome=word, accepted=self._protocol.frames, **why)
            if word == "published":
                ended.labels("closed").inc()
                await self._close_socket(1000, "")
                return
        else:
            self._log.info("capture refused", code=code, **why)
        ended.labels(code).inc()
        if finish.code != "client_disconnected":
            if finish.tell and code in ABORT_CODES:
                await self._tell(code)
            await self._close_socket(finish.close_code, code)
        if window is not None and outcome is None:
            await lifecycle.abort_capture(self._state, window, code, self._counts(), OUTCOME_AFTER_TELLING_S)

    def _counts(self) -> CaptureCounts:
        """How far the capture came, as this connection saw it."""
        found = {part: getattr(self._seen.found, part) for part in PART_NAMES}
        return CaptureCounts(self._protocol.frames - len(self._forwarder), self._seen.extracted, found)

    async def _tell(self, code: CaptureCode) -> None:
        await self._say(self._websocket.send_text(self._abort_text(code)))

    def _abort_text(self, code: CaptureCode) -> str:
        opened = self._protocol.message
        assert opened is not None
        abort = CaptureAbort(
            schema_version=SCHEMA_VERSION,
            record_id=opened.record_id,
            user_id=opened.user_id,
            session_id=opened.session_id,
            timestamp=datetime.now(UTC),
            capture_id=opened.capture_id,
            error_code=code,  # type: ignore[arg-type]
        )
        return abort.model_dump_json(exclude_none=True)

    async def _close_socket(self, code: int, reason: str) -> None:
        await self._say(self._websocket.close(code, reason))

    async def _say(self, step: Coroutine[None, None, None]) -> None:
        """A client that does not read, or is gone, must not keep us."""
        try:
            async with asyncio.timeout(TELL_WITHIN_S):
                await step
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            return
