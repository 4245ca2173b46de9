"""Guard every route by its row of the access table, and tell handlers whose data a request may be about."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.process.logs import get_logger
from contracts.rules.errors import RequestRefused
from contracts.rules.rights import AccessEntry, Right, may
from gateway.access.access import Access
from gateway.access.table import ACCESS_TABLE
from gateway.http.refusals import ENTRY, refuse_connection

__all__ = ["entry_of", "guarded", "own_people", "recorder_name", "require_own"]

log = get_logger()

_RIGHTS = {(row.method, row.path): row.right for row in ACCESS_TABLE}


def guarded(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The same routes, each of which first checks that the entry's role may use it.

    Raises:
        KeyError: a route has no row in the access table.
    """
    return [_guarded(route) for route in routes]


def _guarded(route: BaseRoute) -> BaseRoute:
    assert isinstance(route, Route | WebSocketRoute)
    methods = ["WS"] if isinstance(route, WebSocketRoute) else sorted((route.methods or set()) - {"HEAD"})
    (right,) = {_RIGHTS[method, route.path] for method in methods}  # type: ignore[index]
    if right is None:
        return route
    checked = copy(route)
    checked.app = _Guard(route.app, right)
    return checked


class _Guard:
    """Refuses requests of roles that may not use a route (403 ``forbidden``), before anything of it is read."""

    def __init__(self, app: ASGIApp, right: Right) -> None:
        self._app = app
        self._right = right

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entry: AccessEntry | None = scope.get(ENTRY)
        if entry is None or may(entry, self._right, "none") == "allowed":
            await self._app(scope, receive, send)
            return
        access: Access = scope["app"].state.gateway.access
        access.note_refusal(entry)
        log.info("forbidden", entry=entry.name, role=entry.role, needs=self._right)
        detail = f"The role {entry.role} of this token may not do this."
        await refuse_connection(scope, receive, send, 403, "forbidden", detail)


def entry_of(connection: HTTPConnection) -> AccessEntry | None:
    """The entry of a request or socket; None if the gateway asks for no token."""
    entry: AccessEntry | None = connection.scope.get(ENTRY)
    return entry


def own_people(connection: HTTPConnection) -> frozenset[str] | None:
    """The people whose data the request may be about; None if it may be about all."""
    entry = entry_of(connection)
    return entry.own_people if entry else None


def recorder_name(connection: HTTPConnection) -> str | None:
    """The name for the log of the entry that records; None if the gateway has no access file."""
    access: Access = connection.app.state.gateway.access
    return access.recorder_name(entry_of(connection))


def require_own(connection: HTTPConnection, user_id: str) -> None:
    """Refuse a request about a person for whom its entry may not act.

    No broker and no file is asked before, so the answer, and the time that it takes, are the same whether this person
    exists or not.

    Raises:
        RequestRefused: 404 ``unknown_user``.
    """
    people = own_people(connection)
    if people is not None and user_id not in people:
        raise RequestRefused(404, "unknown_user", "There is no such user for this token.")
