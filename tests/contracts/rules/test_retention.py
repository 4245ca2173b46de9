"""For how long captures are kept, and from which moment the days count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.rules.retention import RetentionRule, RetentionRules, kept_from, kept_until

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RULES = RetentionRules(365, {"short": 30, "long": 3650, "ever": None})


@pytest.mark.parametrize(
    ("study", "days"),
    [(None, 365), ("short", 30), ("long", 3650), ("ever", None), ("unknown", None)],
)
def test_a_study_is_kept_as_long_as_it_says_and_an_unknown_one_for_ever(study: str | None, days: int | None) -> None:
    assert RULES.days_of(study) == days


def test_each_rule_with_an_end_has_a_name_and_another_number_of_days_another_name() -> None:
    assert RULES.all() == [RetentionRule(None, 365), RetentionRule("short", 30), RetentionRule("long", 3650)]
    assert [rule.name for rule in RULES.all()] == ["365:", "30:short", "3650:long"]
    assert RetentionRules().all() == []


@pytest.mark.parametrize(
    ("ended_before_s", "counts_from_end"),
    [
        (0, True),
        (60, True),
        (24 * 3600, True),  # sent again a day later
        (24 * 3600 + 1, False),  # an old video, or a wrong clock
        (56 * 365 * 24 * 3600, False),  # 1970
        (-1, False),  # the device's clock is ahead
    ],
)
def test_the_days_count_from_the_end_unless_the_devices_clock_is_not_to_be_believed(
    ended_before_s: int, counts_from_end: bool
) -> None:
    end = NOON - timedelta(seconds=ended_before_s)
    assert kept_from(end, NOON) == (end if counts_from_end else NOON)


def test_the_time_is_over_after_the_days_and_never_if_there_are_none() -> None:
    assert kept_until(NOON, 30) == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert kept_until(NOON, None) is None
    assert kept_until(datetime(9999, 12, 31, tzinfo=UTC), 36_500) is None
