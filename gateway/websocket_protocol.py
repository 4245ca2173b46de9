"""WebSockets as the gateway takes them: uvicorn's protocol, with nobody able to keep the others waiting."""

from __future__ import annotations

import time
from collections.abc import Generator
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from gateway.refusals import refusal, refusal_bytes

__all__ = ["TOO_LONG", "BoundedWebSocket"]

SLICE_BYTES = 4096
"""How much of what a client sent the parser is given at once, and as much more as the message's frame that it is in the
middle of still lacks: whatever comes then, tiny frames too, is looked at in slices."""

TURN_S = 0.001
"""For how long a client is listened to before the others have their turn, give or take a slice. One read from a
socket may hold 40,000 empty frames, and looking at those took seconds."""

TOO_LONG = "a3cp.too_long"
"""An extension of the scope, a dictionary: the ``text`` that an endpoint puts there is sent before the server closes a
socket by itself, because a message is longer than any may be."""

LINGER_S = 5.0
"""How long what is left of such a message is still taken, and forgotten, so that its client gets to read why."""

_NO_HANDSHAKE = "This is not the handshake of a WebSocket, version 13, with at most 128 headers of 8 KiB."


class _Server(ServerProtocol):
    """Refuses handshakes in the one form, and without the client's own words."""

    def reject(self, status: StatusLike, text: str) -> Response:
        status = HTTPStatus(status)
        code = "internal_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_http"
        answer = refusal(status, code, _NO_HANDSHAKE, {"Connection": "close"})
        return Response(status, status.phrase, Headers(answer.headers.items()), bytes(answer.body))


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Looks at what comes for a short time in each turn of the event loop, and at nothing more while a message waits
    for the endpoint or the client does not take what it is sent: pongs are an answer too.

    A client that sends is there: it may leave pings unanswered.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = _Server(max_size=self.config.ws_max_size, logger=self.conn.logger)
        self._unseen = b""
        self._seen_bytes = 0
        self._wanted_bytes = 0
        self._note_what_is_wanted()
        self._heard_at = 0.0
        self._too_long: dict[str, str] = {}
        self._lingers = False

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if not self._lingers:
            self._unseen = self._unseen[self._seen_bytes :] + data if self._unseen else data
            self._seen_bytes = 0
            self._look()

    def _note_what_is_wanted(self) -> None:
        """Learn how much the parser waits for: cutting a picture into slices cost more than looking at it."""
        read_exact = self.conn.reader.read_exact

        def noted(n: int) -> Generator[None, None, bytearray]:
            self._wanted_bytes = n
            piece = yield from read_exact(n)
            self._wanted_bytes = 0  # the parser asks for the next frame only when something of it is there
            return piece

        self.conn.reader.read_exact = noted  # type: ignore[method-assign]

    def _look(self) -> None:
        until = time.monotonic() + TURN_S
        while self._unseen and not self._held() and not self.transport.is_closing():
            super().data_received(self._next_slice())
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse_handshake()
            if time.monotonic() >= until:
                break
        self._go_on()

    def _next_slice(self) -> bytes:
        begin, lacking = self._seen_bytes, self._wanted_bytes - len(self.conn.reader.buffer)
        end = begin + max(SLICE_BYTES, lacking)
        piece = self._unseen[begin:end]
        if end < len(self._unseen):
            self._seen_bytes = end
        else:
            self._unseen, self._seen_bytes = b"", 0
        return piece

    def _refuse_handshake(self) -> None:
        """One that the parser cannot read; uvicorn would leave it without an answer, and the connection open."""
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or refusal_bytes(400, "invalid_http", _NO_HANDSHAKE))
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.close()

    def _held(self) -> bool:
        """Whether a message waits for the endpoint, or the client does not take what it is sent."""
        return not self._lingers and (self.read_paused or not self.writable.is_set())

    def _go_on(self) -> None:
        """Read from the socket again only when all that was read has been looked at."""
        if self.transport.is_closing():
            self._unseen = b""  # whatever it is, it comes too late
        elif self._held():
            self.transport.pause_reading()
        elif self._unseen:
            self.transport.pause_reading()
            self.loop.call_soon(self._look)
        else:
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._go_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._go_on()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][TOO_LONG] = self._too_long  # type: ignore[assignment]

    def handle_parser_exception(self) -> None:
        """Close as the parser says. Bytes that nobody reads would make the system reset the connection, and a client
        that is still sending would not get to read what it was told; so what is too long is read to its end."""
        if self.conn.close_sent is None or self.conn.close_sent.code != CloseCode.MESSAGE_TOO_BIG:
            super().handle_parser_exception()
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.MESSAGE_TOO_BIG, "reason": ""})
        if "text" in self._too_long and not self.close_sent:
            self.transport.write(Frame(Opcode.TEXT, self._too_long["text"].encode()).serialize(mask=False))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._lingers = True
        self._unseen = b""
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)

    async def receive(self) -> Any:
        message = await super().receive()
        self._go_on()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # it was refused, which uvicorn would report as a fault of ours
        self._go_on()  # after its close frame uvicorn reads on

    def keepalive_timeout(self) -> None:
        if self._heard_at > self.ping_sent_at:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()
