"""The gateway's WebSockets: uvicorn's protocol with limits on the time and memory that each client can use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Any, Literal

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from gateway.http.refusals import refusal, refusal_bytes
from gateway.server.lingering import linger
from gateway.server.unfinished import Unfinished

__all__ = ["ENDED_BY_SERVER", "MAX_FRAGMENTS", "MESSAGE_WITHIN_S", "TOO_LONG", "BoundedWebSocket", "ServerEnd"]

SLICE_BYTES = 4096
"""How many bytes the parser gets at once. If it is in the middle of a frame that lacks more, it gets as many as the
frame lacks; so tiny frames are parsed in slices, and a picture in one piece."""

TURN_S = 0.001
"""How long the server parses one client's bytes before other tasks may run, in seconds. One read from a socket may
contain 40,000 empty frames, and parsing them took seconds."""

TOO_LONG = "a3cp.too_long"
"""An extension of the ASGI scope: a dictionary in which an endpoint may store a function as ``text``. If the server
closes the socket itself because a message is too long, it calls the function and sends the text that it returns."""

ENDED_BY_SERVER = "a3cp.ended_by_server"
"""A field of ``websocket.disconnect`` that is set if the server, not the client, ended the connection. Its value is a
`ServerEnd`. Unless that is ``too_long``, the endpoint can still send, and must close the socket."""

ServerEnd = Literal["too_long", "too_slow", "no_room"]

MESSAGE_WITHIN_S = 30.0
"""How long a message may take to arrive, in seconds, without the time in which the server does not read."""

MAX_FRAGMENTS = 16_384
"""How many frames one message may consist of: 5 MiB in frames of 320 bytes."""

LINGER_S = 5.0
LINGER_BYTES = 256 * 1024 * 1024
"""How long, and how many bytes, the server still reads and discards after a refusal, so that the client can read it."""

_NO_HANDSHAKE = "This is not the handshake of a WebSocket, version 13, with at most 128 headers of 8 KiB."


class _HandshakeServer(ServerProtocol):
    """Refuses handshakes with the gateway's JSON; the texts of `websockets` would quote the client."""

    def reject(self, status: StatusLike, text: str) -> Response:
        status = HTTPStatus(status)
        code = "internal_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_http"
        answer = refusal(status, code, _NO_HANDSHAKE, {"Connection": "close"})
        return Response(status, status.phrase, Headers(answer.headers.items()), bytes(answer.body))


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Parses a client's bytes for at most `TURN_S` in each turn of the event loop.

    It stops parsing while a message waits for the endpoint, or while the client does not read: each ping that it parsed
    would add a pong to the unsent bytes. A client that sends data need not answer pings.
    """

    def __init__(self, unfinished: Unfinished, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished = unfinished
        self._fragments = self._queued_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._discards_input = False
        self.conn = _HandshakeServer(max_size=self.config.ws_max_size, logger=self.conn.logger)
        self._unparsed = b""
        self._parsed_bytes = 0
        self._wanted_bytes = 0
        self._track_wanted_bytes()
        self._received_at = 0.0
        self._too_long: dict[str, Callable[[], str]] = {}

    def data_received(self, data: bytes) -> None:
        self._received_at = self.loop.time()
        if not self._discards_input:
            self._unparsed = self._unparsed[self._parsed_bytes :] + data if self._unparsed else data
            self._parsed_bytes = 0
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
        while self._unparsed and not self._must_wait() and not self.transport.is_closing():
            super().data_received(self._next_slice())
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse_handshake()
            if time.monotonic() >= until:
                break
        self._update_reading()

    def _next_slice(self) -> bytes:
        begin, lacking = self._parsed_bytes, self._wanted_bytes - len(self.conn.reader.buffer)
        end = begin + max(SLICE_BYTES, lacking)
        piece = self._unparsed[begin:end]
        if end < len(self._unparsed):
            self._parsed_bytes = end
        else:
            self._unparsed, self._parsed_bytes = b"", 0
        return piece

    def _refuse_handshake(self) -> None:
        """Refuse a handshake that the parser cannot read. uvicorn would send no answer and keep the connection open."""
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or refusal_bytes(400, "invalid_http", _NO_HANDSHAKE))
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self._stop_parsing()  # the request may have a body
        self._linger()

    def _must_wait(self) -> bool:
        """Whether a message waits for the endpoint, or the client does not read what the server sends."""
        return not self._discards_input and (self.read_paused or not self.writable.is_set())

    def _update_reading(self) -> None:
        """Pause or resume reading from the socket. It resumes only after all bytes are parsed that were read before."""
        self._count_unfinished()
        if self.transport.is_closing():
            self._unparsed = b""
        elif self._must_wait():
            self.transport.pause_reading()
        elif self._unparsed:
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
            self.scope["extensions"][TOO_LONG] = self._too_long  # type: ignore[assignment]

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

    # --- unfinished messages ------------------------------------------------------------------------

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

    def _count_unfinished(self) -> None:
        in_pieces = (self.conn.reader.buffer, self._unparsed, *self.frames)
        self._unfinished.hold(self, sum(map(len, in_pieces)) + self._queued_bytes)
        in_message = bool(self.frames or self._wanted_bytes)
        if not in_message or self._must_wait() or self._discards_input:
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(MESSAGE_WITHIN_S, self._give_up_message, "too_slow")

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
        elif (
            not self._discards_input
        ):  # the server has sent its close frame, and the client sends a message instead of its own
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
        self._unparsed, self.frames, self._wanted_bytes, self._queued_bytes = b"", [], 0, 0
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
        if self._discards_input and message["type"] == "websocket.close":
            self._linger()
        self._update_reading()  # uvicorn resumes reading after it has sent a close frame

    def keepalive_timeout(self) -> None:
        if self._received_at > self.ping_sent_at:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()
