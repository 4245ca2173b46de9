"""The refusals of HTTP requests for the OpenAPI document, from the table of codes. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from contracts.rules.code_entry import Place
from contracts.rules.codes import CODES, refused_at

__all__ = ["Refused", "refused"]


class Refused(NamedTuple):
    """One refusal: ``{"error": code, "detail": "<sentence>"}`` with this status."""

    status: int
    code: str

    @property
    def when(self) -> str:
        """A sentence that says when this refusal occurs."""
        return CODES[self.code].meaning

    @property
    def retries(self) -> bool:
        """Whether the answer may have a Retry-After header."""
        return self.status in (429, 503)


def refused(*places: Place) -> tuple[Refused, ...]:
    """Every refusal that can occur at these places, without duplicates."""
    found = [Refused(status, code) for place in places for code, status in refused_at(place).items()]
    return tuple(dict.fromkeys(found))
