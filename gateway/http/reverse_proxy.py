"""Middleware for a gateway behind a reverse proxy: the path below which it is served, and the proxy's headers."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.reverse_proxy import read_address

__all__ = ["ForwardedHeaders", "RootPath", "below_root_path", "check_root_path", "forwarded_headers"]


class RootPath:
    """Serves the application at the top and below ``root_path``, so a proxy may remove that path from requests or leave
    it. Behind this middleware the scope has the path without it, as if the proxy had removed it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path.startswith(f"{self._root_path}/"):
            await self._app({**scope, "path": path.removeprefix(self._root_path)}, receive, send)
        elif path == self._root_path and scope["type"] == "http":  # the pages' relative addresses need the slash
            query = scope["query_string"].decode("latin-1")
            answer = RedirectResponse(f"{path}/?{query}" if query else f"{path}/", 308)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class ForwardedHeaders(ProxyHeadersMiddleware):
    """Believes ``X-Forwarded-For``, ``-Proto`` and ``-Host`` if a trusted proxy sent the request, and ignores them
    otherwise. Behind this middleware the scope has the client's own address, scheme and host.

    The client is the last address in ``X-Forwarded-For`` that is not trusted: each proxy appends the address that it
    saw, so the ones before may be the client's invention.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        host, port = scope.get("client") or ("", 0)
        peer = str(read_address(host) or host)
        if peer in self.trusted_hosts:
            scope = {**scope, "client": (peer, port)}
            hosts = Headers(scope=scope).getlist("x-forwarded-host")
            if len(hosts) == 1 and hosts[0]:
                others = [header for header in scope["headers"] if header[0] != b"host"]
                scope = {**scope, "headers": [(b"host", hosts[0].encode("latin-1")), *others]}
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def forwarded_headers(settings: Settings) -> list[Middleware]:
    """The outermost middleware: all others need the client's own address, scheme and host."""
    trusted = settings.trusted_proxies
    return [Middleware(ForwardedHeaders, trusted_hosts=trusted)] if trusted else []


def below_root_path(settings: Settings) -> list[Middleware]:
    """The middleware that removes ``A3CP_ROOT_PATH`` from the path of a request."""
    return [Middleware(RootPath, root_path=settings.root_path)] if settings.root_path else []


def check_root_path(root_path: str, routes: Iterable[BaseRoute]) -> None:
    """Refuse a root path that begins as a route does: nothing would tell whether the proxy has removed it from the
    address of that route.

    Raises:
        ConfigurationError: the root path and a route begin with the same segment.
    """
    first = root_path.split("/")[1:2]
    for route in routes:
        assert isinstance(route, Route | WebSocketRoute)
        if route.path.split("/")[1:2] == first:
            raise ConfigurationError(
                f"A3CP_ROOT_PATH: the gateway itself has {route.path}, so it cannot be served below {root_path}; use "
                "another path, such as /a3cp"
            )
