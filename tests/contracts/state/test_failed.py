"""The slots of failed captures, and the steps that keep, revive and drop one, on every kind of broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.broker import keys
from contracts.state import failed
from contracts.state.failed import FailedBounds, FailedSlot
from tests.contracts.scripting import Backend, ScriptedCapture

BOUNDS = FailedBounds(600, 100)


@pytest.fixture
def slotless(backend: Backend) -> Iterator[Backend]:
    """No failed captures, before and after."""
    backend.frames.delete(keys.FAILED)
    yield backend
    backend.frames.delete(keys.FAILED)


def slots(backend: Backend) -> list[FailedSlot]:
    found = backend.frames.zrange(keys.FAILED, 0, -1, withscores=True)
    return [slot for member, score in found if (slot := FailedSlot.read(member, score))]  # type: ignore[union-attr]


def test_the_bytes_of_failed_captures_are_bounded_and_the_oldest_make_room(slotless: Backend) -> None:
    for number in range(4):
        slotless.frames.zadd(keys.FAILED, {f"capture-{number}/30/user-1": 10**14 + number})
    assert slotless.run(failed.take_slot(FailedSlot("capture-0", 30, "user-1"), FailedBounds(10**12, 100))) == [
        "capture-1"
    ]
    assert {slot.capture_id for slot in slots(slotless)} == {"capture-0", "capture-2", "capture-3"}
    assert slotless.run(failed.take_slot(FailedSlot("capture-5", 101, "user-1"), BOUNDS)) is None
    assert len(slots(slotless)) == 3


def test_a_slot_expires_and_what_is_no_slot_is_removed(slotless: Backend) -> None:
    slotless.frames.zadd(keys.FAILED, {"old/99/user-1": 1, "no slot": 10**14})
    assert slotless.run(failed.take_slot(FailedSlot("capture-1", 100, "user-1"), BOUNDS)) == []
    [slot] = slots(slotless)
    assert slot.capture_id == "capture-1"
    assert 0 < int(slotless.frames.ttl(keys.FAILED)) <= 600  # type: ignore[arg-type]


def test_a_slot_of_a_capture_that_failed_again_is_not_released(slotless: Backend) -> None:
    slotless.run(failed.take_slot(FailedSlot("capture-1", 100, "user-1"), BOUNDS))
    [slot] = slots(slotless)
    slotless.frames.zadd(keys.FAILED, {slot.member: slot.expires_ms + 1})
    assert not slotless.run(failed.release_failed(slot))
    [slot] = slots(slotless)
    assert slotless.run(failed.release_failed(slot)) and slots(slotless) == []


def test_a_kept_capture_has_no_owner_until_it_is_revived_and_its_deliveries_count_from_one(
    capture: ScriptedCapture,
) -> None:
    run = capture.backend.run
    capture.open()
    for seq in (1, 2):
        capture.push(seq)
    capture.end()
    token = capture.claimed("1-0").token
    capture.row(token, 1)
    assert run(failed.keep_failed(capture.capture_id, "0-1/1", 600)) == "lost"
    assert [run(failed.keep_failed(capture.capture_id, token, 600)) for _ in range(2)] == ["kept", "kept"]
    assert all(0 < ttl <= 600 for ttl in capture.ttls())
    assert capture.claim("1-0") is None and not capture.row(token, 2)
    assert run(failed.revive(capture.capture_id)) and run(failed.revive(capture.capture_id))
    state = capture.claimed("2-0")
    assert (state.deliveries, state.status, state.extracted) == (1, "closed", 1)
    assert capture.claim("3-0") is None
    assert run(failed.revive(capture.capture_id)), "a repeat takes nothing from its extractor"
    assert capture.row(state.token, 2) and not run(failed.drop_failed(capture.capture_id))


def test_a_capture_with_a_gap_is_not_kept_and_a_dropped_one_is_gone(capture: ScriptedCapture) -> None:
    run = capture.backend.run
    capture.open()
    capture.push(1)
    token = capture.claimed("1-0").token
    assert run(failed.keep_failed(capture.capture_id, token, 600)) == "partial"
    capture.end()
    assert run(failed.keep_failed(capture.capture_id, token, 600)) == "kept"
    assert run(failed.drop_failed(capture.capture_id))
    assert (capture.entries(), capture.state()["status"]) == ([], "finished")
    assert run(failed.drop_failed(capture.capture_id))  # a repeat whose first answer was lost
    assert not run(failed.revive(capture.capture_id))
