"""Answer refused requests with ``{"error": "<code>", "detail": "<sentence>"}``, never with a stack trace."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from contracts.broker.roles import BrokerFull
from contracts.messages.http import Refusal
from contracts.process.logs import get_logger
from contracts.rules.errors import BrokerMisconfigured, BrokerUnavailable, RecorderError, RequestRefused
from contracts.rules.formats import OtherFormat

__all__ = [
    "ENTRY",
    "EXCEPTION_HANDLERS",
    "ErrorBoundary",
    "json_response",
    "not_found",
    "refusal",
    "refusal_bytes",
    "refuse_connection",
    "upgrade_required",
]

log = get_logger()

ENTRY = "a3cp.entry"
"""The scope's key for the request's `AccessEntry`. It is absent if the gateway asks for no token."""

_UPGRADE = (
    "This address is for WebSockets. If the client asked for one, a proxy did not forward the headers Upgrade and "
    "Connection."
)
_DETAILS = {404: "There is nothing at this address.", 405: "This address does not support this method."}


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(document), status, headers, media_type="application/json")


def refusal(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The answer to a refused request."""
    return json_response(Refusal(error=code, detail=detail).model_dump(), status, headers)


def refusal_bytes(status: int, code: str, detail: str) -> bytes:
    """The same for invalid HTTP, for which no ASGI request exists: all bytes of the answer, with Connection: close."""
    answer = refusal(status, code, detail, {"Connection": "close"})
    head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, HTTPStatus(status).phrase.encode(), head, bytes(answer.body))


async def refuse_connection(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
) -> None:
    """Refuse a request or a WebSocket handshake. A server that cannot answer a handshake with HTTP closes it (1008)."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": code})
        return
    await refusal(status, code, detail, headers)(scope, receive, send)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application for every address without a route, for HTTP and for WebSocket handshakes."""
    await refusal(404, "not_found", _DETAILS[404])(scope, receive, send)


async def upgrade_required(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application for plain HTTP requests at the address of a WebSocket."""
    log.warning("request without upgrade at a WebSocket address; does a proxy drop the header?", path=scope["path"])
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    await refusal(426, "upgrade_required", _UPGRADE, headers)(scope, receive, send)


_REVEALING = {"unknown_user", "unknown_session", "unknown_capture", "unknown_job"}
"""Codes that could tell which ids exist, if a client tried many."""


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    if error.code in _REVEALING:
        request.app.state.gateway.access.note_refusal(request.scope.get(ENTRY))
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status == 408:
        headers["Connection"] = "close"  # RFC 9110, 15.5.9: the rest of the request may never come
    return refusal(error.status, error.code, error.detail, headers)


def _not_recorded(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RecorderError)
    return refusal(error.status, error.code, error.detail)


def _broker_away(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BrokerUnavailable | BrokerMisconfigured)
    log.warning("request refused", exc_info=error)
    # the cause names internal hosts and paths, so it is only in the log
    problem = "is out of memory" if isinstance(error, BrokerFull) else "does not answer"
    return refusal(503, "broker_unavailable", f"The {error.role} broker {problem}; try again later.")


def _other_release(request: Request, error: Exception) -> Response:
    assert isinstance(error, OtherFormat)
    request.app.state.gateway.metrics.left.inc()
    log.error("request refused, another release wrote what it is about", exc_info=error)
    detail = "Another release of the server wrote this, and this gateway cannot read it; try again later."
    return refusal(503, "newer_format", detail, {"Retry-After": "5"})


def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = _DETAILS.get(error.status_code, f"{phrase}.")
    headers = dict(error.headers) if error.headers else None
    return refusal(error.status_code, phrase.lower().replace(" ", "_"), detail, headers)


EXCEPTION_HANDLERS: dict[Any, ExceptionHandler] = {
    RequestRefused: _refused,
    RecorderError: _not_recorded,
    BrokerUnavailable: _broker_away,
    BrokerMisconfigured: _broker_away,
    OtherFormat: _other_release,
    HTTPException: _http_error,
}


class ErrorBoundary:
    """Handles unexpected exceptions: writes one line to the log, and answers 500 ``internal_error`` or closes the
    WebSocket with 1011."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in ("http.response.start", "websocket.accept", "websocket.close")
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            return
        except Exception as error:
            log.error("request failed", path=scope.get("path"), exc_info=error)
            if not started:
                answer = refusal(500, "internal_error", "The server failed unexpectedly; its log says why.")
                await answer(scope, receive, send)
            elif scope["type"] == "websocket":
                await self._close(send)

    async def _close(self, send: Send) -> None:
        try:
            await send({"type": "websocket.close", "code": 1011, "reason": "internal_error"})
        except Exception as error:  # the socket is already closed
            log.debug("socket not closed", exc_info=error)
