"""Whose tokens a process accepts: ``A3CP_API_TOKEN``'s, and those of the entries in ``A3CP_ACCESS_FILE``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock

from contracts.process.access_file import AccessFile
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.rules.access import TokenRule, offered_tokens
from contracts.rules.failure_limit import FailureLimit, address_group
from contracts.rules.rights import API_TOKEN_NAME, AccessEntry, Right, find_entry, may

__all__ = ["MOST_OFFERED", "MOST_WRONG_TOKENS", "WINDOW_S", "TokenHolders"]

WINDOW_S = 60.0

MOST_WRONG_TOKENS = 30
"""How many wrong tokens one address may send in a minute. Then no process looks at that address's guesses at
``A3CP_API_TOKEN``, which a person may have chosen. Tokens of the access file cannot be guessed, and stay valid, so one
device does not lock out another one behind the same proxy."""

MOST_OFFERED = 8
"""How many tokens of one request are looked at. A client sends one; many would be as many guesses."""

log = get_logger()

_API_ENTRY = AccessEntry(API_TOKEN_NAME, "operate")


class TokenHolders:
    """The holders of tokens, and the guesses at them. Several threads may call the methods.

    Raises:
        ConfigurationError: the access file cannot be read, or has a mistake.

    Attributes:
        asked: whether a request needs a token.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.asked = settings.asks_for_a_token
        secret = settings.api_token
        self._rule = TokenRule(secret.get_secret_value()) if secret else None
        self._file = AccessFile(settings.access_file) if settings.access_file else None
        self._guesses = FailureLimit(MOST_WRONG_TOKENS, WINDOW_S)
        self._clock = clock
        self._lock = Lock()

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

    def wait_s(self, peer: str) -> int:
        """For how many whole seconds the address ``peer`` must guess no more; 0 if it may."""
        with self._lock:
            return self._guesses.wait_s(address_group(peer), self._clock())

    def note_guesses(self, peer: str, offered: int = 1) -> None:
        """Count the tokens, or codes, that a request of the address ``peer`` offered, and of which none is known."""
        with self._lock:
            reached = [
                self._guesses.note(address_group(peer), self._clock()) for _ in range(min(offered, MOST_OFFERED))
            ]
        if any(reached):
            log.warning("too many wrong tokens from one address", wait_s=WINDOW_S)

    def admits(self, right: Right, authorizations: Sequence[str], peer: str) -> bool:
        """Whether a request from the address ``peer`` may use what needs ``right``, on data of no person. Without any
        token, every one may. After too many wrong tokens of an address, `A3CP_API_TOKEN` is none from there for a
        while."""
        if not self.asked:
            return True
        found = self.holder(authorizations)
        if found is None:
            self.note_guesses(peer, len(offered_tokens(authorizations)))
            return False
        if found is _API_ENTRY and self.wait_s(peer):
            return False
        return not found.is_expired(datetime.now(UTC)) and may(found, right, "none") == "allowed"
