"""One live worker: the frames of many sessions, one after the other, each with its own session's pipeline.

One thread does everything, the heartbeat too, on purpose: a worker that hangs in a frame sends no heartbeat,
and the gateways end its sessions. Each session has at most one frame in the inbox; `LiveQueue` chooses the next one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.broker.keys import live_inbox
from contracts.broker.roles import Broker, BrokerFull, broker_errors
from contracts.broker.script import Call, run_sync
from contracts.messages.live import LiveCode
from contracts.process.logs import get_logger
from contracts.process.retry import repeat_sync
from contracts.process.spans import NO_SPAN, TraceSpan, messaging
from contracts.process.tracing import continue_trace
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.state import live
from contracts.state.live import Answer, LiveFrame
from workers.extract.heartbeat import FrameClock
from workers.live.queue import LiveQueue, frame_cost
from workers.live.sessions import LiveSessions
from workers.metrics import LiveMetrics
from workers.vision.decode import decode_scaled
from workers.vision.pipelines.base import Findings

__all__ = ["LiveTiming", "LiveWorker", "result_text"]

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry's ID and its fields."""

OTHER_RELEASE = "The live worker and the gateway are of different releases; try again."

READ_COUNT = 8
"""Entries read at once: each may hold 5 MiB."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class LiveTiming:
    """Intervals and deadlines. ``alive_s`` is far below `contracts.state.live.SILENT_MS`."""

    alive_s: float = 1.0
    read_ms: int = 500
    """How long a read waits for a frame."""
    unused_s: float = 30.0
    """How long a pipeline is kept for a session that sends nothing."""
    frame_deadline_s: float = 10.0
    """How long a frame may take before the process ends itself."""
    backoff_s: float = 1.0
    """How long at most a broker that is away is left alone: live sessions do not wait for long."""


class LiveWorker:
    """Answers frames until ``stop`` is set. ``name`` is its own in the broker."""

    def __init__(
        self,
        frames: Broker,
        name: str,
        sessions: LiveSessions,
        *,
        timing: LiveTiming,
        clock: FrameClock,
        stop: threading.Event,
        metrics: LiveMetrics | None = None,
    ) -> None:
        self._frames = frames
        self._name = name
        self._inbox = live_inbox(name)
        self._sessions = sessions
        self._timing = timing
        self._clock = clock
        self._stop = stop
        self._metrics = metrics or LiveMetrics()
        self._alive_at_s = 0.0
        self._failures = 0
        self._queue = LiveQueue()
        self._unsent: Call[Any] | None = None

    def run(self) -> None:
        """Answer frames. While the broker is away, retry with backoff; the frame or answer in hand is lost, and the
        session's gateway reports that at its deadline."""
        repeat_sync(self._run_turn, self._failed, stop=self._stop, longest_pause_s=self._timing.backoff_s)
        self._sessions.close()

    def _run_turn(self) -> None:
        self.turn()
        if self._failures:
            log.info("the frames broker is back", failures=self._failures)
        self._failures = 0

    def _failed(self, error: Exception, _delay_s: float) -> None:
        if not isinstance(error, BrokerUnavailable):
            self._metrics.background.note("live_worker", error)
        else:
            if not self._failures:
                log.warning("the frames broker is away", detail=str(error))
            self._alive_at_s = 0.0  # send a heartbeat before anything else
        self._failures += 1

    def turn(self) -> None:
        """Send a heartbeat if one is due, and answer the next frame if one comes within ``read_ms``.

        Raises:
            BrokerUnavailable: the broker is away.
        """
        if time.monotonic() >= self._alive_at_s:
            self._send_heartbeat()
        self._send_answer()
        try:
            last = self._read_inbox()
        except UnreadableValue:  # the error of this worker's own inbox
            with broker_errors("frames"):
                self._frames.delete(self._inbox)
            raise
        entry_id = self._queue.next()
        if entry_id is None:
            return
        entry = last if last is not None and last[0] == entry_id else self._fetched(entry_id)
        if entry is not None:
            self._take(*entry)

    def _read_inbox(self) -> Entry | None:
        """Queue every new entry; returns the last one. It blocks only if no frame is queued."""
        last: Entry | None = None
        block_ms = None if self._queue else self._timing.read_ms
        while found := self._read(last[0] if last else self._queue.last_id, READ_COUNT, block_ms):
            for last in found:
                self._enqueue(*last)
            if len(found) < READ_COUNT:
                break
            block_ms = None
        return last

    def _read(self, after: bytes, count: int, block_ms: int | None) -> list[Entry]:
        """Read up to ``count`` entries after the ID ``after``. Wait up to ``block_ms`` for the first."""
        with broker_errors("frames"):
            streams: Any = self._frames.xread({self._inbox: after}, count=count, block=block_ms)
        return list(streams[0][1]) if streams else []

    def _enqueue(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        """Queue the entry. Its picture is read again at its turn, so that few pictures are in memory."""
        try:
            frame = _decoded(entry_id, fields)
        except OtherFormat as error:
            self._refuse(entry_id, fields, error)
            return
        if frame is None:
            run_sync(self._frames, live.drop(self._inbox, [entry_id]))
        else:
            self._queue.add(entry_id, frame.live_id, frame_cost(frame.payload))

    def _refuse(self, entry_id: bytes, fields: Mapping[bytes, bytes], error: OtherFormat) -> None:
        """Answer a frame of another release with an error: no other worker reads this inbox, so its client must not
        wait, and connects again."""
        self._metrics.left.inc()
        log.warning("a live frame of another release is refused", why=error.why)
        run_sync(self._frames, live.drop(self._inbox, [entry_id]))
        sender = live.sender_of(fields)
        if sender is not None:
            answer = Answer(sender.live_id, sender.frame_index, OTHER_RELEASE.encode(), "pipeline_failure")
            run_sync(self._frames, live.put_answer(sender.gateway, answer))

    def _fetched(self, entry_id: bytes) -> Entry | None:
        """Read a queued entry again; None if its session left meanwhile and deleted it."""
        found = self._read(_just_before(entry_id), 1, None)
        return found[0] if found and found[0][0] == entry_id else None

    def _send_heartbeat(self) -> None:
        listed = run_sync(self._frames, live.alive(self._name))
        now_s = time.monotonic()
        self._alive_at_s = now_s + self._timing.alive_s
        with self._clock.frame():  # closing a pipeline waits for its threads
            self._sessions.keep(listed, now_s - self._timing.unused_s)
        self._queue.keep(listed)
        self._metrics.graphs.set(len(self._sessions))

    def _take(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        """Answer an entry. Delete it first: after a worker has ended, the gateway sends the frames in its inbox to
        another one."""
        frame = LiveFrame.decode(fields)
        run_sync(self._frames, live.drop(self._inbox, [entry_id]))
        with _span(frame) as span:
            with self._clock.frame():
                answer = self._work(frame, span)
            self._unsent = live.put_answer(frame.gateway, answer)
            with span.child("answer", "producer"):
                self._send_answer()
            span.end(answer.error or "")
        if answer.error:
            self._metrics.failed.labels(answer.error).inc()
        else:
            self._metrics.frames.labels(frame.pipeline_id).inc()
        self._metrics.graphs.set(len(self._sessions))

    def _send_answer(self) -> None:
        """Send the pending answer, if there is one. After a broker was away it is sent again, maybe twice. A full
        broker gets none, and the session's gateway reports that at its deadline."""
        if self._unsent is None:
            return
        try:
            run_sync(self._frames, self._unsent)
        except BrokerFull:
            self._unsent = None
            raise
        self._unsent = None

    def _work(self, frame: LiveFrame, span: TraceSpan) -> Answer:
        """The answer to a frame. The worker does not check whether the session is still open: a session that leaves
        deletes its frame, and after a broker restarted empty it is listed only when its gateway renews."""
        started_s = time.perf_counter()
        with span.child("decode"):
            image = decode_scaled(frame.payload)
        decode_ms = _ms_since(started_s)
        self._metrics.decode.observe(decode_ms / 1000)
        if image is None:
            return _failed(frame, "invalid_frame", "The frame is not a JPEG that can be decoded.")
        try:
            pipeline = self._sessions.pipeline(frame.live_id, frame.pipeline_id, time.monotonic())
            started_s = time.perf_counter()
            with span.child("inference"):
                findings = pipeline.process(image)
            inference_ms = _ms_since(started_s)
            self._metrics.inference.labels(frame.pipeline_id).observe(inference_ms / 1000)
            text = result_text(frame.pipeline_id, findings, decode_ms, inference_ms)
        except Exception as error:
            log.error("pipeline failed", live_id=frame.live_id, pipeline_id=frame.pipeline_id, exc_info=error)
            self._sessions.discard(frame.live_id)  # a pipeline that raised cannot be used again
            return _failed(frame, "pipeline_failure", "The pipeline failed on this frame.")
        return Answer(frame.live_id, frame.frame_index, text)


def _span(frame: LiveFrame) -> TraceSpan:
    """The worker's part of the trace of a frame, if it is traced."""
    if not frame.traceparent:
        return NO_SPAN
    return continue_trace("work", frame.traceparent, messaging(live_inbox("<worker>"), "process"), keep=True)


def result_text(pipeline_id: str, findings: Findings, decode_ms: float, inference_ms: float) -> bytes:
    """A `contracts.messages.live.PipelineResult` as JSON. A landmark is its float32 in the fewest digits."""
    result = {
        "pipeline": pipeline_id,
        "landmarks": dict(findings.landmarks),
        "detections": [vars(detection) for detection in findings.detections],
        "timing_ms": {"decode": decode_ms, "inference": inference_ms},
    }
    return orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY)


def _decoded(entry_id: bytes, fields: Mapping[bytes, bytes]) -> LiveFrame | None:
    try:
        return LiveFrame.decode(fields)
    except (ValueError, KeyError) as error:  # the error's text could quote the entry
        log.warning("an entry of the inbox is no frame", entry_id=entry_id.decode(), error=type(error).__name__)
        return None


def _just_before(entry_id: bytes) -> bytes:
    """The largest ID below this one: a read after it begins with the entry."""
    milliseconds, number = map(int, entry_id.split(b"-"))
    return b"%d-%d" % ((milliseconds, number - 1) if number else (milliseconds - 1, 2**64 - 1))


def _failed(frame: LiveFrame, code: LiveCode, sentence: str) -> Answer:
    return Answer(frame.live_id, frame.frame_index, sentence.encode(), code)


def _ms_since(started_s: float) -> float:
    return round(1000 * (time.perf_counter() - started_s), 3)
