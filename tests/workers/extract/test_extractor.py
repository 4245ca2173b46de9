"""The loop of one extractor process, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

import numpy as np
import pytest

from contracts.broker.keys import CAPTURES, EXTRACTOR_GROUP
from tests.conftest import BrokerPair
from tests.support.waiting import DEADLINE_S, wait_until
from tests.workers.broker_capture import BrokerCapture, FakePipeline, StoppingPipeline, quick
from workers.extract.capture_job import CaptureJob, JobEnd
from workers.extract.dependencies import Dependencies
from workers.extract.extractor import Extractor
from workers.extract.heartbeat import Heartbeat
from workers.pool.process import warm_up
from workers.vision.pipelines.base import Findings, Image


@contextmanager
def running(capture: BrokerCapture, dependencies: Dependencies) -> Iterator[None]:
    heartbeat = Heartbeat(capture.frames, "one", dependencies.timing, dependencies.clock)
    thread = threading.Thread(target=Extractor(dependencies, heartbeat).run)
    heartbeat.start()
    thread.start()
    try:
        yield
    finally:
        dependencies.stop.set()
        thread.join(DEADLINE_S)
        heartbeat.end()
        heartbeat.join()
        assert not thread.is_alive()


def test_it_does_one_capture_after_the_other(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(2).close()
    several = [real_capture]
    with running(real_capture, real_capture.dependencies("one")):
        for _ in range(2):
            more = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique)
            several.append(more.open(reserve=False).push_greys(3).close())
        for capture in several:
            capture.wait_until_published()
    assert [len(capture.published()) for capture in several] == [1, 1, 1]


def test_it_goes_on_after_the_frames_broker_was_away(own_brokers: BrokerPair, real_capture: BrokerCapture) -> None:
    with running(real_capture, real_capture.dependencies("one")):
        own_brokers.frames.kill()
        own_brokers.frames.start()
        again = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique)
        again.open(reserve=False).push_greys(2).close()
        again.wait_until_published()


def test_it_extracts_while_frames_still_come(real_capture: BrokerCapture) -> None:
    with running(real_capture, real_capture.dependencies("one")):
        for _ in range(3):
            real_capture.push_greys(2)
            wait_until(lambda: real_capture.depth() == 0)
        real_capture.close()
        real_capture.wait_until_published()
    with np.load(real_capture.path) as members:
        assert members["features"][:, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_an_extractor_that_stops_hands_its_capture_back_and_another_finishes_it(real_capture: BrokerCapture) -> None:
    real_capture.push_greys(3)
    with running(real_capture, real_capture.dependencies("one")):
        wait_until(lambda: real_capture.depth() == 0)
    (pending,) = real_capture.pending()
    assert pending["consumer"] == b"released"
    with running(real_capture, real_capture.dependencies("two")):
        real_capture.push_greys(3).close()
        real_capture.wait_until_published()
    with np.load(real_capture.path) as members:
        assert members["tracker_restarts"].tolist() == [4]
        assert members["features"][:, 0].tolist() == [1, 2, 3, 1, 2, 3]


def test_a_poisoned_capture_does_not_stop_the_extractor(real_capture: BrokerCapture) -> None:
    def fail() -> None:
        raise RuntimeError

    real_capture.push_greys(1).close()
    make = partial(StoppingPipeline, 1, fail)
    with running(real_capture, real_capture.dependencies("one", quick(), make)):
        wait_until(lambda: real_capture.record().outcome)
        wait_until(lambda: not real_capture.dispatched())
    assert real_capture.record().error_code == "extraction_failed"
    assert real_capture.frames.xpending(CAPTURES, EXTRACTOR_GROUP)["pending"] == 0


def test_warming_up_uses_a_pipeline_and_closes_it() -> None:
    pipeline = FakePipeline()
    warm_up(lambda: pipeline)
    assert (pipeline.seen, pipeline.closed) == (1, True)


def test_a_pipeline_that_does_not_work_here_is_found_before_any_capture() -> None:
    class Broken(FakePipeline):
        def process(self, image: Image) -> Findings:
            raise RuntimeError("no model")

    with pytest.raises(RuntimeError):
        warm_up(Broken)


def test_it_goes_on_after_its_queues_were_of_another_type_and_counts_it(real_capture: BrokerCapture) -> None:
    dependencies = real_capture.dependencies("one")
    real_capture.frames.delete(CAPTURES)
    real_capture.frames.set(CAPTURES, "no stream")
    with running(real_capture, dependencies), mock.patch.object(dependencies.metrics.background, "note") as note:
        wait_until(lambda: note.call_count >= 2)
        real_capture.frames.delete(CAPTURES)
        again = BrokerCapture(real_capture.frames, real_capture.events, real_capture.data_root, real_capture.unique)
        again.open(reserve=False).push_greys(2).close()
        again.wait_until_published()
    assert note.call_args.args[0] == "dispatch"


def test_it_goes_on_after_a_capture_that_raises_an_unexpected_error(
    real_capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CaptureJob.run

    def failing(job: CaptureJob) -> JobEnd:
        monkeypatch.setattr(CaptureJob, "run", run)
        raise IndexError

    monkeypatch.setattr(CaptureJob, "run", failing)
    real_capture.push_greys(1).close()
    with running(real_capture, real_capture.dependencies("one", quick(lease_ms=100))):
        real_capture.wait_until_published()
