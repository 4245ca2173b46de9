"""One capture, from its claim to its acknowledgement.

Every step is either fenced by the capture's token or safe to repeat, so a job may be cut off anywhere: the next
extractor goes on from the rows that are stored. A job whose lease is lost changes nothing more and never acks.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any, cast

from contracts.broker.script import run_sync
from contracts.messages.event import RawFeaturesRef
from contracts.process.logs import get_logger
from contracts.process.retry import Stopped
from contracts.rules.codes import VideoCode
from contracts.rules.errors import (
    ArtifactError,
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
from contracts.state import captures, readers, records, uploads
from contracts.state.events import EventEntry, event_bytes
from contracts.state.frame import TerminalEntry
from contracts.state.records import CaptureCounts
from workers.extract.lease import Claimed
from workers.extract.progress import Progress, abort_code, feature_ref_event, is_poison, worth_finishing
from workers.extract.reader import Frame, SentFrames
from workers.extract.retries import Dependencies, Steps
from workers.extract.upload_job import UploadedVideo
from workers.metrics import JobEnd
from workers.vision.artifact import artifact_exists, check_folder, remove_artifact, write_artifact
from workers.vision.matrix import FeatureMatrix, features_row
from workers.vision.pipelines.base import Image, Landmarks, Pipeline

__all__ = ["CaptureJob", "JobEnd"]


class CaptureJob:
    """Extracts one claimed capture; made for one run."""

    def __init__(self, dependencies: Dependencies, claimed: Claimed) -> None:
        self._dependencies = dependencies
        self._lease = claimed.lease
        self._state = claimed.state
        self._window = claimed.state.window
        self._capture_id = claimed.state.window.capture_id
        self._progress = Progress()
        self._log: Any = get_logger().bind(capture_id=self._capture_id)
        self._steps = Steps(dependencies, claimed.lease, self._log)
        self._frames_done = 0
        self._frames_s = 0.0
        self._stop_by_s: float | None = None
        self._sent = SentFrames(dependencies, claimed.lease, self._steps, self._window)
        stored = self._window.video
        self._video = UploadedVideo(dependencies, claimed.lease, self._steps, self._window, stored) if stored else None
        if self._video:  # a picture that takes one process too long would take the next one too long as well
            self._video.on_stuck = lambda: self._abort("limit_decode_time_exceeded", self._progress.last_seq)

    def run(self) -> JobEnd:
        """Do the capture. Whatever goes wrong is logged and becomes the answer."""
        started_s = time.monotonic()
        try:
            # close the graph after the capture is acknowledged: closing takes as long as a frame
            with ExitStack() as pipelines:
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
        self._log.info(
            "capture done", end=end, frames=self._frames_done, elapsed_s=round(time.monotonic() - started_s, 3),
            frame_ms=round(1000 * self._frame_s(), 1),
        )  # fmt: skip
        return end

    def _run(self, pipelines: ExitStack) -> JobEnd:
        state = self._state
        if state.generation > 1:
            self._dependencies.metrics.takeovers.inc()
        self._log.info(
            "capture claimed" if state.generation == 1 else "capture taken over",
            generation=state.generation, deliveries=state.deliveries, extracted=state.extracted,
        )  # fmt: skip
        if state.status == "aborted":  # nothing of it will be kept: not even a pipeline is made for it
            return self._abort_unread()
        try:
            if state.extracted:
                rows = self._steps.retry(lambda: readers.read_rows(self._dependencies.frames, self._capture_id))
                self._progress = Progress.resume(state, rows)
            if is_poison(state.deliveries):
                accepted = max(state.accepted, self._progress.last_seq)
                return self._abort("extraction_failed", accepted, self._may_have_written())
            check_folder(self._dependencies.store, self._window)  # before the work, which would be for nothing
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
        """Extract every frame that has no row yet; returns the terminal entry and the frames before it. The pipeline is
        made for the first of them, and left to ``pipelines``: it takes a quarter of a second, in which other captures
        wait, and a client may open and abort many."""
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
                    pipeline = pipelines.enter_context(closing(self._dependencies.make_pipeline()))
            self._extract_frame(pipeline, frame)

    def _extract_frame(self, pipeline: Pipeline, frame: Frame) -> None:
        metrics = self._dependencies.metrics
        started_s = time.monotonic()
        with self._dependencies.clock.frame():
            image = frame.image()
            landmarks = {} if image is None else self._infer(pipeline, image)
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

    def _infer(self, pipeline: Pipeline, image: Image) -> Landmarks:
        with self._dependencies.metrics.inference.time():
            return pipeline.process(image).landmarks

    # --- rows to an outcome --------------------------------------------------------------------------

    def _publish(self, timestamp_end: datetime) -> JobEnd:
        window, progress = self._window, self._progress
        matrix = progress.matrix()
        try:
            ref = self._write(matrix)
        except ArtifactTaken as error:
            self._log.error("the artifact's place is taken", detail=str(error))
            return self._abort("duplicate_capture", progress.last_seq)
        except FolderMissing as error:
            return self._abort_without_folder(error)
        event = event_bytes(feature_ref_event(window, timestamp_end, ref))
        entry = EventEntry(event, window.user_id, window.session_id, window.record_id, self._capture_id)
        self._steps.check_lease()
        outcome = self._steps.call(records.publish(entry, progress.counts(progress.last_seq)))
        if outcome.outcome == "published":
            return self._finish("published")
        self._log.warning("the capture was aborted meanwhile", error_code=outcome.error_code)
        return self._finish("aborted", matrix)

    def _write(self, matrix: FeatureMatrix) -> RawFeaturesRef:
        store, window = self._dependencies.store, self._window
        # once, before the first attempt: a later attempt may find what an earlier one made
        if self._state.generation == 1 and self._steps.retry_store(lambda: artifact_exists(store, window)):
            raise ArtifactTaken("no extractor had this capture before, yet there is an artifact")
        return self._steps.retry_store(lambda: write_artifact(store, window, matrix))

    def _abort(
        self,
        code: VideoCode,
        accepted: int,
        unpublished: FeatureMatrix | None = None,
        counts: CaptureCounts | None = None,
    ) -> JobEnd:
        """Give the capture the outcome ``aborted``, unless it has one already."""
        self._steps.check_lease()
        counts = counts or self._progress.counts(accepted)
        abort = records.abort(self._window.user_id, self._capture_id, code, counts)
        outcome = self._steps.call(abort)
        self._steps.call(captures.end_stream(self._capture_id, TerminalEntry("abort", error_code=code)))
        if outcome.outcome == "published":
            return self._finish("published")
        self._log.info("capture aborted", error_code=outcome.error_code or code)
        return self._finish("aborted", unpublished)

    def _abort_unread(self) -> JobEnd:
        """A capture that was aborted before it was claimed: its state says how far it came."""
        state = self._state
        counts = CaptureCounts(state.accepted, state.extracted, state.found)
        return self._abort(abort_code(state.error_code), state.accepted, counts=counts)

    def _abort_without_folder(self, error: FolderMissing) -> JobEnd:
        """Waiting for the folder would keep the extractor from captures that have one."""
        self._log.error("the capture is given up", detail=str(error))
        return self._abort("extraction_failed", max(self._look()[1], self._progress.last_seq))

    def _may_have_written(self) -> FeatureMatrix | None:
        """The matrix whose artifact an earlier delivery may have left, if it can have come that far."""
        complete = self._state.status == "closed" and 0 < self._progress.last_seq == self._state.accepted
        return self._progress.matrix() if complete else None

    def _finish(self, end: JobEnd, unpublished: FeatureMatrix | None = None) -> JobEnd:
        """The outcome is set: remove an unpublished artifact, drop the frames-role keys, acknowledge."""
        if unpublished is not None:
            try:
                self._steps.retry_store(lambda: remove_artifact(self._dependencies.store, self._window, unpublished))
            except ArtifactError as error:
                self._log.error("an unpublished artifact is left", detail=str(error))
        if slot := self._window.slot:
            self._steps.retry(lambda: uploads.drop_sync(self._dependencies.frames, slot))
        self._steps.fenced(captures.finish_capture(self._capture_id, self._lease.token))
        self._lease.drop()
        self._steps.retry(lambda: self._dependencies.dispatch.done(self._lease))
        return end

    # --- stopping and failing ------------------------------------------------------------------------

    def _stop_here(self) -> None:
        """Between frames: go on only with the lease, and when told to stop only if the end is near."""
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
        """Whether the capture is closed, and how many frames were accepted, as of now."""
        state = self._steps.retry(lambda: readers.read_summary_sync(self._dependencies.frames, self._capture_id))
        return (state.status == "closed", state.accepted) if state else (False, 0)

    def _frame_s(self) -> float:
        return self._frames_s / self._frames_done if self._frames_done else 0.1

    def _hand_back(self) -> JobEnd:
        """A delivery that does not count; if the broker is away, the lease runs out by itself."""
        try:
            if not run_sync(self._dependencies.frames, captures.hand_back(self._capture_id, self._lease.token)):
                return "lost"
            self._dependencies.dispatch.hand_back(self._lease)
        except (BrokerUnavailable, UnreadableValue) as error:
            self._log.warning("capture not handed back", detail=str(error))
            return "lost"
        return "handed_back"

    def _fail(self) -> JobEnd:
        """Let it be delivered again; not if even its abort failed, which is what came last: it is set aside, and the
        recorder's sweep gives it its outcome."""
        try:
            self._steps.check_lease()
            if is_poison(self._state.deliveries):
                self._log.error("the capture is set aside", deliveries=self._state.deliveries)
                self._lease.drop()
                self._steps.retry(lambda: self._dependencies.dispatch.done(self._lease))
            else:
                self._steps.retry(lambda: self._dependencies.dispatch.hand_back(self._lease))
        except (LeaseLost, Stopped):
            return "lost"
        except UnreadableValue as error:  # its lease runs out; who claims it then finds the same
            self._log.error("the capture cannot be handed back", exc_info=error)
            return "lost"
        return "failed"
