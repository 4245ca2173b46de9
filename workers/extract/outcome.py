"""The outcome of one capture: publish it or abort it, once, then remove everything else that the brokers hold of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from contracts.broker.keys import EVENTS
from contracts.messages.event import FeatureRefEvent, RawFeaturesRef
from contracts.messages.quality import Quality
from contracts.process.spans import NO_SPAN, TraceSpan, messaging
from contracts.rules.codes import VideoCode
from contracts.rules.errors import ArtifactError, ArtifactTaken, BrokerUnavailable, LeaseLost, UnreadableValue
from contracts.rules.ids import SCHEMA_VERSION
from contracts.state import captures, erasures, failed, records, uploads
from contracts.state.captures import CaptureWindow
from contracts.state.events import EventEntry, event_bytes
from contracts.state.frame import TerminalEntry
from contracts.state.records import CaptureCounts
from workers.extract.dependencies import Dependencies
from workers.extract.dispatch import Claimed
from workers.extract.lease import Steps
from workers.metrics import JobEnd
from workers.vision.artifact import artifact_exists, erase_late_artifact, remove_artifact, write_artifact
from workers.vision.matrix import FeatureMatrix

__all__ = ["OutcomeWriter", "feature_ref_event"]


def feature_ref_event(
    window: CaptureWindow, timestamp_end: datetime, ref: RawFeaturesRef, quality: Quality | None = None
) -> FeatureRefEvent:
    """The one event of a completed capture. The same arguments always give the same event."""
    return FeatureRefEvent(
        schema_version=SCHEMA_VERSION,
        record_id=window.record_id,
        user_id=window.user_id,
        session_id=window.session_id,
        timestamp=timestamp_end,
        capture_id=window.capture_id,
        timestamp_start=window.timestamp_start,
        timestamp_end=timestamp_end,
        annotation=window.annotation,
        device_id=window.device_id,
        consent_given=window.consent_given,
        consent=window.consent,
        is_demo=window.is_demo,
        raw_features_ref=ref,
        quality=quality,
        recorded_by=window.recorded_by,
    )


class OutcomeWriter:
    """Gives one claimed capture its outcome. Every method raises as `Steps` does, and may be repeated."""

    def __init__(
        self, dependencies: Dependencies, claimed: Claimed, steps: Steps, log: Any, span: TraceSpan = NO_SPAN
    ) -> None:
        self._span = span
        self._dependencies = dependencies
        self._claimed = claimed
        self._window = claimed.state.window
        self._steps = steps
        self._log = log

    def publish(
        self, window: CaptureWindow, timestamp_end: datetime, matrix: FeatureMatrix, counts: CaptureCounts
    ) -> JobEnd:
        """Write the artifact and publish the event, unless the capture was aborted meanwhile. ``window`` has the rate
        and the size of an uploaded video, if there is one.

        Raises:
            ArtifactTaken: another capture's artifact is there.
            FolderMissing: the session's features folder is missing.
        """
        if self._claimed.state.generation > 1 and self._steps.retry(self._is_erased):
            return self._finish("published", self._erase)  # by an earlier extractor, which may also have written late
        try:
            with self._span.child("artifact"):
                ref, quality = self._write(window, matrix), matrix.quality()
            self._steps.check_lease()
        except LeaseLost:
            self._remove_if_erased()
            raise
        event = event_bytes(feature_ref_event(window, timestamp_end, ref, quality))
        with self._span.child("publish", "producer", messaging(EVENTS, "send")) as span:
            entry = EventEntry(
                event, window.user_id, window.session_id, window.record_id, window.capture_id,
                traceparent=span.traceparent,
            )  # fmt: skip
            outcome = self._steps.call(records.publish(entry, counts))
        if outcome.outcome == "published":
            return self._finish("published") if outcome.new else self._finish_published()
        self._log.warning("the capture was aborted meanwhile", error_code=outcome.error_code)
        return self._finish("aborted", partial(self._remove, matrix))

    def _is_erased(self) -> bool:
        return erasures.has_begun(self._dependencies.events, self._window.capture_id)

    def _remove_if_erased(self) -> None:
        """The lease is lost, and the artifact may be written. If the capture was published by its next owner and erased
        since, it must not be there again."""
        try:
            if self._is_erased():
                self._erase()
        except (ArtifactError, BrokerUnavailable, UnreadableValue) as error:
            self._log.error("an erased artifact may be there again; see a3cp verify", detail=str(error))

    def _erase(self) -> None:
        erase_late_artifact(self._dependencies.store, self._window)

    def _remove(self, matrix: FeatureMatrix) -> None:
        remove_artifact(self._dependencies.store, self._window, matrix)

    def _write(self, window: CaptureWindow, matrix: FeatureMatrix) -> RawFeaturesRef:
        store = self._dependencies.store
        # once, before the first attempt: a later attempt may find what an earlier one made
        if self._claimed.state.generation == 1 and self._steps.retry_store(lambda: artifact_exists(store, window)):
            raise ArtifactTaken("no extractor had this capture before, yet there is an artifact")
        return self._steps.retry_store(lambda: write_artifact(store, window, matrix, self._steps.check_lease))

    def abort(self, code: VideoCode, counts: CaptureCounts, unpublished: FeatureMatrix | None = None) -> JobEnd:
        """Abort the capture, unless it has an outcome already; returns the outcome that it has. ``unpublished`` is the
        matrix whose artifact an earlier extractor may have written: an aborted capture keeps none."""
        capture_id = self._window.capture_id
        self._steps.check_lease()
        outcome = self._steps.call(records.abort(self._window.user_id, capture_id, code, counts))
        self._steps.call(captures.end_stream(capture_id, TerminalEntry("abort", error_code=code)))
        if outcome.outcome == "published":
            return self._finish_published()
        self._log.info("capture aborted", error_code=outcome.error_code or code)
        is_failed = (outcome.outcome, outcome.error_code) == ("aborted", "extraction_failed")
        clear = partial(self._remove, unpublished) if unpublished is not None else None
        return self._finish("aborted", clear, keep=is_failed and self._window.slot is None)

    def _finish_published(self) -> JobEnd:
        """An earlier extractor published the capture. If it was erased since, no artifact may be there."""
        return self._finish("published", self._erase if self._steps.retry(self._is_erased) else None)

    def _finish(self, end: JobEnd, clear: Callable[[], None] | None = None, *, keep: bool = False) -> JobEnd:
        """The outcome is set: ``clear`` away an artifact that must not be there, drop the frames-role keys, or ``keep``
        them for an operator for a while, acknowledge."""
        frames, lease = self._dependencies.frames, self._steps.lease
        if clear is not None:
            try:
                self._steps.retry_store(clear)
            except ArtifactError as error:
                self._log.error("an unpublished artifact is left", detail=str(error))
        if slot := self._window.slot:
            self._steps.retry(lambda: uploads.drop_sync(frames, slot))
        if not (keep and self._keep()):
            self._steps.fenced(captures.finish_capture(self._window.capture_id, lease.token))
        self._steps.retry(lambda: lease.acknowledge(frames))
        return end

    def _keep(self) -> bool:
        """Set the failed capture aside for an operator, if that is wanted, there is room and all frames are there. A
        crash between the steps leaves a slot without a capture, or a capture that the next extractor sets aside."""
        bounds, capture_id, lease = self._dependencies.keep, self._window.capture_id, self._steps.lease
        if not bounds.ttl_s:
            return False
        size = self._steps.retry(lambda: failed.read_size(self._dependencies.frames, capture_id))
        slot = failed.FailedSlot(capture_id, size, self._window.user_id)
        removed = self._steps.call(failed.take_slot(slot, bounds))
        if removed is None:
            self._log.warning("a failed capture is too large to be kept", size_bytes=size)
            return False
        for other in removed:
            self._steps.call(failed.drop_failed(other))
            self._log.warning("a failed capture is lost, to make room", lost_capture_id=other)
        lease.drop()  # a heartbeat would make the keys live longer
        kept = self._steps.call(failed.keep_failed(capture_id, lease.token, bounds.ttl_s))
        if kept == "lost":
            lease.confirm(False)
        if kept == "kept":
            self._log.info("a failed capture is kept", seconds=bounds.ttl_s)
        return kept == "kept"
