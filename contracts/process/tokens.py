"""Whose tokens a process accepts: ``A3CP_API_TOKEN``'s, and those of the entries in ``A3CP_ACCESS_FILE``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from contracts.process.access_file import AccessFile
from contracts.process.settings import Settings
from contracts.rules.access import TokenRule, offered_tokens
from contracts.rules.rights import API_TOKEN_NAME, AccessEntry, Right, find_entry, may

__all__ = ["MOST_OFFERED", "TokenHolders"]

MOST_OFFERED = 8
"""How many tokens of one request are looked at. A client sends one; many would be as many guesses."""

_API_ENTRY = AccessEntry(API_TOKEN_NAME, "operate")


class TokenHolders:
    """The holders of tokens.

    Raises:
        ConfigurationError: the access file cannot be read, or has a mistake.

    Attributes:
        asked: whether a request needs a token.
    """

    def __init__(self, settings: Settings) -> None:
        self.asked = settings.asks_for_a_token
        secret = settings.api_token
        self._rule = TokenRule(secret.get_secret_value()) if secret else None
        self._file = AccessFile(settings.access_file) if settings.access_file else None

    def holder(self, authorizations: Sequence[str], subprotocols: Sequence[str] = ()) -> AccessEntry | None:
        """The holder of the first known token among the ``Authorization`` headers and WebSocket subprotocols, even if
        it is expired; None if there is none."""
        offered = offered_tokens(authorizations, subprotocols)[:MOST_OFFERED]
        if self._rule is not None and self._rule.admits_any(offered):
            return _API_ENTRY
        entries = self._file.entries() if self._file else ()
        for token in offered:
            if (entry := find_entry(entries, token)) is not None:
                return entry
        return None

    def allows_all_of(self, before: AccessEntry, now: datetime) -> bool:
        """Whether a holder may still do everything that it might do ``before``."""
        if before is _API_ENTRY:
            return True
        entries = self._file.entries() if self._file else ()
        return any(entry.allows_all_of(before) and not entry.is_expired(now) for entry in entries)

    def admits(self, right: Right, authorizations: Sequence[str]) -> bool:
        """Whether a request may use what needs ``right``, on data of no person. Without any token, every one may."""
        if not self.asked:
            return True
        found = self.holder(authorizations)
        return found is not None and not found.is_expired(datetime.now(UTC)) and may(found, right, "none") == "allowed"
