"""Say which entry a request belongs to, and refuse it if there is none or if it fails too often."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from contracts.process.access_uses import AccessUses, uses_path
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.process.tokens import WINDOW_S, TokenHolders
from contracts.rules.access import offered_tokens
from contracts.rules.errors import RequestRefused
from contracts.rules.failure_limit import FailureLimit
from contracts.rules.rights import API_TOKEN_NAME, AccessEntry
from gateway.tasks import next_period

__all__ = ["Access"]

MOST_REFUSALS = 60
"""How many requests of one entry in a minute may be about what it may not have or what does not exist. Then all of its
requests are refused until the minute is over."""

CHECK_S = 1.0
"""How often an open socket's entry is looked up again, in seconds."""

log = get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Access:
    """The holders of tokens at this gateway, and their failures.

    Raises:
        ConfigurationError: the access file cannot be read, or has a mistake.
    """

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] = _utc_now, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._holders = TokenHolders(settings, clock)
        self._names_recorders = settings.access_file is not None
        self._now = now
        self._clock = clock
        self._refusals = FailureLimit(MOST_REFUSALS, WINDOW_S)
        self._uses = AccessUses(uses_path(settings.state_dir))

    def admit(self, authorizations: Sequence[str], subprotocols: Sequence[str], peer: str) -> AccessEntry | None:
        """The entry of a request from the address ``peer``; None if this gateway asks for no token.

        Raises:
            RequestRefused: 401 ``token_required`` or ``token_expired``, 429 ``too_many_failures``.
        """
        if not self._holders.asked:
            return None
        entry = self._holders.holder(authorizations, subprotocols)
        if entry is None or entry.name == API_TOKEN_NAME:
            offers = len(offered_tokens(authorizations, subprotocols))
            if offers:
                self.check_guesses(peer)
            if entry is None:
                self._holders.note_guesses(peer, offers)
                detail = "Send the server's token: Authorization: Bearer …, or the subprotocol bearer.<token>."
                raise RequestRefused(401, "token_required", detail)
            return entry
        if entry.is_expired(self._now()):
            log.info("expired token", entry=entry.name)
            raise RequestRefused(401, "token_expired", "This token has expired; ask the operator for another one.")
        if wait_s := self._refusals.wait_s(entry.name, self._clock()):
            raise _too_many(wait_s)
        self._uses.note(entry.name, self._now())
        return entry

    def check_guesses(self, peer: str) -> None:
        """Refuse a guess of an address that has made too many.

        Raises:
            RequestRefused: 429 ``too_many_failures``.
        """
        if wait_s := self._holders.wait_s(peer):
            raise _too_many(wait_s)

    def note_guess(self, peer: str) -> None:
        """Count a wrong token, or a wrong code, of an address."""
        self._holders.note_guesses(peer)

    def valid_holder(self, token: str) -> AccessEntry | None:
        """The holder of a token; None if there is none, or it is expired."""
        entry = self._holders.holder([f"Bearer {token}"])
        return None if entry is None or entry.is_expired(self._now()) else entry

    def note_refusal(self, entry: AccessEntry | None) -> None:
        """Count a request about what its entry may not have, or what does not exist: it must not learn by many tries
        which of the two it is."""
        if entry is None or entry.role == "operate":
            return
        if self._refusals.note(entry.name, self._clock()):
            log.warning("too many refused requests of one entry", entry=entry.name, wait_s=WINDOW_S)

    def recorder_name(self, entry: AccessEntry | None) -> str | None:
        """The name for the log of what an entry records; None without an access file, in which every holder is the
        same one."""
        return entry.name if entry is not None and self._names_recorders else None

    async def ended(self, entry: AccessEntry | None) -> None:
        """Return when an entry is revoked, is expired, or may do less than it might. It may never return.

        Two looks must agree: an editor that writes the file in place leaves it empty for a moment.
        """
        refused = 0
        while (refused := 0 if self._is_allowed(entry) else refused + 1) < 2:
            await next_period(CHECK_S)
        assert entry is not None
        log.info("access ended", entry=entry.name)

    def _is_allowed(self, entry: AccessEntry | None) -> bool:
        return entry is None or self._holders.allows_all_of(entry, self._now())


def _too_many(wait_s: int) -> RequestRefused:
    detail = "Too many requests were refused; wait before the next one."
    return RequestRefused(429, "too_many_failures", detail, retry_after_s=wait_s)
