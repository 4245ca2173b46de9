"""HTTP/1.1 as the gateway takes it: uvicorn's parser, with bounds on what is no body."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.refusals import refusal_bytes

__all__ = ["MAX_HEAD_BYTES", "MAX_WAITING_REQUESTS", "BoundedHttp"]

MAX_HEAD_BYTES = 64 * 1024
"""How long the request line and the headers may be together, give or take one read from the socket; and what is
between two pieces of a body, or behind its end."""

MAX_WAITING_REQUESTS = 16
"""How many requests of a connection may wait for the answers before them. One read may hold ten thousand."""

UNWANTED_BYTES = 4 * 1024 * 1024
"""How much of a body is still read, and thrown away, when its request has been answered: who is cut off while it sends
might not see the answer."""

HEAD_WITHIN_S = 30.0
"""How long a connection may take to send a request's head."""


class BoundedHttp(HttpToolsProtocol):
    """Holds no endless heads and trailers, and no connections that never ask; what is not HTTP is told so in JSON."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = self._unwanted_bytes = 0
        self._await_head()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._moved_on = False
        super().data_received(data)
        self._head_bytes = 0 if self._moved_on else self._head_bytes + len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "head_too_large", f"The headers are longer than {MAX_HEAD_BYTES} bytes.")
        if not self._in_head and self.cycle is not None and self.cycle.response_complete:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > UNWANTED_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # a trailer is nothing that anybody here asks for, and there may be millions
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._moved_on = True
        self._unwanted_bytes = 0
        self._head_timer.cancel()
        super().on_headers_complete()
        if len(self.pipeline) > MAX_WAITING_REQUESTS:
            raise ValueError("too many requests at once")  # the parser stops, and it is told as what is not HTTP

    def on_body(self, body: bytes) -> None:
        self._moved_on = True
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else the next request is here already
            self._head_timer.cancel()
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read."""
        self._refuse(400, "invalid_http", msg)

    def _refuse(self, status: int, code: str, detail: str) -> None:
        self.transport.write(refusal_bytes(status, code, detail))
        self.transport.close()
