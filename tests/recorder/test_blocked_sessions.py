"""Which sessions wait because their log cannot be written."""

from __future__ import annotations

from contracts.rules.errors import RecorderIOError
from recorder.blocked import BlockedSessions

HERE, THERE = ("u1", "sess_0000000000000001"), ("u1", "sess_0000000000000002")
ERROR = RecorderIOError("no")


def test_a_failed_session_waits_and_others_do_not() -> None:
    blocked = BlockedSessions()
    blocked.failed(HERE, ERROR, 100.0)
    assert blocked.reason(HERE) is ERROR
    assert blocked.reason(THERE) is None


def test_a_blocked_session_opens_only_when_its_time_has_come() -> None:
    blocked = BlockedSessions()
    blocked.failed(HERE, ERROR, 100.0)
    blocked.reopen(100.05)
    assert blocked.reason(HERE) is ERROR, "the retry is not due yet"
    blocked.reopen(100.2)
    assert blocked.reason(HERE) is None


def test_each_failure_in_a_row_waits_longer_and_a_success_ends_the_row() -> None:
    blocked = BlockedSessions()
    waits = []
    for _ in range(4):
        blocked.failed(HERE, ERROR, 100.0)
        retry_s = blocked.next_retry_s()
        assert retry_s is not None
        waits.append(retry_s - 100.0)
        blocked.reopen(1000.0)
    assert waits == sorted(waits) and waits[0] < waits[-1]
    blocked.succeeded(HERE)
    blocked.failed(HERE, ERROR, 100.0)
    assert blocked.next_retry_s() == 100.0 + waits[0]


def test_the_next_retry_is_the_earliest_and_none_if_nothing_waits() -> None:
    blocked = BlockedSessions()
    assert blocked.next_retry_s() is None
    blocked.failed(HERE, ERROR, 100.0)
    blocked.failed(THERE, ERROR, 50.0)
    assert blocked.next_retry_s() == 50.1
    blocked.reopen(60.0)
    assert blocked.next_retry_s() == 100.1


def test_a_new_event_brings_a_session_s_retry_forward_once() -> None:
    blocked = BlockedSessions()
    for _ in range(8):
        blocked.failed(HERE, ERROR, 100.0)
    blocked.hurry(HERE, 100.1)
    assert blocked.next_retry_s() == 100.5
    blocked.hurry(HERE, 103.0)
    assert blocked.next_retry_s() == 100.5
    blocked.hurry(THERE, 100.0)  # not blocked, so this changes nothing
