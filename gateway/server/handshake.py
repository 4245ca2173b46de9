"""Refuse a WebSocket's handshake in the gateway's JSON. No I/O."""

from __future__ import annotations

from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from gateway.http.refusals import refusal

__all__ = ["NO_HANDSHAKE", "HandshakeServer"]

NO_HANDSHAKE = "This is not the handshake of a WebSocket, version 13, with at most 128 headers of 8 KiB."


class HandshakeServer(ServerProtocol):
    """Refuses handshakes with the gateway's JSON; the texts of `websockets` would quote the client."""

    def reject(self, status: StatusLike, text: str) -> Response:
        status = HTTPStatus(status)
        code = "internal_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_http"
        answer = refusal(status, code, NO_HANDSHAKE, {"Connection": "close"})
        return Response(status, status.phrase, Headers(answer.headers.items()), bytes(answer.body))
