"""Answer requests whose body the server will not read to its end."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = ["ClosesIfUnread"]


class ClosesIfUnread:
    """Wraps an application: adds ``Connection: close`` to its response if the server will not read the whole body.

    This is the case if the body is longer than the limit, or if the client waits for ``100 Continue`` (RFC 9110,
    10.1.1).
    """

    def __init__(self, app: Any, cycle: RequestResponseCycle, too_much: bool) -> None:
        self._app = app
        self._cycle = cycle
        self._too_much = too_much

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        cycle = self._cycle

        async def send_or_close(message: Any) -> None:
            if message["type"] == "http.response.start" and cycle.more_body:
                cycle.keep_alive = cycle.keep_alive and not (self._too_much or cycle.waiting_for_100_continue)
            await send(message)

        try:
            await self._app(scope, receive, send_or_close)
        finally:
            cycle.body.clear()  # free the unread part now: the connection may stay idle for a long time
