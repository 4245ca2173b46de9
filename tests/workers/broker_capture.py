"""A capture on two brokers as a gateway leaves it, a fake pipeline, and an extractor's dependencies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
import redis
import simplejpeg

from contracts.broker import keys
from contracts.broker.keys import capture_keys
from contracts.broker.roles import ensure_group_sync
from contracts.broker.script import Call, run_sync
from contracts.process.settings import Settings
from contracts.rules.codes import AbortCode
from contracts.rules.landmarks import LAYOUT, Part
from contracts.rules.limits import CaptureLimits
from contracts.rules.paths import artifact_path
from contracts.state import captures, records, sessions, uploads
from contracts.state.captures import CaptureWindow
from contracts.state.dispatch import DispatchEntry
from contracts.state.events import EventEntry
from contracts.state.frame import ForwardItem, TerminalEntry, push_frame
from contracts.state.records import CaptureRecord
from contracts.state.video import CHUNK_BYTES, StoredVideo
from tests.support.waiting import wait_until
from workers.extract.capture_job import CaptureJob, JobEnd
from workers.extract.dependencies import Dependencies
from workers.extract.dispatch import QUEUES, Claimed, Dispatch
from workers.extract.lease import Timing
from workers.vision.artifact import ArtifactStore
from workers.vision.local_store import LocalStore
from workers.vision.pipelines.base import Findings, Image, PipelineFactory

T = TypeVar("T")

START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
WIDTH, HEIGHT, FPS = 32, 24, 10
QUICK = Timing(lease_ms=5_000, heartbeat_s=0.05, poll_ms=20, read_ms=20, quiet_s=10.0, patience_s=0.3, finish_s=5.0)


@cache
def grey_jpeg(shade: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A picture of one shade."""
    return bytes(simplejpeg.encode_jpeg(np.full((height, width, 3), shade, np.uint8)))


class FakePipeline:
    """Finds a pose and a face in every picture.

    The first value is the number of frames it has seen, which shows a new pipeline; the others are the picture's shade.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.closed = False

    def process(self, image: Image) -> Findings:
        self.seen += 1
        found: dict[Part, Any] = {}
        for part in LAYOUT:
            if part.name in ("pose", "face"):
                shape = (part.landmarks, len(part.coordinates))
                found[part.name] = np.full(shape, image.mean(), np.float32)
                found[part.name][0, 0] = self.seen
        return Findings(found, dict.fromkeys(found, 1.0))

    def reset(self) -> None:
        self.seen = 0

    def close(self) -> None:
        self.closed = True


@dataclass
class BrokerCapture:
    """A capture in the brokers, in a session of its own.

    The test plays the gateway: it opens the capture and pushes its frames. Then it runs a job and reads the results.
    """

    frames: redis.Redis
    events: redis.Redis
    data_root: Path
    unique: str
    limits: CaptureLimits = field(default_factory=CaptureLimits)
    record_id: str = field(default_factory=lambda: str(uuid4()))
    shape: tuple[int, int] = (WIDTH, HEIGHT)
    objects: ArtifactStore | None = None

    def __post_init__(self) -> None:
        self.store = self.objects or LocalStore(self.data_root)
        self.session_id = f"sess_{self.unique}"
        self.window = CaptureWindow(
            capture_id=f"capture-{uuid4().hex}",
            user_id=f"user-{self.unique}",
            session_id=self.session_id,
            record_id=self.record_id,
            timestamp_start=START,
            fps_target=FPS,
            width=self.shape[0],
            height=self.shape[1],
            max_duration_s=120.0,
        )
        self.capture_id = self.window.capture_id
        self.features_dir = artifact_path(self.data_root, self.window.user_id, self.session_id, self.record_id).parent
        self.features_dir.mkdir(parents=True, exist_ok=True)
        self.accepted = 0

    def call(self, call: Call[T]) -> T:
        return run_sync(self.frames if call.role == "frames" else self.events, call)

    def open(self, *, reserve: bool = True) -> BrokerCapture:
        """Reserve, create and dispatch the capture, as the gateway does."""
        if reserve:
            start = EventEntry(b"{}", self.window.user_id, self.session_id, str(uuid4()))
            self.call(sessions.start_session(str(uuid4()), b"{}", start))
            assert self.call(records.reserve(self.window, "socket", 4, START)) == "OK"
        for queue in QUEUES:
            ensure_group_sync(self.frames, "frames", queue, keys.EXTRACTOR_GROUP)
        assert self.call(captures.open_capture(self.window))
        self.dispatch()
        return self

    def upload(self, video: bytes) -> BrokerCapture:
        """Put a video into the broker and open the capture of it, as the gateway does."""
        stored = StoredVideo(upload_id=f"upload-{uuid4().hex}", byte_length=len(video), min_duration_s=2, max_frames=60)
        self.window = self.window.model_copy(update={"video": stored, "fps_target": 15, "width": 640, "height": 480})
        for number in range(-(-len(video) // CHUNK_BYTES)):
            chunk = video[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            self.call(uploads.put(stored.upload_id, number, chunk))
        place = self.window.slot
        assert place is not None
        assert self.call(uploads.take(place, Settings(), complete=True)) == "OK"
        return self.open()

    def video_is_there(self) -> bool:
        """Whether the broker holds a chunk or the slot of the video."""
        place = self.window.slot
        assert place is not None
        return bool(self.frames.exists(keys.uploaded_video(place.upload_id))) or (
            self.frames.zscore(keys.UPLOAD_PLACES, place.member) is not None
        )

    def dispatch(self) -> None:
        self.frames.xadd(self.window.queue, DispatchEntry.of(self.window).encode())  # type: ignore[arg-type]

    def push(self, *payloads: bytes) -> BrokerCapture:
        for payload in payloads:
            self.accepted += 1
            assert not self.call(push_frame(self.item(self.accepted, payload), self.limits)).full
        return self

    def push_greys(self, count: int) -> BrokerCapture:
        return self.push(*(grey_jpeg((self.accepted + index) * 7 % 256) for index in range(count)))

    def item(self, seq: int, payload: bytes) -> ForwardItem:
        window = self.window
        moment = START + timedelta(milliseconds=100 * seq)
        return ForwardItem(
            window.capture_id, seq, moment, payload, "jpeg", window.width, window.height,
            window.user_id, window.session_id,
        )  # fmt: skip

    @property
    def timestamp_end(self) -> datetime:
        return START + timedelta(milliseconds=100 * self.accepted)

    def close(self) -> BrokerCapture:
        self.call(captures.end_stream(self.capture_id, TerminalEntry("close", timestamp_end=self.timestamp_end)))
        return self

    def abort(self, code: AbortCode) -> BrokerCapture:
        self.call(captures.end_stream(self.capture_id, TerminalEntry("abort", error_code=code)))
        return self

    # --- extracting ----------------------------------------------------------------------------------

    def dependencies(
        self, consumer: str, timing: Timing = QUICK, make_pipeline: PipelineFactory = FakePipeline, **more: Any
    ) -> Dependencies:
        dispatch = Dispatch(self.frames, consumer, timing)
        return Dependencies(self.frames, self.events, dispatch, self.store, make_pipeline, timing, **more)

    def take(self, dependencies: Dependencies) -> Claimed:
        """Claim this capture; another one fails the test."""
        claimed = wait_until(dependencies.dispatch.take)
        assert claimed.state.window.capture_id == self.capture_id
        return claimed

    def run(self, dependencies: Dependencies | None = None) -> JobEnd:
        dependencies = dependencies or self.dependencies("one")
        return CaptureJob(dependencies, self.take(dependencies)).run()

    def abandon(self) -> None:
        """Let the lease lapse, as if the extractor that holds it were dead."""
        pending = self.pending()
        assert pending
        for entry in pending:
            self.frames.xclaim(
                self.window.queue, keys.EXTRACTOR_GROUP, "dead", 0, [entry["message_id"]], idle=60_000, justid=True
            )

    # --- results --------------------------------------------------------------------

    def pending(self) -> list[dict[str, Any]]:
        return list(self.frames.xpending_range(self.window.queue, keys.EXTRACTOR_GROUP, "-", "+", 100))  # type: ignore[arg-type]

    def dispatched(self) -> bool:
        entries: Any = self.frames.xrange(self.window.queue)
        return any(fields[b"capture_id"] == self.capture_id.encode() for _, fields in entries)

    def state(self) -> Mapping[bytes, bytes]:
        return dict(self.frames.hgetall(capture_keys(self.capture_id).state))  # type: ignore[arg-type]

    def depth(self) -> int:
        return int(self.frames.xlen(capture_keys(self.capture_id).frames))  # type: ignore[arg-type]

    def record(self) -> CaptureRecord:
        fields: Any = self.events.hgetall(keys.capture_record(self.capture_id))
        return CaptureRecord.decode(fields)

    def published(self) -> list[bytes]:
        entries: Any = self.events.xrange(keys.EVENTS)
        return [fields[b"event"] for _, fields in entries if fields.get(b"capture_id") == self.capture_id.encode()]

    def wait_until_published(self) -> list[bytes]:
        """Wait for the capture's event; fails at once if the capture gets another outcome."""
        return wait_until(self.published, "the capture's event", unless=self.failed)

    def failed(self) -> str:
        """The outcome of a capture that will not be published; empty if it may be."""
        fields: Any = self.events.hgetall(keys.capture_record(self.capture_id))
        record = CaptureRecord.decode(fields) if fields else None
        return f"{record.outcome} {record.error_code}" if record and record.outcome in ("aborted", "dead") else ""

    @property
    def path(self) -> Path:
        return self.features_dir / f"{self.record_id}.npz"

    def files(self) -> list[str]:
        return sorted(path.name for path in self.features_dir.iterdir())


class StoppingPipeline(FakePipeline):
    """Calls ``then`` when it has seen ``after`` frames."""

    def __init__(self, after: int, then: Callable[[], None]) -> None:
        super().__init__()
        self._after = after
        self._then = then

    def process(self, image: Image) -> Findings:
        findings = super().process(image)
        if self.seen == self._after:
            self._then()
        return findings


def quick(**changes: Any) -> Timing:
    return replace(QUICK, **changes)


def stopped() -> threading.Event:
    event = threading.Event()
    event.set()
    return event
