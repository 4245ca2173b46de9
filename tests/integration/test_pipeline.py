"""From JPEGs to a verified artifact and its line, on the whole stack."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest
import simplejpeg

from contracts.messages.quality import Quality
from contracts.rules.landmarks import DIMS, LAYOUT
from contracts.rules.paths import artifact_path, resolve_uri, session_log_path
from scripts.client import CaptureOutcome, StreamState
from scripts.clips.stream import stream_capture
from tests.conftest import BrokerPair, on_one
from tests.integration.stacks import USER, FaceClip, Running, jpegs, running, settings_for
from tests.support.later import Later
from tests.support.messages import Client

solution = Later("mediapipe.python.solutions.holistic")

FRAMES = 36


def bare_mediapipe(frames: list[bytes]) -> np.ndarray:
    """The landmarks of a plain MediaPipe loop for the same JPEGs."""
    rows = np.full((len(frames), DIMS), np.nan, np.float32)
    with solution.Holistic(static_image_mode=False, model_complexity=1) as graph:
        for row, jpeg in zip(rows, frames, strict=True):
            results = graph.process(simplejpeg.decode_jpeg(jpeg))
            for part in LAYOUT:
                found = getattr(results, f"{part.name}_landmarks")
                if found is not None:
                    row[part.columns] = [getattr(mark, name) for mark in found.landmark for name in part.coordinates]
    return rows


async def capture(stack: Running, session_id: str, frames: int = FRAMES, **options: object) -> CaptureOutcome:
    clip = FaceClip(frames)
    return await stream_capture(stack.gateway, clip, user_id=USER, session_id=session_id, **options)  # type: ignore[arg-type]


@on_one("redis")
def test_the_artifact_has_mediapipe_s_own_landmarks_and_is_the_same_after_a_restart_of_everything(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    settings = settings_for(own_brokers, tmp_path)

    async def first() -> tuple[str, list[CaptureOutcome]]:
        async with running(settings) as stack:
            session_id = await stack.gateway.start_session(USER)
            return session_id, [await capture(stack, session_id) for _ in range(2)]

    async def second(session_id: str) -> CaptureOutcome:
        async with running(settings) as stack:
            result = await capture(stack, session_id)  # the session outlived every process
            await stack.gateway.end_session(USER, session_id)
            report = stack.verify(session_id)
            assert report.ok and len(report.captures) == 3
            return result

    session_id, results = asyncio.run(first())
    own_brokers.events.kill()
    own_brokers.events.start()
    results.append(asyncio.run(second(session_id)))

    assert [result.status for result in results] == ["recorded"] * 3
    artifacts = [artifact_path(settings.data_root, USER, session_id, r.record_id).read_bytes() for r in results]
    assert len(set(artifacts)) == 1, "the same clip gave different bytes"
    assert {r.features.hash for r in results if r.features} == {"sha256:" + hashlib.sha256(artifacts[0]).hexdigest()}

    loaded = np.load(artifact_path(settings.data_root, USER, session_id, results[0].record_id), allow_pickle=False)
    expected = bare_mediapipe(jpegs(FRAMES))
    assert loaded["features"].tobytes() == expected.tobytes(), "the features are not MediaPipe's, bit for bit"
    assert not np.isnan(expected[:, LAYOUT[0].columns]).any(), "the clip has no pose in it"
    assert loaded["timestamps_ms"].tolist() == [round(1000 * index / 15) for index in range(FRAMES)]


@on_one("valkey")
def test_one_capture_is_one_event_between_its_sessions_start_and_end(own_brokers: BrokerPair, tmp_path: Path) -> None:
    settings = settings_for(own_brokers, tmp_path)
    start = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)

    async def main() -> tuple[str, CaptureOutcome, dict[str, object]]:
        async with running(settings) as stack:
            session_id = await stack.gateway.start_session(USER)
            result = await capture(stack, session_id, intent="wave", start=start)
            status = await stack.status(result.capture_id)
            await stack.gateway.end_session(USER, session_id)
            return session_id, result, status

    session_id, result, status = asyncio.run(main())
    log = session_log_path(settings.log_root, USER, session_id)
    envelopes = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert [set(envelope) for envelope in envelopes] == [{"recorded_at", "event"}] * 3
    started, event, ended = (envelope["event"] for envelope in envelopes)
    assert (started["event"], ended["event"]) == ("session.start", "session.end")
    artifact = resolve_uri(settings.data_root, event["raw_features_ref"]["uri"]).read_bytes()
    assert event == {
        "schema_version": "1.0.1",
        "record_id": result.record_id,
        "user_id": USER,
        "session_id": session_id,
        "timestamp": "2026-01-31T12:00:02.400Z",
        "modality": "gesture",
        "source": "landmark_extractor",
        "performer_id": "system",
        "capture_id": result.capture_id,
        "timestamp_start": "2026-01-31T12:00:00.000Z",
        "timestamp_end": "2026-01-31T12:00:02.400Z",
        "annotation": {"intent": "wave"},
        "raw_features_ref": {
            "uri": f"users/{USER}/sessions/{session_id}/features/{result.record_id}.npz",
            "hash": "sha256:" + hashlib.sha256(artifact).hexdigest(),
            "format": "npz",
            "dims": 1662,
            "shape": [FRAMES, 1662],
            "dtype": "float32",
            "encoding": "holistic_landmarks_v1;fps=15;max_window_s=120;extractor_tag=0.1.0",
        },
        "quality": quality_of(artifact).model_dump(),
    }
    assert (event["quality"]["verdict"], event["quality"]["reasons"]) == ("poor", ["no_hand"])
    assert status == {
        "capture_id": result.capture_id,
        "user_id": USER,
        "session_id": session_id,
        "record_id": result.record_id,
        "open": False,
        "status": "recorded",
        "state": "kept",
        "accepted": FRAMES,
        "extracted": FRAMES,
        "found": {"pose": FRAMES, "left_hand": 0, "right_hand": 0, "face": FRAMES},
        "raw_features_ref": event["raw_features_ref"],
        "recorded_at": envelopes[1]["recorded_at"],
        "quality": event["quality"],
    }


def quality_of(npz: bytes) -> Quality:
    """The quality of an artifact's arrays, read with numpy alone."""
    with np.load(io.BytesIO(npz), allow_pickle=False) as members:
        times, decoded = members["timestamps_ms"].tolist(), members["decoded"].tolist()
        return Quality.of(members["features"].tobytes(), times, decoded)


@pytest.mark.parametrize("extractors", [1, 2])
@on_one("redis")
async def test_captures_without_a_free_extractor_wait_and_none_aborts(
    own_brokers: BrokerPair, tmp_path: Path, extractors: int
) -> None:
    settings = settings_for(own_brokers, tmp_path).model_copy(update={"extractor_captures": 1})
    async with running(settings, extractors=extractors) as stack:
        session_id = await stack.gateway.start_session(USER)
        states: list[StreamState] = [StreamState()] * 3
        begun: list[tuple[int, list[bool]]] = []  # the claimed capture, and those that were closed by then

        def watch(number: int, state: StreamState) -> None:
            if states[number].waiting and not state.waiting:
                begun.append((number, [other.closed for other in states]))
            states[number] = state

        results = await asyncio.gather(
            *(capture(stack, session_id, 60, on_progress=partial(watch, number)) for number in range(3))
        )
        assert [(result.status, result.extracted) for result in results] == [("recorded", 60)] * 3
        assert sorted(number for number, _ in begun) == [0, 1, 2], "each was told `waiting`, then `extracting`"
        for place, (_, closed) in enumerate(begun):
            assert sum(closed) >= place + 1 - extractors, "a capture was claimed while every extractor was busy"
        report = stack.verify(session_id)
        assert report.ok, report.findings
        assert len(report.captures) == 3


@on_one("valkey")
def test_no_jpeg_byte_is_on_any_disk_afterwards(own_brokers: BrokerPair, tmp_path: Path) -> None:
    settings = settings_for(own_brokers, tmp_path)

    async def main() -> None:
        async with running(settings) as stack:
            session_id = await stack.gateway.start_session(USER)
            assert (await capture(stack, session_id)).recorded
            # cut off in the middle, so that frames are left that were not extracted
            async with stack.gateway.capture_socket() as socket:
                client = Client(user_id=USER, session_id=session_id)
                await socket.send(client.open(width=640, height=480))
                for seq, jpeg in enumerate(jpegs(4), start=1):
                    await socket.send(client.meta(seq, len(jpeg)))
                    await socket.send(jpeg)

    asyncio.run(main())
    folders = [tmp_path, own_brokers.frames.folder, own_brokers.events.folder]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".npz" for path in files) and any(path.suffix == ".jsonl" for path in files)
    assert any("appendonly" in str(path) for path in files), "the events broker's own file was searched"
    for path in files:
        content = path.read_bytes()
        assert b"\xff\xd8\xff" not in content, f"{path} holds the head of a JPEG"
        for jpeg in jpegs(FRAMES):
            middle = len(jpeg) // 2
            assert jpeg[middle : middle + 24] not in content, f"{path} holds bytes of a frame"
