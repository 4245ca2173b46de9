"""Who may do what: the entries of an access file, and what their roles allow. No I/O.

An entry is a token's holder: a carer's phone, a researcher, a program. The holder of `A3CP_API_TOKEN` may do
everything.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

__all__ = [
    "API_TOKEN_NAME",
    "MAY",
    "AccessEntry",
    "Ownership",
    "Right",
    "Role",
    "Verdict",
    "find_entry",
    "hash_token",
    "may",
]

Role = Literal["record", "review", "operate"]
"""``record``: sessions, captures, uploads and the real-time lane, for named people. ``review``: the library of all
people. ``operate``: everything."""

Right = Literal["sign_in", "record", "see", "review", "correct", "withdraw", "operate"]
"""What a route needs. ``sign_in``: any entry, because the route has no data of a person. ``record``: make data of a
person. ``see``: read what is kept. ``review``: judge a capture. ``correct``: give it another label or person.
``withdraw``: consent. ``operate``: metrics and dead letters."""

MAY: Mapping[Role, frozenset[Right]] = {
    "record": frozenset({"sign_in", "record", "see", "review", "withdraw"}),
    "review": frozenset({"sign_in", "see", "review", "correct"}),
    "operate": frozenset(get_args(Right)),
}
"""What each role allows. ``record`` allows it for the entry's own people only."""

API_TOKEN_NAME = "api-token"  # noqa: S105
"""The name of the holder of `A3CP_API_TOKEN` in logs. No entry of a file may have it."""

Ownership = Literal["own", "another's", "none"]
"""Whose the data of a request are: a person's for whom the entry may act, another person's, or no person's."""

Verdict = Literal["allowed", "hidden", "forbidden"]
"""``hidden``: the answer is the one to an id that does not exist. ``forbidden``: the role may never use the route, so
the refusal reveals nothing."""


def hash_token(token: str) -> str:
    """The hash of a token, as the file has it.

    One SHA-256 is enough: a token has 256 random bits, so there is no list of likely ones to try, as there is of
    passwords. A slow hash would cost every request time, and a person who has the file gains nothing by either.
    """
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One token's holder.

    Attributes:
        user_ids: the people for whom an entry with the role ``record`` may act. Empty for the other roles, which are
            not limited to some.
        expires_at: from when on the token is refused; None if it never is.
        token_hash: of `hash_token`.
    """

    name: str
    role: Role
    user_ids: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    token_hash: str = field(default="", repr=False)

    @property
    def own_people(self) -> frozenset[str] | None:
        """The people to whom the entry is limited; None if it is not."""
        return self.user_ids if self.role == "record" else None

    def covers(self, user_id: str) -> bool:
        """Whether the entry may act for this person."""
        return self.role != "record" or user_id in self.user_ids

    def is_expired(self, now: datetime) -> bool:
        """Whether the token is refused at ``now``."""
        return self.expires_at is not None and now >= self.expires_at

    def allows_all_of(self, before: AccessEntry) -> bool:
        """Whether this entry, as it is now, allows everything that it allowed as it was ``before``."""
        same = (self.name, self.role, self.token_hash) == (before.name, before.role, before.token_hash)
        return same and self.user_ids >= before.user_ids


def may(entry: AccessEntry, right: Right, ownership: Ownership) -> Verdict:
    """Whether an entry may use a route that needs ``right``, on data of this ownership."""
    if right not in MAY[entry.role]:
        return "forbidden"
    return "hidden" if entry.role == "record" and ownership == "another's" else "allowed"


def find_entry(entries: Iterable[AccessEntry], token: str) -> AccessEntry | None:
    """The entry of a token; None if there is none. It takes as long for every token: all hashes are compared, each in
    constant time."""
    digest = hash_token(token).encode()
    found = None
    for entry in entries:
        if hmac.compare_digest(entry.token_hash.encode(), digest):
            found = entry
    return found
