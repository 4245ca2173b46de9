"""Several captures in one extractor process: who has a turn, what is taken, and what each capture keeps for itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest import mock
from uuid import uuid4

import pytest

from contracts.broker.keys import capture_keys
from contracts.rules.errors import BrokerUnavailable
from contracts.state.video import StoredVideo
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import BrokerCapture, FakePipeline, grey_jpeg, quick
from workers.extract.dependencies import Dependencies
from workers.extract.dispatch import Claimed
from workers.extract.extractor import Extractor
from workers.extract.fair_lock import FairLock
from workers.extract.heartbeat import FrameClock, Heartbeat
from workers.extract.slots import takes_another
from workers.vision.pipelines.base import Findings, Image

BRIEF = quick(lease_ms=200, poll_ms=200)


def another(capture: BrokerCapture) -> BrokerCapture:
    more = BrokerCapture(capture.frames, capture.events, capture.data_root, capture.unique)
    return more.open(reserve=False)


@contextmanager
def extracting(capture: BrokerCapture, dependencies: Dependencies, captures: int) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(capture.frames, "one", dependencies.timing, dependencies.clock)
    thread = threading.Thread(target=Extractor(dependencies, heartbeat, captures).run)
    heartbeat.start()
    thread.start()
    try:
        yield heartbeat
    finally:
        dependencies.stop.set()
        thread.join(DEADLINE_S)
        heartbeat.end()
        heartbeat.join()
        assert not thread.is_alive()


def test_the_thread_that_has_waited_longest_has_the_next_turn() -> None:
    turns, order = FairLock(), list[int]()
    waiting: list[threading.Thread] = []

    def work(number: int) -> None:
        with turns.turn():
            order.append(number)

    with turns.turn():
        for number in range(8):
            waiting.append(threading.Thread(target=work, args=(number,)))
            waiting[-1].start()
            wait_until(lambda number=number: turns._issued == number + 2)
        assert order == []
    for thread in waiting:
        thread.join(DEADLINE_S)
    assert order == list(range(8))


@pytest.mark.parametrize(
    ("share", "in_hand", "takes"),
    [(0.0, 1, True), (0.55, 1, True), (0.65, 1, False), (0.95, 1, False), (0.75, 2, True), (0.95, 2, False)],
)
def test_a_process_takes_another_capture_if_it_will_have_time_for_it(
    capture: BrokerCapture, share: float, in_hand: int, takes: bool
) -> None:
    claimed = capture.take(capture.dependencies("one"))
    assert takes_another([claimed] * in_hand, share) is takes


def test_a_video_and_a_capture_at_its_last_try_have_the_process_for_themselves(capture: BrokerCapture) -> None:
    claimed = capture.take(capture.dependencies("one"))
    video = StoredVideo(upload_id="upload", byte_length=1, min_duration_s=2, max_frames=60)
    uploaded = claimed.state.window.model_copy(update={"video": video})
    second, last = (replace(claimed, state=replace(claimed.state, deliveries=number)) for number in (2, 3))
    assert takes_another([claimed, second], 0.0)
    assert not takes_another([claimed, last], 0.0)
    assert not takes_another([replace(claimed, state=replace(claimed.state, window=uploaded))], 0.0)


def test_beside_a_capture_a_new_one_is_taken_and_no_video(real_capture: BrokerCapture) -> None:
    dispatch = real_capture.dependencies("one").dispatch
    BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, uuid4().hex[:16]).upload(b"video")
    claimed = dispatch.take_beside(set())
    assert claimed is not None and claimed.state.window.capture_id == real_capture.capture_id
    assert dispatch.take_beside({claimed.lease.dispatch_id}) is None


def test_an_abandoned_capture_is_an_idle_extractors_before_it_is_one_s_with_a_capture(
    real_capture: BrokerCapture,
) -> None:
    dead = real_capture.take(real_capture.dependencies("dead"))
    real_capture.abandon()  # for a minute: longer than a lease, but not than a lease and a look of the idle ones
    patient = real_capture.dependencies("one", replace(BRIEF, poll_ms=3_600_000)).dispatch
    assert patient.take_beside(set()) is None
    holder = real_capture.dependencies("two", BRIEF).dispatch
    assert holder.take_beside({dead.lease.dispatch_id}) is None, "its own is not abandoned"
    claimed = holder.take_beside(set())
    assert claimed is not None and (claimed.state.generation, claimed.state.deliveries) == (2, 2)


def test_a_capture_that_comes_to_its_last_try_is_left_to_an_idle_extractor(real_capture: BrokerCapture) -> None:
    """A capture that kills its extractor takes the others there with it, twice. The third time each is alone, so only
    the guilty one can fail."""
    for consumer in ("one", "two"):
        real_capture.take(real_capture.dependencies(consumer))
        real_capture.abandon()
    holder = real_capture.dependencies("holder", BRIEF).dispatch
    assert holder.take_beside(set()) is None
    assert [entry["consumer"] for entry in real_capture.pending()] == [b"released"]
    real_capture.abandon()
    assert holder.take_beside(set()) is None
    assert [entry["consumer"] for entry in real_capture.pending()] == [b"dead"], "it is not looked at twice"
    assert real_capture.take(real_capture.dependencies("idle")).state.deliveries == 3


def test_two_cameras_are_extracted_at_the_same_time_each_with_a_graph_of_its_own(real_capture: BrokerCapture) -> None:
    made: list[FakePipeline] = []

    def make() -> FakePipeline:
        made.append(FakePipeline())
        return made[-1]

    with extracting(real_capture, real_capture.dependencies("one", make_pipeline=make), 2):
        both = [real_capture, another(real_capture)]
        for _ in range(2):
            for one in both:
                one.push_greys(2)
                wait_until(lambda one=one: one.depth() == 0)
        assert [len(one.pending()) for one in both] == [2, 2]
        assert len(made) == 2
        for one in both:
            one.close().wait_until_published()
    assert [(pipeline.seen, pipeline.closed) for pipeline in made] == [(4, True), (4, True)]


def test_with_one_capture_at_a_time_the_second_waits_for_the_first(real_capture: BrokerCapture) -> None:
    made: list[FakePipeline] = []
    closed_before: list[list[bool]] = []

    def make() -> FakePipeline:
        closed_before.append([pipeline.closed for pipeline in made])
        made.append(FakePipeline())
        return made[-1]

    second = another(real_capture).push_greys(2).close()
    with extracting(real_capture, real_capture.dependencies("one", make_pipeline=make), 1):
        for one in (real_capture.push_greys(2).close(), second):
            one.wait_until_published()
    assert closed_before == [[], [True]]


def test_a_process_that_is_told_to_stop_hands_all_its_captures_back_uncounted(real_capture: BrokerCapture) -> None:
    both = [real_capture, another(real_capture)]
    with extracting(real_capture, real_capture.dependencies("one"), 2):
        for one in both:
            one.push_greys(2)
            wait_until(lambda one=one: one.depth() == 0)
    assert [entry["consumer"] for entry in real_capture.pending()] == [b"released", b"released"]
    assert [one.state()[b"deliveries"] for one in both] == [b"0", b"0"]


def test_a_frame_that_hangs_costs_its_own_capture_a_delivery_and_no_other(real_capture: BrokerCapture) -> None:
    hangs, go_on = threading.Event(), threading.Event()

    class Hanging(FakePipeline):
        def process(self, image: Image) -> Findings:
            if round(float(image.mean())) == 200:
                hangs.set()
                assert go_on.wait(DEADLINE_S)
            return super().process(image)

    dependencies = real_capture.dependencies("one", make_pipeline=Hanging)
    innocent = another(real_capture)
    with extracting(real_capture, dependencies, 2):
        for one in (real_capture, innocent):
            one.push_greys(1)
            wait_until(lambda one=one: one.depth() == 0)
        real_capture.push(grey_jpeg(200))
        assert hangs.wait(DEADLINE_S)
        dependencies.clock.before_the_end()  # as the watchdog does
        owners = {entry["message_id"]: entry["consumer"] for entry in real_capture.pending()}
        assert sorted(owners.values()) == [b"one", b"released"]
        assert (real_capture.state()[b"deliveries"], innocent.state()[b"deliveries"]) == (b"1", b"0")
        go_on.set()


def test_a_failed_capture_is_left_to_another_process_by_all_threads(real_capture: BrokerCapture) -> None:
    dependencies = real_capture.dependencies("one")
    extractor = Extractor(dependencies, Heartbeat(real_capture.frames, "one", quick(), FrameClock()), 2)
    extractor._slots.rest(3_600.0)
    taken: list[Claimed | None] = []
    thread = threading.Thread(target=lambda: taken.append(extractor._slots.take()))
    thread.start()
    assert real_capture.take(real_capture.dependencies("two")) is not None
    dependencies.stop.set()
    thread.join(DEADLINE_S)
    assert taken == [None]


def test_each_lease_is_renewed_though_another_ones_master_is_away(capture: BrokerCapture) -> None:
    claimed = capture.take(capture.dependencies("one"))
    away = mock.Mock()
    away.renew.side_effect = BrokerUnavailable("frames", "gone")
    heartbeat = Heartbeat(capture.frames, "one", quick(), FrameClock())
    capture.abandon()
    with heartbeat.holding(away), heartbeat.holding(claimed.lease), pytest.raises(BrokerUnavailable):
        heartbeat.beat()
    assert [entry["consumer"] for entry in capture.pending()] == [b"one"]


def test_each_lease_is_renewed_though_another_one_cannot_be(capture: BrokerCapture) -> None:
    first, second = capture, another(capture)
    dispatch = capture.dependencies("one").dispatch
    claims = [wait_until(dispatch.take) for _ in (first, second)]
    heartbeat = Heartbeat(capture.frames, "one", quick(), FrameClock())
    capture.abandon()
    capture.frames.delete(capture_keys(first.capture_id).state)
    capture.frames.set(capture_keys(first.capture_id).state, "no hash")
    with ExitStack() as stack, mock.patch.object(heartbeat._errors, "note") as note:
        for claimed in claims:
            stack.enter_context(heartbeat.holding(claimed.lease))
        heartbeat.beat()
    assert note.call_count == 1
    owners = {entry["message_id"].decode(): entry["consumer"] for entry in capture.pending()}
    assert [owners[claimed.lease.dispatch_id] for claimed in claims] == [b"dead", b"one"]
