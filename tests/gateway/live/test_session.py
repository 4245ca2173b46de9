"""The rules of one connection: which frames it processes, drops and reports."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages.live import LiveDropped, LiveResult, LiveWarning
from gateway.live.backpressure import Backpressure, BackpressureState
from gateway.live.session import LiveSession, Message, Result
from tests.gateway.live.served import result_text


def session() -> LiveSession:
    return LiveSession(Backpressure(0.10, 0.30))


def told(one: LiveSession) -> list[Message]:
    """Every message that is due now."""
    messages: list[Message] = []
    while (message := one.next_message()) is not None:
        messages.append(message)
    return messages


def test_a_new_session_has_received_and_reports_nothing() -> None:
    one = session()
    assert (one.received, one.processed, one.dropped, one.slow_downs) == (0, 0, 0, 0)
    assert one.backpressure.state is BackpressureState.NORMAL
    assert one.next_message() is None


def test_frames_are_counted_from_0() -> None:
    one = session()
    for index in range(3):
        assert one.add_frame() == index
        one.add_answer(b"{}")
        assert told(one) == [Result(index, b"{}")]
    assert (one.received, one.processed, one.dropped) == (3, 3, 0)


def test_a_frame_that_comes_while_another_is_processed_is_dropped() -> None:
    one = session()
    assert [one.add_frame() for _ in range(4)] == [0, None, None, None]
    assert one.dropped == 3


def test_drops_are_reported_after_the_answer_before_them() -> None:
    one = session()
    for _ in range(3):
        one.add_frame()
    assert one.next_message() is None
    one.add_answer(b"{}")
    assert told(one) == [Result(0, b"{}"), LiveDropped(frame_index=1), LiveDropped(frame_index=2)]


def test_a_frame_that_comes_before_the_drops_are_reported_keeps_its_place_in_the_order() -> None:
    one = session()
    one.add_frame()
    one.add_frame()
    one.add_answer(b"{}")
    assert one.next_message() == Result(0, b"{}")
    assert one.add_frame() == 2
    assert one.add_frame() is None
    assert told(one) == [LiveDropped(frame_index=1)]
    one.add_answer(b"{}")
    assert told(one) == [Result(2, b"{}"), LiveDropped(frame_index=3)]


def test_while_an_answer_is_not_sent_frames_are_dropped() -> None:
    one = session()
    one.add_frame()
    one.add_answer(b"{}")
    assert one.add_frame() is None


def test_a_frame_for_which_the_broker_had_no_room_is_dropped_and_the_next_is_processed() -> None:
    one = session()
    one.add_frame()
    one.add_frame()
    one.drop_current()
    assert told(one) == [LiveDropped(frame_index=0), LiveDropped(frame_index=1)]
    assert one.add_frame() == 2
    assert one.dropped == 2


def test_slow_down_comes_right_after_the_drop_that_caused_it_and_once() -> None:
    one = session()
    for _ in range(31):
        one.add_frame()
    one.add_answer(b"{}")
    messages = told(one)
    assert messages.count(LiveWarning()) == one.slow_downs == 1
    at = messages.index(LiveWarning())
    assert messages[at - 1] == LiveDropped(frame_index=7)
    assert messages[at + 1] == LiveDropped(frame_index=8)


def test_a_result_s_json_is_that_of_its_model() -> None:
    line = Result(7, result_text("pose")).model_dump_json()
    assert LiveResult.model_validate_json(line).frame_index == 7
    assert orjson.loads(line)["result"] == orjson.loads(result_text("pose"))


def test_a_hundred_thousand_drops_take_no_memory() -> None:
    one = session()
    one.add_frame()
    for _ in range(300):
        one.add_frame()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(100_000):
        one.add_frame()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1_000
    one.add_answer(b"{}")
    assert sum(isinstance(message, LiveDropped) for message in iter(one.next_message, None)) == 100_300


@pytest.mark.parametrize("step", ["add_answer", "drop_current"])
def test_nothing_is_answered_twice(step: str) -> None:
    one = session()
    one.add_frame()
    one.add_answer(b"{}")
    with pytest.raises(AssertionError):
        one.add_answer(b"{}") if step == "add_answer" else one.drop_current()


@given(steps=st.lists(st.sampled_from(["frame", "answer", "full", "tell"]), max_size=200))
def test_every_frame_is_reported_once_and_in_order_whatever_happens(steps: list[str]) -> None:
    one = session()
    working: int | None = None
    answered: set[int] = set()
    messages: list[Message] = []
    for step in [*steps, "answer"]:
        if step == "frame":
            index = one.add_frame()
            working = index if index is not None else working
        elif step == "tell":
            message = one.next_message()
            messages += [message] if message is not None else []
        elif working is not None:
            if step == "answer":
                one.add_answer(b"{}")
                answered.add(working)
            else:
                one.drop_current()
            working = None
    messages += told(one)
    frames = [message for message in messages if not isinstance(message, LiveWarning)]
    assert [message.frame_index for message in frames] == list(range(one.received))
    assert {message.frame_index for message in frames if isinstance(message, Result)} == answered
    assert (one.processed, one.dropped) == (len(answered), one.received - len(answered))
    assert len(messages) - len(frames) == one.slow_downs
