"""HTTP/1.1 as the gateway takes it: uvicorn's parser, with a bound on the head of a request."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.refusals import refusal

__all__ = ["MAX_HEAD_BYTES", "BoundedHttp"]

MAX_HEAD_BYTES = 64 * 1024
"""How long the request line and the headers may be together, give or take one read from the socket."""

HEAD_WITHIN_S = 30.0
"""How long a connection may take to send a request's head."""


class BoundedHttp(HttpToolsProtocol):
    """Holds no endless heads and no connections that never ask; what is not HTTP is told so in JSON."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = 0
        self._await_head()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        began_in_head = self._in_head
        super().data_received(data)
        if began_in_head and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "head_too_large", f"The headers are longer than {MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_timer.cancel()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else the next request is here already
            self._head_timer.cancel()
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read."""
        self._refuse(400, "invalid_http", msg)

    def _refuse(self, status: int, code: str, detail: str) -> None:
        answer = refusal(status, code, detail, {"Connection": "close"})
        head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
        phrase = HTTPStatus(status).phrase.encode()
        self.transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, phrase, head, bytes(answer.body)))
        self.transport.close()
