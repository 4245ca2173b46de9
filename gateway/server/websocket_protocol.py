"""The gateway's WebSockets: uvicorn's protocol with limits on the time and memory that each client can use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

from gateway.http.refusals import refusal_bytes
from gateway.server.extensions import ENDED_BY_SERVER, TAKE, TOO_LONG, ServerEnd
from gateway.server.handshake import NO_HANDSHAKE, HandshakeServer
from gateway.server.lingering import linger
from gateway.server.unfinished import Unfinished
from gateway.server.unparsed import Unparsed

__all__ = ["MAX_FRAGMENTS", "MESSAGE_WITHIN_S", "BoundedWebSocket"]

SLICE_BYTES = 4096
"""How many bytes the parser gets at once. If it is in the middle of a frame that lacks more, it gets as many as the
frame lacks; so tiny frames are parsed in slices, and a picture in one piece."""

TURN_S = 0.001
"""How long the server parses one client's bytes before other tasks may run, in seconds. One read from a socket may
contain 40,000 empty frames, and parsing them took seconds."""

MESSAGE_WITHIN_S = 30.0
"""How long a message may take to arrive, in seconds, without the time in which the server does not read."""

MAX_FRAGMENTS = 16_384
"""How many frames one message may consist of: 5 MiB in frames of 320 bytes."""

LINGER_S = 5.0
LINGER_BYTES = 256 * 1024 * 1024
"""How long, and how many bytes, the server still reads and discards after a refusal, so that the client can read it."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Parses a client's bytes for at most `TURN_S` in each turn of the event loop.

    It stops parsing while a message waits for the endpoint, or while the client does not read: each ping that it parsed
    would add a pong to the unsent bytes. A client that sends data need not answer pings.
    """

    def __init__(self, unfinished: Unfinished, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished = unfinished
        self._fragments = self._queued_bytes = self._wanted_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._discards_input = False
        self.conn = HandshakeServer(max_size=self.config.ws_max_size, logger=self.conn.logger)
        self._unparsed = Unparsed()
        self._track_wanted_bytes()
        self._received_at = 0.0
        self._too_long: dict[str, Callable[[], str]] = {}
        self._take: dict[str, Callable[[Any], Any]] = {"hold": self._hold}
        self._is_held = False
        self._is_clear = False  # nothing was left when `_update_reading` was last called, and nothing is left since

    def data_received(self, data: bytes) -> None:
        self._received_at = self.loop.time()
        if not self._discards_input:
            self._unparsed.append(data)
            self._parse_slices()

    def _track_wanted_bytes(self) -> None:
        """Learn how many bytes the parser waits for: cutting a picture into slices took longer than parsing it.
        `websockets` does not tell, so this wraps its reader's ``read_exact``."""
        read_exact = self.conn.reader.read_exact

        def tracked(n: int) -> Generator[None, None, bytearray]:
            self._wanted_bytes = n
            piece = yield from read_exact(n)
            self._wanted_bytes = 0  # the parser asks for the next frame only after a part of it has arrived
            return piece

        self.conn.reader.read_exact = tracked  # type: ignore[method-assign]

    def _parse_slices(self) -> None:
        until = time.monotonic() + TURN_S
        unparsed = self._unparsed
        unparsed.lacking_bytes = 0
        while unparsed.data and not self._must_wait() and not self.transport.is_closing():
            if not self._parse_messages(until):
                self._is_clear = False
                lacking = self._wanted_bytes - len(self.conn.reader.buffer)
                super().data_received(unparsed.cut(max(SLICE_BYTES, lacking)))  # type: ignore[arg-type]
                if self.conn.handshake_exc is not None and not self.handshake_initiated:
                    self._refuse_handshake()
            if unparsed.lacking_bytes or self._is_held or time.monotonic() >= until:
                break
        if unparsed.data or not self._is_clear:
            self._update_reading()

    def _parse_messages(self, until: float) -> bool:
        """Parse messages of one frame without `websockets`' parser, if it is in no other frame or message. Returns
        False if the next bytes are for it."""
        conn, unparsed, most_bytes = self.conn, self._unparsed, self.config.ws_max_size
        if self._wanted_bytes or conn.reader.buffer or conn.current_size is not None or conn.state is not State.OPEN:
            return False
        takes = "message" in self._take and not self.close_sent and self.queue.empty()
        while (payload := unparsed.take_message(most_bytes)) is not None:
            self._cancel_deadline()
            if not (takes and self._is_taken(unparsed.is_text, payload)):
                self._is_clear = False
                self.curr_msg_data_type = "text" if unparsed.is_text else "bytes"
                self.frames = [payload]
                self.send_receive_event_to_app()
                return True
            if self._is_held or time.monotonic() >= until:
                return True
        return bool(unparsed.lacking_bytes) or not unparsed.data

    def _refuse_handshake(self) -> None:
        """Refuse a handshake that the parser cannot read. uvicorn would send no answer and keep the connection open."""
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or refusal_bytes(400, "invalid_http", NO_HANDSHAKE))
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self._stop_parsing()  # the request may have a body
        self._linger()

    def _must_wait(self) -> bool:
        """Whether a message waits for the endpoint, it holds the others back, or the client does not read."""
        return not self._discards_input and (self.read_paused or self._is_held or not self.writable.is_set())

    def _hold(self, held: bool) -> None:
        self._is_held, self._is_clear = held, False
        if not held:
            self.loop.call_soon(self._parse_slices)

    def _update_reading(self) -> None:
        """Pause or resume reading from the socket. It resumes only after all bytes are parsed that were read before."""
        must_wait = self._count_unfinished()
        if self.transport.is_closing():
            self._unparsed.clear()
        elif must_wait:
            self.transport.pause_reading()
        elif self._unparsed.data and not self._unparsed.lacking_bytes:
            self.transport.pause_reading()
            self.loop.call_soon(self._parse_slices)
        else:
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._update_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._update_reading()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"] |= {TOO_LONG: self._too_long, TAKE: self._take}  # type: ignore[dict-item]

    def handle_parser_exception(self) -> None:
        """Close with the parser's close code. If a message was too long, first send the endpoint's text."""
        if self.conn.close_sent is None:
            super().handle_parser_exception()
            return
        code = self.conn.close_sent.code
        end: dict[str, Any] = {ENDED_BY_SERVER: "too_long"} if code == CloseCode.MESSAGE_TOO_BIG else {}
        self._notify_endpoint(code, end)
        if end and "text" in self._too_long and not self.close_sent:
            self.transport.write(Frame(Opcode.TEXT, self._too_long["text"]().encode()).serialize(mask=False))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)  # without it uvicorn closes at once
        self._stop_parsing()
        self._linger()

    def _notify_endpoint(self, code: int, end: dict[str, Any]) -> None:
        disconnect: Any = {"type": "websocket.disconnect", "code": int(code), "reason": "", **end}
        self.queue.put_nowait(disconnect)

    def _linger(self) -> None:
        linger(self.transport, self, most_bytes=LINGER_BYTES, within_s=LINGER_S)

    def handle_text(self, event: Frame) -> None:
        super().handle_text(event)
        self._begin_message(event)

    def handle_bytes(self, event: Frame) -> None:
        super().handle_bytes(event)
        self._begin_message(event)

    def _begin_message(self, event: Frame) -> None:
        self._fragments = 1
        if not event.fin:
            self.frames = [bytearray(event.data)]  # type: ignore[list-item]

    def handle_cont(self, event: Frame) -> None:
        """Append each fragment to one buffer; in a list, each would take 44 bytes more."""
        self._fragments += 1
        self.frames[0] += bytes(event.data)
        if event.fin:
            self.frames = [bytes(self.frames[0])]
            self.send_receive_event_to_app()
        elif self._fragments > MAX_FRAGMENTS:
            self._give_up_message("too_slow")

    def send_receive_event_to_app(self) -> None:
        self._cancel_deadline()
        self._queued_bytes = sum(map(len, self.frames))
        super().send_receive_event_to_app()

    def _is_taken(self, is_text: bool, payload: bytes) -> bool:
        """Give the message to the endpoint's function."""
        try:
            message = payload.decode() if is_text else payload
        except UnicodeDecodeError:
            return False
        return bool(self._take["message"](message))

    def _count_unfinished(self) -> bool:
        """Count the bytes that are held, and set the message's deadline. Returns whether the server must wait."""
        held_bytes = len(self.conn.reader.buffer) + len(self._unparsed) + sum(map(len, self.frames))
        self._unfinished.hold(self, held_bytes + self._queued_bytes)
        in_message = bool(self.frames or self._wanted_bytes or self._unparsed.lacking_bytes)
        must_wait = self._must_wait()
        self._is_clear = not (in_message or held_bytes or self._queued_bytes or must_wait)
        if not in_message or must_wait or self._discards_input:
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(MESSAGE_WITHIN_S, self._give_up_message, "too_slow")
        return must_wait

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def drop_held_bytes(self) -> None:
        """Give up the unfinished message: all connections together hold too many bytes, and this one the most."""
        self._give_up_message("no_room")

    def _give_up_message(self, end: ServerEnd) -> None:
        """Discard the unfinished message and all later bytes, and notify the endpoint, which closes the socket."""
        if not self._discards_input and not self.close_sent:
            self._stop_parsing()
            self._drop_queued()
            self._notify_endpoint(CloseCode.POLICY_VIOLATION, {ENDED_BY_SERVER: end})
        elif not self._discards_input:  # it has sent its close frame, and the client a message instead of its own
            self.transport.close()

    def _drop_queued(self) -> None:
        events = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for event in events:
            if event["type"] != "websocket.receive":
                self.queue.put_nowait(event)

    def _stop_parsing(self) -> None:
        self._discards_input = True
        self._free_buffers()

    def _free_buffers(self) -> None:
        """Free all received bytes now. This object and its parser refer to each other, so Python would free them only
        at the next garbage collection."""
        self._cancel_deadline()
        self._unparsed.clear()
        self.frames, self._wanted_bytes, self._queued_bytes = [], 0, 0
        self.conn.reader.discard()
        self._unfinished.release(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._discards_input = True
        self._free_buffers()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.queue = asyncio.Queue()  # free the messages that the endpoint did not read

    async def receive(self) -> Any:
        message = await super().receive()
        self._queued_bytes = 0
        self._update_reading()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # the endpoint refused it; without this uvicorn logs an application error
        if message["type"] == "websocket.close":
            self._is_held = False
            if self._discards_input:
                self._linger()
        self._update_reading()  # uvicorn resumes reading after it has sent a close frame

    def keepalive_timeout(self) -> None:
        if self._received_at > self.ping_sent_at:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()
