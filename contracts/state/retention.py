"""The watch over retention, in the events role: which gateway heeds the rules, and since when each has been watched.

Only what comes due while its rule is watched is erased without an operator. So a clock that jumps, a setting with a
wrong number, or a server that was off for months erases nothing by itself: the watch begins at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.broker import keys
from contracts.broker.script import Argument, Call
from contracts.rules.retention import RetentionRule

__all__ = ["RetentionWatch", "watch"]

LEASE_MS = 150_000
"""Another gateway takes over if this one has not looked for so long."""

GAP_MS = 7 * 24 * 3600 * 1000
"""The longest time without a look that does not end a watch: a server may be off for a week. So long a clock may be
ahead without being noticed, too."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RetentionWatch:
    """The events broker's time, and since when each rule has been watched."""

    now: datetime
    since: Mapping[RetentionRule, datetime]


def watch(me: str, rules: Sequence[RetentionRule]) -> Call[RetentionWatch | None]:
    """Look at the rules as the gateway process ``me``; None if another one does."""

    def read(answer: list[Any]) -> RetentionWatch | None:
        if not answer:
            return None
        now, *since = map(_moment, answer)
        return RetentionWatch(now, dict(zip(rules, since, strict=True)))

    arguments: list[Argument] = [me, LEASE_MS, GAP_MS, *(rule.name for rule in rules)]
    return Call("events", "watch_retention", [keys.RETENTION], arguments, read)


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
