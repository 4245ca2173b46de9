"""Middleware for access: it checks the origin, the host and the token of every request."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.process.settings import Settings
from contracts.process.tls import ServedCertificate
from contracts.rules.access import SUBPROTOCOL, is_loopback
from contracts.rules.errors import RequestRefused
from gateway.access.access import Access
from gateway.http.origins import OriginRule
from gateway.http.pages import WEB_APP, page_for_browsers
from gateway.http.refusals import ENTRY, refuse_connection

__all__ = ["AccessControl", "SecurityHeaders"]

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OPEN_PATHS = (
    "/",
    "/authority.crt",
    "/livez",
    "/readyz",
    "/live",
    "/record",
    "/upload",
    "/library",
    "/operate",
    "/docs",
    *WEB_APP,
)
_OPEN_FOLDERS = ("/demo/", "/library/capture/", "/library/person/", "/static/", "/docs/")


def is_open(scope: Scope) -> bool:
    """Whether a request needs no token. That is so for liveness, readiness, page shells, static files, the documents
    below ``/docs`` and the authority's certificate, which hold no data, and for a one-time code in place of a token."""
    path = scope["path"]
    if scope["type"] != "http":
        return False
    if scope["method"] not in ("GET", "HEAD"):
        return bool(scope["method"] == "POST" and path == "/access/code")
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS)


class AccessControl:
    """Refuses requests from other origins (403 ``origin_not_allowed``) and those that `Access` does not admit, such as
    one without a token (401 ``token_required``). A WebSocket handshake gets the same HTTP answers."""

    def __init__(self, app: ASGIApp, settings: Settings, access: Access) -> None:
        self._app = app
        self._access = access
        self._any_host = settings.asks_for_a_token
        self._origins = OriginRule(settings.origins, local=not settings.asks_for_a_token or is_loopback(settings.host))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._admitted(scope, headers):
            detail = "Pages of this origin may not use this server. The operator can add it to A3CP_ALLOWED_ORIGINS."
            await refuse_connection(scope, receive, send, 403, "origin_not_allowed", detail)
            return
        subprotocols: list[str] = scope.get("subprotocols", [])
        if not is_open(scope):
            peer, _ = scope.get("client") or ("", 0)
            try:
                entry = self._access.admit(headers.getlist("authorization"), subprotocols, peer)
            except RequestRefused as refused:
                await _refuse(scope, receive, send, refused)
                return
            if entry is not None:
                scope[ENTRY] = entry
        await self._app(scope, receive, _choosing(subprotocols, send))

    def _admitted(self, scope: Scope, headers: Headers) -> bool:
        if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
            # browsers send no Origin with these methods, so only the Host header can reveal DNS rebinding
            return self._any_host or is_open(scope) or self._origins.admits_host(headers.get("host", ""))
        origins = headers.getlist("origin")
        is_encrypted = scope.get("scheme") in ("https", "wss")
        return not origins or (
            len(origins) == 1 and self._origins.admits(origins[0], headers.get("host", ""), is_encrypted=is_encrypted)
        )


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: RequestRefused) -> None:
    if page := page_for_browsers(scope, refused.status):  # a person typed a wrong address; a browser sends no token
        await page(scope, receive, send)
        return
    headers = {"WWW-Authenticate": 'Bearer realm="a3cp"'} if refused.status == 401 else {}
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(refused.retry_after_s)
    await refuse_connection(scope, receive, send, refused.status, refused.code, refused.detail, headers)


def _choosing(subprotocols: Iterable[str], send: Send) -> Send:
    """Add the client's ``bearer.`` subprotocol to the accept message. A browser that offered subprotocols closes the
    socket if the server chooses none (WHATWG WebSockets)."""
    chosen = next((value for value in subprotocols if value.startswith(SUBPROTOCOL)), None)
    if chosen is None:
        return send

    async def send_choice(message: Message) -> None:
        if message["type"] == "websocket.accept" and not message.get("subprotocol"):
            message = {**message, "subprotocol": chosen}
        await send(message)

    return send_choice


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",  # blob: for pictures that a page fetched with the token, and for camera frames
            "media-src 'self' blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


_STRICT_TRANSPORT = "max-age=15552000"
"""Half a year. A browser that has it never goes past a certificate that it does not trust, on no port of this name, so
it is not sent with a certificate that may be replaced by one from another authority, or by plain HTTP."""


class SecurityHeaders:
    """Adds the security headers to every HTTP answer; with a certificate of a public authority, HSTS too."""

    def __init__(self, app: ASGIApp, certificate: ServedCertificate | None = None) -> None:
        self._app = app
        self._certificate = certificate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_strict(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._certificate is not None and self._certificate.is_public:
                    headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
            await send(message)

        await self._app(scope, receive, send_strict)
