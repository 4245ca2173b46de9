"""Who may talk to the gateway: the rules of origins and of the token, and the middleware that keeps them.

A browser sends requests for any page that it shows, so a page from elsewhere could reach a gateway on this very
machine; the origin tells. Programs that are not browsers send none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.access import SUBPROTOCOL, TokenRule
from contracts.settings import Settings
from gateway.refusals import refusal

__all__ = ["AccessControl", "OriginRule", "SecurityHeaders", "TokenRule", "is_loopback"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OPEN_PATHS = ("/", "/livez", "/readyz", "/live", "/upload", "/docs")
_OPEN_FOLDERS = ("/demo/", "/static/", "/docs/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and cannot mean another one."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _parts(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; all empty for what is no address."""
    try:
        split = urlsplit(address)
        return split.scheme, split.hostname or "", split.port
    except ValueError:
        return "", "", None


@dataclass(frozen=True, slots=True)
class OriginRule:
    """Which origins a WebSocket or a POST may come from.

    ``local`` is true for a gateway bound to a loopback address. Nobody reaches it by a foreign name, unless a
    page made its own name resolve to this machine (DNS rebinding), so there "the same host" is an address or
    ``localhost``; a proxy's public origin must be in ``allowed``.
    """

    allowed: frozenset[str]
    local: bool

    def admits(self, origin: str, host: str) -> bool:
        """Whether a request with these two headers may go on."""
        if origin.lower() in self.allowed:
            return True
        scheme, name, port = _parts(origin)
        _, our_name, our_port = _parts(f"//{host}")
        default = _DEFAULT_PORTS.get(scheme)
        if default is None or not name or (name, port or default) != (our_name, our_port or default):
            return False
        return not self.local or is_loopback(name) or not _is_name(name)


def is_open(scope: Scope) -> bool:
    """Whether an address needs no token: liveness, readiness, page shells, static files and the documents of `/docs`,
    which hold no data."""
    path = scope["path"]
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and (path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS))
    )


class AccessControl:
    """Refuses what the two rules refuse: 403 ``origin_not_allowed``, 401 ``token_required``; on a WebSocket
    handshake too, as a plain HTTP answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        token = settings.api_token
        self._tokens = TokenRule(token.get_secret_value() if token else None)
        self._origins = OriginRule(frozenset(o.lower() for o in settings.origins), is_loopback(settings.host))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._origin_allowed(scope, headers):
            detail = "Pages of this origin may not use this server; A3CP_ALLOWED_ORIGINS can name it."
            await _refuse(scope, receive, send, 403, "origin_not_allowed", detail)
            return
        subprotocols: list[str] = scope.get("subprotocols", [])
        if not is_open(scope) and not self._tokens.admits(headers.getlist("authorization"), subprotocols):
            detail = "This server needs its token: Authorization: Bearer …, or the subprotocol bearer.<token>."
            challenge = {"WWW-Authenticate": 'Bearer realm="a3cp"'}
            await _refuse(scope, receive, send, 401, "token_required", detail, challenge)
            return
        await self._app(scope, receive, _choosing(subprotocols, send))

    def _origin_allowed(self, scope: Scope, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        if not origins or (scope["type"] == "http" and scope["method"] in _SAFE_METHODS):
            return True
        return len(origins) == 1 and self._origins.admits(origins[0], headers.get("host", ""))


async def _refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": code})
        return
    await refusal(status, code, detail, headers)(scope, receive, send)


def _choosing(subprotocols: Iterable[str], send: Send) -> Send:
    """Accept with the ``bearer.`` subprotocol that the client offered: a browser closes a socket whose server
    chose none of those it offered."""
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
            "img-src 'self' blob:",  # blob: what a page made itself: pictures it fetched with the token, camera frames
            "media-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Tells browsers, with every HTTP answer, to be strict."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_strict(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_strict)
