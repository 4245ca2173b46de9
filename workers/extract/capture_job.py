"""One capture, from its claim to its acknowledgement.

Every step is either fenced by the capture's token or safe to repeat, so a job may be cut off anywhere: the next
extractor goes on from the rows that are stored. If a job loses its lease, it changes nothing more and does not
acknowledge.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import datetime
from typing import Any, cast

from contracts.broker.roles import Broker, Role
from contracts.broker.script import run_sync
from contracts.process.logs import get_logger
from contracts.process.retry import Stopped
from contracts.process.spans import NO_SPAN, TraceSpan
from contracts.rules.codes import VideoCode
from contracts.rules.errors import (
    ArtifactTaken,
    BrokerUnavailable,
    FatalError,
    FolderMissing,
    LeaseLost,
    StreamBroken,
    UnreadableValue,
    VideoError,
)
from contracts.rules.landmarks import PART_NAMES, Row
from contracts.state import captures, readers
from contracts.state.frame import TerminalEntry
from contracts.state.records import CaptureCounts
from workers.extract.deliveries import is_poison
from workers.extract.dependencies import Dependencies
from workers.extract.dispatch import Claimed
from workers.extract.lease import Steps
from workers.extract.outcome import OutcomeWriter
from workers.extract.progress import Progress, abort_code, worth_finishing
from workers.extract.reader import Frame, SentFrames
from workers.extract.upload_job import UploadedVideo
from workers.metrics import JobEnd
from workers.vision.artifact import check_folder
from workers.vision.matrix import FeatureMatrix, features_row
from workers.vision.pipelines.base import Image, Landmarks, Pipeline

__all__ = ["CaptureJob", "JobEnd"]


class CaptureJob:
    """Extracts one claimed capture; made for one run."""

    def __init__(self, dependencies: Dependencies, claimed: Claimed, span: TraceSpan = NO_SPAN) -> None:
        self._dependencies = dependencies
        self._span = span
        self._lease = claimed.lease
        self._state = claimed.state
        self._window = claimed.state.window
        self._capture_id = claimed.state.window.capture_id
        self._progress = Progress()
        self._log: Any = get_logger().bind(capture_id=self._capture_id)
        brokers: dict[Role, Broker] = {"frames": dependencies.frames, "events": dependencies.events}
        self._steps = Steps(claimed.lease, brokers, dependencies.timing.patience_s, dependencies.stop, self._log)
        self._outcome = OutcomeWriter(dependencies, claimed, self._steps, self._log, span)
        self._frames_done = 0
        self._frames_s = self._inference_s = 0.0
        self._stop_by_s: float | None = None
        self._thread = threading.get_ident()
        self._sent = SentFrames(dependencies, self._steps, self._window)
        stored = self._window.video
        self._video = UploadedVideo(dependencies, self._steps, self._window, stored) if stored else None
        if self._video:  # abort: the picture would take the next process too long as well
            self._video.on_stuck = lambda: self._abort("limit_decode_time_exceeded", self._progress.last_seq)

    def run(self) -> JobEnd:
        """Do the capture, in the thread that made this job. Log each error except a `FatalError`, and return how the
        job ended."""
        started_s = time.monotonic()
        try:
            # close the pipeline after the capture is acknowledged: closing takes as long as a frame
            with self._dependencies.clock.ending_with(self._hand_back_if_innocent), ExitStack() as pipelines:
                end = self._run(pipelines)
        except LeaseLost:
            end = "lost"
        except Stopped:
            end = self._hand_back()
        except FatalError:
            raise
        except Exception as error:  # the capture is delivered again, until it counts as poison
            self._log.error("extraction failed", exc_info=error)
            end = self._fail()
        self._dependencies.metrics.captures.labels(end).inc()
        self._end_span(end)
        self._log.info(
            "capture done", end=end, frames=self._frames_done, elapsed_s=round(time.monotonic() - started_s, 3),
            frame_ms=round(1000 * self._frame_s(), 1),
        )  # fmt: skip
        return end

    def _end_span(self, end: JobEnd) -> None:
        """End the trace's span with sums over the frames: a span for each would cost more than it shows."""
        self._span.set(
            {
                "a3cp.capture_id": self._capture_id,
                "a3cp.generation": self._state.generation,
                "a3cp.end": end,
                "a3cp.frames": self._frames_done,
                "a3cp.inference_s": self._inference_s,
                "a3cp.checkpoint_s": self._frames_s - self._inference_s,
            }
        )
        self._span.end("" if end in ("published", "handed_back") else end)

    def _run(self, pipelines: ExitStack) -> JobEnd:
        state = self._state
        if state.generation > 1:
            self._dependencies.metrics.takeovers.inc()
        self._log.info(
            "capture claimed" if state.generation == 1 else "capture taken over",
            generation=state.generation, deliveries=state.deliveries, extracted=state.extracted,
        )  # fmt: skip
        if state.status == "aborted":  # needs no frames, so no pipeline
            return self._abort_unread()
        try:
            if state.extracted:
                rows = self._steps.retry(lambda: readers.read_rows(self._dependencies.frames, self._capture_id))
                self._progress = Progress.resume(state, rows)
            if is_poison(state.deliveries):
                accepted = max(state.accepted, self._progress.last_seq)
                return self._abort("extraction_failed", accepted, self._may_have_written())
            check_folder(self._dependencies.store, self._window)  # before the work, which would be lost
            terminal, accepted = self._extract(pipelines)
        except FolderMissing as error:
            return self._abort_without_folder(error)
        except VideoError as error:
            self._log.warning("the video cannot be a capture", code=error.code, detail=error.detail)
            return self._abort(error.code, self._progress.last_seq, self._may_have_written())
        except StreamBroken as error:
            self._log.error("frame stream broken", detail=str(error))
            return self._abort("extraction_failed", self._look()[1])
        if terminal.timestamp_end is None:
            return self._abort(abort_code(terminal.error_code), accepted)
        return self._publish(terminal.timestamp_end)

    # --- frames to rows ------------------------------------------------------------------------------

    def _extract(self, pipelines: ExitStack) -> tuple[TerminalEntry, int]:
        """Extract every frame that has no row yet; returns the terminal entry and the number of frames before it.

        Makes the pipeline at the first frame and lets ``pipelines`` close it: that takes a quarter of a second, in
        which other captures wait, and a client may open and abort many captures without a frame."""
        after_seq = self._progress.last_seq
        if self._video:
            self._window = self._video.open()
        frames = self._video.frames(after_seq) if self._video else self._sent.frames(after_seq, self._stop_here)
        pipeline: Pipeline | None = None
        while True:
            try:
                frame = next(frames)
            except StopIteration as ended:
                return cast(tuple[TerminalEntry, int], ended.value)
            self._stop_here()
            if pipeline is None:
                with self._dependencies.clock.frame():
                    pipeline = self._dependencies.make_pipeline()
                pipelines.callback(self._close, pipeline)
            self._extract_frame(pipeline, frame)

    def _extract_frame(self, pipeline: Pipeline, frame: Frame) -> None:
        metrics = self._dependencies.metrics
        started_s = time.monotonic()
        with self._dependencies.clock.frame():
            image = frame.image()
            landmarks = {} if image is None else self._infer(pipeline, image)
        self._inference_s += time.monotonic() - started_s  # decoding included
        row = Row(frame.timestamp_ms, image is not None, features_row(landmarks))
        found = {part: part in landmarks for part in PART_NAMES}
        restart = self._progress.resumed
        token = self._lease.token
        with metrics.checkpoint.time():
            self._steps.fenced(
                captures.row(self._capture_id, token, frame.seq, row, frame.byte_length, restart=restart, found=found)
            )
        metrics.frames.inc()
        metrics.undecodable.inc(image is None)
        self._progress.add(row, found)
        self._frames_done += 1
        self._frames_s += time.monotonic() - started_s

    def _close(self, pipeline: Pipeline) -> None:
        with self._dependencies.clock.frame():
            pipeline.close()

    def _infer(self, pipeline: Pipeline, image: Image) -> Landmarks:
        with self._dependencies.metrics.inference.time():
            return pipeline.process(image).landmarks

    # --- rows to an outcome --------------------------------------------------------------------------

    def _publish(self, timestamp_end: datetime) -> JobEnd:
        progress = self._progress
        counts = progress.counts(progress.last_seq)
        try:
            return self._outcome.publish(self._window, timestamp_end, progress.matrix(), counts)
        except ArtifactTaken as error:
            self._log.error("the artifact's place is taken", detail=str(error))
            return self._abort("duplicate_capture", progress.last_seq)
        except FolderMissing as error:
            return self._abort_without_folder(error)

    def _abort(self, code: VideoCode, accepted: int, unpublished: FeatureMatrix | None = None) -> JobEnd:
        return self._outcome.abort(code, self._progress.counts(accepted), unpublished)

    def _abort_unread(self) -> JobEnd:
        """Abort a capture that was aborted before it was claimed, with the counts that its state has."""
        state = self._state
        counts = CaptureCounts(state.accepted, state.extracted, state.found)
        return self._outcome.abort(abort_code(state.error_code), counts)

    def _abort_without_folder(self, error: FolderMissing) -> JobEnd:
        """Abort, and do not wait for the folder: other captures have one, and would wait too."""
        self._log.error("the capture is given up", detail=str(error))
        return self._abort("extraction_failed", max(self._look()[1], self._progress.last_seq))

    def _may_have_written(self) -> FeatureMatrix | None:
        """The matrix whose artifact an earlier delivery may have written; None if no delivery came so far."""
        complete = self._state.status == "closed" and 0 < self._progress.last_seq == self._state.accepted
        return self._progress.matrix() if complete else None

    # --- stopping and failing ------------------------------------------------------------------------

    def _stop_here(self) -> None:
        """Between frames: raise if the lease is lost, or if the process must stop and the capture needs too long."""
        self._lease.check()
        if not self._dependencies.stop.is_set():
            return
        if self._stop_by_s is None:
            self._stop_by_s = time.monotonic() + self._dependencies.timing.finish_s
        closed, accepted = (True, self._video.expected_frames) if self._video else self._look()
        seconds_left = self._stop_by_s - time.monotonic()
        if not worth_finishing(closed, accepted - self._progress.last_seq, self._frame_s(), seconds_left):
            raise Stopped

    def _look(self) -> tuple[bool, int]:
        """Whether the capture is closed now, and how many frames were accepted."""
        state = self._steps.retry(lambda: readers.read_summary_sync(self._dependencies.frames, self._capture_id))
        return (state.status == "closed", state.accepted) if state else (False, 0)

    def _frame_s(self) -> float:
        return self._frames_s / self._frames_done if self._frames_done else 0.1

    def _hand_back(self) -> JobEnd:
        """Hand the capture back without counting this delivery. If a broker is away, the lease runs out by itself."""
        try:
            if not run_sync(self._dependencies.frames, captures.hand_back(self._capture_id, self._lease.token)):
                return "lost"
            self._lease.hand_back(self._dependencies.frames)
        except (BrokerUnavailable, UnreadableValue) as error:
            self._log.warning("capture not handed back", detail=str(error))
            return "lost"
        return "handed_back"

    def _hand_back_if_innocent(self) -> None:
        """The process ends because a frame takes too long. If it is another capture's, that is no delivery of this
        one's."""
        if not self._dependencies.clock.is_turn_of(self._thread):
            self._hand_back()

    def _fail(self) -> JobEnd:
        """Hand the capture back, and count this delivery. After too many deliveries even the abort has failed: then set
        the capture aside, and the recorder's sweep gives it its outcome."""
        try:
            self._steps.check_lease()
            if is_poison(self._state.deliveries):
                self._log.error("the capture is set aside", deliveries=self._state.deliveries)
                self._steps.retry(lambda: self._lease.acknowledge(self._dependencies.frames))
            else:
                self._steps.retry(lambda: self._lease.hand_back(self._dependencies.frames))
        except (LeaseLost, Stopped):
            return "lost"
        except UnreadableValue as error:  # its lease runs out, and the next extractor gets the same error
            self._log.error("the capture cannot be handed back", exc_info=error)
            return "lost"
        return "failed"
