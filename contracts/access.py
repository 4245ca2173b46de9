"""Who carries the token: one rule for everything of ours that listens. No I/O."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SUBPROTOCOL", "TokenRule", "is_token"]

SUBPROTOCOL = "bearer."
"""What a browser's WebSocket offers the token behind, since it cannot send a header."""


def is_token(text: str) -> bool:
    """Whether ``text`` can go where a token must: it is an HTTP token (RFC 9110, 5.6.2), as a subprotocol is."""
    return bool(text) and all(c.isascii() and (c.isalnum() or c in "!#$%&'*+-.^_`|~") for c in text)


@dataclass(frozen=True, slots=True)
class TokenRule:
    """Whether a request carries the token; without one configured, every request may go on."""

    token: str | None

    def admits(self, authorizations: Iterable[str], subprotocols: Iterable[str] = ()) -> bool:
        """Whether one of the ``Authorization`` headers or WebSocket subprotocols is the token's."""
        if self.token is None:
            return True
        offered = [value[7:].strip() for value in authorizations if value[:7].lower() == "bearer "]
        offered += [value.removeprefix(SUBPROTOCOL) for value in subprotocols if value.startswith(SUBPROTOCOL)]
        expected = self.token.encode()
        return any(hmac.compare_digest(value.encode(), expected) for value in offered)
