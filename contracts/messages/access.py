"""Who is signed in, and how a one-time code signs a device in."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.messages.base import StrictModel
from contracts.rules.ids import Identifier, UtcDatetime
from contracts.rules.rights import AccessEntry, Role

__all__ = ["CodeRequest", "GivenToken", "SignedIn"]


class CodeRequest(StrictModel):
    """``POST /access/code``: the one-time code that `a3cp access code` made."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class GivenToken(StrictModel):
    """The answer: the token of the device that sent the code. The server has its hash only."""

    token: str


class SignedIn(StrictModel):
    """``GET /access/me``: whose token the request has.

    ``name`` is null if the server asks for no token. ``user_ids`` are the people for whom the token is valid, in order;
    null means all. ``expires_at`` is null if the token does not expire.
    """

    name: Identifier | None
    role: Role
    user_ids: list[Identifier] | None
    expires_at: UtcDatetime | None

    @classmethod
    def of(cls, entry: AccessEntry | None) -> SignedIn:
        """The answer for an entry; None is a request to a server that asks for no token, which may do everything."""
        if entry is None:
            return cls(name=None, role="operate", user_ids=None, expires_at=None)
        people = None if entry.own_people is None else sorted(entry.own_people)
        return cls(name=entry.name, role=entry.role, user_ids=people, expires_at=entry.expires_at)
