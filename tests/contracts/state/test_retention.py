"""Which gateway heeds the rules of retention, and since when each has been watched: watch_retention."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.broker import keys
from contracts.rules.retention import RetentionRule
from contracts.state import retention
from contracts.state.retention import GAP_MS, LEASE_MS, RetentionWatch
from tests.contracts.scripting import Backend

YEAR, MONTH = RetentionRule(None, 365), RetentionRule("daily-care", 30)


@pytest.fixture(autouse=True)
def unwatched(backend: Backend) -> None:
    backend.events.delete(keys.RETENTION)


def watched(backend: Backend, *rules: RetentionRule, me: str = "one") -> RetentionWatch:
    found = backend.run(retention.watch(me, rules))
    assert found is not None
    return found


def age(backend: Backend, field: str, by_ms: int) -> None:
    """Make a moment in the key earlier."""
    there = int(backend.events.hget(keys.RETENTION, field))  # type: ignore[arg-type]
    backend.events.hset(keys.RETENTION, field, str(there - by_ms))


def test_a_rule_is_watched_from_the_first_look_on(backend: Backend) -> None:
    first = watched(backend, YEAR)
    assert first.since == {YEAR: first.now}
    second = watched(backend, YEAR, MONTH)
    assert second.since[YEAR] == first.now
    assert second.since[MONTH] == second.now


def test_a_rule_whose_days_change_is_another_one_and_one_that_is_gone_begins_again(backend: Backend) -> None:
    watched(backend, YEAR, MONTH)
    age(backend, "since:365:", 1000)
    age(backend, "since:30:daily-care", 1000)
    shorter = RetentionRule("daily-care", 3)
    changed = watched(backend, YEAR, shorter)
    assert changed.since[shorter] == changed.now > changed.since[YEAR]
    back = watched(backend, YEAR, MONTH)
    assert back.since[MONTH] == back.now


def test_one_gateway_heeds_them_and_another_takes_over_after_its_last_look(backend: Backend) -> None:
    first = watched(backend, YEAR)
    assert backend.run(retention.watch("two", [YEAR])) is None
    assert watched(backend, YEAR).since == first.since
    age(backend, "by_ms", LEASE_MS)
    assert watched(backend, YEAR, me="two").since == first.since
    assert backend.run(retention.watch("one", [YEAR])) is None


def test_a_watch_ends_a_week_after_the_last_look(backend: Backend) -> None:
    watched(backend, YEAR)
    left = int(backend.events.pttl(keys.RETENTION))  # type: ignore[arg-type]
    assert GAP_MS - 600_000 < left <= GAP_MS
    backend.events.delete(keys.RETENTION)  # as when it expires: by a gap, or by a clock that jumped
    again = watched(backend, YEAR)
    assert again.since == {YEAR: again.now}


@pytest.mark.parametrize("value", [b"", b"abc", b"nan", b"inf", b"-1", b"9" * 40, b"1e400"])
def test_what_cannot_be_read_and_what_lies_ahead_begins_now(backend: Backend, value: bytes) -> None:
    watched(backend, YEAR)
    for field in ("by", "by_ms", "since:365:"):
        backend.events.hset(keys.RETENTION, field, value)
    found = watched(backend, YEAR, me="two")
    assert found.since == {YEAR: found.now}


def test_a_key_that_never_expires_or_is_of_another_kind_is_replaced(backend: Backend) -> None:
    watched(backend, YEAR)
    backend.events.persist(keys.RETENTION)
    found = watched(backend, YEAR, me="two")
    assert found.since == {YEAR: found.now}
    backend.events.delete(keys.RETENTION)
    backend.events.set(keys.RETENTION, "x")
    assert watched(backend, YEAR).since
    assert found.now - timedelta(days=1) < watched(backend, YEAR).now
