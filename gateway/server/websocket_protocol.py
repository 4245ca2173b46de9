"""WebSockets as the gateway takes them: uvicorn's protocol, with bounds on the time and memory of each client."""

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
"""How much of what a client sent the parser is given at once, and as much more as the message's frame that it is in the
middle of still lacks: whatever comes then, tiny frames too, is looked at in slices."""

TURN_S = 0.001
"""For how long a client is listened to before the others have their turn, give or take a slice. One read from a
socket may hold 40,000 empty frames, and looking at those took seconds."""

TOO_LONG = "a3cp.too_long"
"""An extension of the scope, a dictionary: the function ``text`` that an endpoint puts there makes what is sent before
the server closes a socket by itself, because a message is longer than any may be."""

ENDED_BY_SERVER = "a3cp.ended_by_server"
"""A field of ``websocket.disconnect``, a `ServerEnd`: it was not the client. Unless the message was ``too_long``, the
endpoint can still send, and has to close."""

ServerEnd = Literal["too_long", "too_slow", "no_room"]

MESSAGE_WITHIN_S = 30.0
"""How long a message may take to come. The time in which the server does not read does not count."""

MAX_FRAGMENTS = 16_384
"""Of how many frames a message may be made: 5 MiB in pieces of 320 bytes."""

LINGER_S = 5.0
LINGER_BYTES = 256 * 1024 * 1024
"""How long, and how much of it, the rest of a refused message is still read, and forgotten, so that its client gets to
read why."""

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

    def __init__(self, unfinished: Unfinished, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unfinished = unfinished
        self._fragments = self._queued_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._deaf = False
        self.conn = _Server(max_size=self.config.ws_max_size, logger=self.conn.logger)
        self._unseen = b""
        self._seen_bytes = 0
        self._wanted_bytes = 0
        self._note_what_is_wanted()
        self._heard_at = 0.0
        self._too_long: dict[str, Callable[[], str]] = {}

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if not self._deaf:
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
        self._hear_no_more()  # it may have a body
        self._linger()

    def _held(self) -> bool:
        """Whether a message waits for the endpoint, or the client does not take what it is sent."""
        return not self._deaf and (self.read_paused or not self.writable.is_set())

    def _go_on(self) -> None:
        """Read from the socket again only when all that was read has been looked at."""
        self._count_unfinished()
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
        """Close as the parser says."""
        if self.conn.close_sent is None:
            super().handle_parser_exception()
            return
        code = self.conn.close_sent.code
        end: dict[str, Any] = {ENDED_BY_SERVER: "too_long"} if code == CloseCode.MESSAGE_TOO_BIG else {}
        self._tell_endpoint(code, end)
        if end and "text" in self._too_long and not self.close_sent:
            self.transport.write(Frame(Opcode.TEXT, self._too_long["text"]().encode()).serialize(mask=False))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)  # without one uvicorn closes at once
        self._hear_no_more()
        self._linger()

    def _tell_endpoint(self, code: int, end: dict[str, Any]) -> None:
        gone: Any = {"type": "websocket.disconnect", "code": int(code), "reason": "", **end}
        self.queue.put_nowait(gone)

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
        """The pieces are put together as they come: as a list each would cost 44 bytes more."""
        self._fragments += 1
        self.frames[0] += bytes(event.data)
        if event.fin:
            self.frames = [bytes(self.frames[0])]
            self.send_receive_event_to_app()
        elif self._fragments > MAX_FRAGMENTS:
            self._give_up("too_slow")

    def send_receive_event_to_app(self) -> None:
        self._cancel_deadline()
        self._queued_bytes = sum(map(len, self.frames))
        super().send_receive_event_to_app()

    def _count_unfinished(self) -> None:
        in_pieces = (self.conn.reader.buffer, self._unseen, *self.frames)
        self._unfinished.hold(self, sum(map(len, in_pieces)) + self._queued_bytes)
        in_message = bool(self.frames or self._wanted_bytes)
        if not in_message or self._held() or self._deaf:
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(MESSAGE_WITHIN_S, self._give_up, "too_slow")

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def out_of_room(self) -> None:
        """All connections together hold too much, and this one most."""
        self._give_up("no_room")

    def _give_up(self, end: ServerEnd) -> None:
        """Forget the message that is on its way and all that follows; the endpoint is told, and closes."""
        if not self._deaf and not self.close_sent:
            self._hear_no_more()
            self._drop_queued()
            self._tell_endpoint(CloseCode.POLICY_VIOLATION, {ENDED_BY_SERVER: end})
        elif not self._deaf:  # it is closed already, and sends a message instead of its close frame
            self.transport.close()

    def _drop_queued(self) -> None:
        events = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for event in events:
            if event["type"] != "websocket.receive":
                self.queue.put_nowait(event)

    def _hear_no_more(self) -> None:
        self._deaf = True
        self._forget()

    def _forget(self) -> None:
        """Free what has come; this object and its parser hold each other, and would keep it until a collection."""
        self._cancel_deadline()
        self._unseen, self.frames, self._wanted_bytes, self._queued_bytes = b"", [], 0, 0
        self.conn.reader.discard()
        self._unfinished.release(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._deaf = True
        self._forget()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.queue = asyncio.Queue()  # messages that the endpoint did not want

    async def receive(self) -> Any:
        message = await super().receive()
        self._queued_bytes = 0
        self._go_on()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # it was refused, which uvicorn would report as a fault of the application
        if self._deaf and message["type"] == "websocket.close":
            self._linger()
        self._go_on()  # after its close frame uvicorn reads on

    def keepalive_timeout(self) -> None:
        if self._heard_at > self.ping_sent_at:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()
