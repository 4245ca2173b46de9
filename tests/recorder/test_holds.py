"""Sessions that are held back."""

from __future__ import annotations

from contracts.rules.errors import RecorderIOError
from recorder.holds import Holds

HERE, THERE = ("u1", "sess_0000000000000001"), ("u1", "sess_0000000000000002")
ERROR = RecorderIOError("no")


def test_a_failed_session_waits_and_others_do_not() -> None:
    holds = Holds()
    holds.failed(HERE, ERROR, 100.0)
    assert holds.refusal(HERE) is ERROR
    assert holds.refusal(THERE) is None


def test_time_alone_lets_no_session_through_only_a_new_pass_does() -> None:
    holds = Holds()
    holds.failed(HERE, ERROR, 100.0)
    holds.reopen(100.05)
    assert holds.refusal(HERE) is ERROR, "its time has not come"
    holds.reopen(100.2)
    assert holds.refusal(HERE) is None


def test_each_failure_in_a_row_waits_longer_and_a_success_ends_the_row() -> None:
    holds = Holds()
    waits = []
    for _ in range(4):
        holds.failed(HERE, ERROR, 100.0)
        retry_s = holds.next_retry_s()
        assert retry_s is not None
        waits.append(retry_s - 100.0)
        holds.reopen(1000.0)
    assert waits == sorted(waits) and waits[0] < waits[-1]
    holds.succeeded(HERE)
    holds.failed(HERE, ERROR, 100.0)
    assert holds.next_retry_s() == 100.0 + waits[0]


def test_the_next_retry_is_the_earliest_and_none_if_nothing_waits() -> None:
    holds = Holds()
    assert holds.next_retry_s() is None
    holds.failed(HERE, ERROR, 100.0)
    holds.failed(THERE, ERROR, 50.0)
    assert holds.next_retry_s() == 50.1
    holds.reopen(60.0)
    assert holds.next_retry_s() == 100.1


def test_a_session_that_somebody_waits_for_is_tried_soon_but_not_all_the_time() -> None:
    holds = Holds()
    for _ in range(8):
        holds.failed(HERE, ERROR, 100.0)
    holds.hurry(HERE, 100.1)
    assert holds.next_retry_s() == 100.5
    holds.hurry(HERE, 103.0)
    assert holds.next_retry_s() == 100.5
    holds.hurry(THERE, 100.0)  # not held: nothing to hurry
