"""Captures of a newer release: an extractor of this one leaves them, and one of that release takes them."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from contracts.broker import keys
from tests.support.releases import newer_release
from tests.support.waiting import wait_until
from tests.workers.broker_capture import BrokerCapture
from workers.extract.dispatch import Dispatch


def newer_capture(beside: BrokerCapture, *, entry: bool = True) -> BrokerCapture:
    """A capture of a newer release in the queue of another one; unless ``entry``, its state alone is newer."""
    other = BrokerCapture(beside.frames, beside.events, beside.data_root, beside.unique)
    with newer_release():
        other.open(reserve=False)
    if not entry:
        ((name, _),) = other.frames.xrevrange(keys.CAPTURES, count=1)  # type: ignore[misc]
        other.frames.xdel(keys.CAPTURES, name)
        other.dispatch()
    return other


@pytest.mark.parametrize("entry", [True, False])
def test_a_newer_capture_is_left_and_the_ones_behind_it_are_taken(real_capture: BrokerCapture, entry: bool) -> None:
    real_capture.push_greys(1).close().run()  # out of the way; one that is open is waited for
    newer = newer_capture(real_capture, entry=entry)
    behind = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique)
    behind.open(reserve=False)
    left: list[str] = []
    dispatch = Dispatch(newer.frames, "one", real_capture.dependencies("one").timing, lambda: left.append("one"))
    before = newer.state()
    with capture_logs() as logs:
        claimed = wait_until(dispatch.take)
        assert claimed.state.window.capture_id == behind.capture_id
        assert [dispatch.take() for _ in range(3)] == [None] * 3
        assert dispatch.take_beside({claimed.lease.dispatch_id}) is None
    assert newer.state() == before, "no delivery is counted"
    assert {one["consumer"] for one in newer.pending()} == {b"one", b"released"}
    assert left == ["one"], "it is counted once"
    (said,) = [one for one in logs if one["event"] == "an entry is left to another release"]
    assert "upgrade this process" in said["why"]
    with newer_release():
        taken = wait_until(real_capture.dependencies("two").dispatch.take)
    assert taken.state.window.capture_id == newer.capture_id
    assert taken.state.deliveries == 1


def test_an_entry_whose_format_is_no_number_is_dropped(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(1).close().run()
    real_capture.frames.xadd(keys.CAPTURES, {"capture_id": real_capture.capture_id, "format": "new"})
    assert real_capture.dependencies("one").dispatch.take() is None
    assert not real_capture.frames.xlen(keys.CAPTURES)


def test_a_capture_of_release_0_2_0_is_extracted(real_capture: BrokerCapture) -> None:
    ((name, fields),) = real_capture.frames.xrange(keys.CAPTURES)  # type: ignore[misc]
    real_capture.frames.xdel(keys.CAPTURES, name)
    real_capture.frames.xadd(keys.CAPTURES, {key: value for key, value in fields.items() if key != b"format"})
    real_capture.frames.hdel(keys.capture_keys(real_capture.capture_id).state, "format")
    real_capture.push_greys(2).close()
    assert real_capture.run() == "published"
