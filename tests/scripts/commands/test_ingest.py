"""Ingest on a real stack: recorded captures, refused ones, and the printed lines."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from rich.console import Console

from contracts.messages.http import CaptureReport
from contracts.rules.limits import CaptureLimits
from contracts.rules.paths import session_log_path
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import replay, verify_log
from scripts.client import CaptureClient, CaptureOutcome, ClientError, StreamState, UsageError
from scripts.clips.clip import Clip, ClipError, ClipFrame
from scripts.clips.sample import SampleSource
from scripts.clips.stream import stream_capture
from scripts.commands.ingest import IngestRequest, PatientConsole, _ingest
from scripts.commands.inspect import inspect
from scripts.stack.stack import Stack
from tests.scripts.clips.videos import make_folder, make_video
from tests.scripts.stack.test_stack import settings_in
from tests.support.prestarted import prestarted
from tests.support.waiting import DEADLINE_S, until

Test = Callable[[Stack, CaptureClient], Coroutine[None, None, None]]
OnStack = Callable[[Test], None]


@pytest.fixture(scope="module")
def on_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnStack]:
    """Runs a test's coroutine on a stack that the module's tests share; its loop stops between tests."""
    with asyncio.Runner() as runner:
        stack = Stack(settings_in(tmp_path_factory.mktemp("stack")))
        with prestarted():
            runner.run(stack.start())
            runner.run(stack.ready(DEADLINE_S))

        async def with_gateway(test: Test) -> None:
            async with CaptureClient(stack.address) as gateway:
                await test(stack, gateway)

        yield lambda test: runner.run(with_gateway(test))
        runner.run(stack.stop())


async def ask(stack: Stack, *files: Path, session_id: str | None = None) -> tuple[int, str, str]:
    out, err = Console(file=io.StringIO(), width=200), Console(file=io.StringIO(), width=200)
    request = IngestRequest(files, "u", stack.address, session_id=session_id, intent="wave", consent_given=True)
    code = await _ingest(request, CaptureLimits(), out, err)
    return code, out.file.getvalue(), err.file.getvalue()  # type: ignore[attr-defined]


def test_files_and_folders_become_verified_captures_of_one_session(tmp_path: Path, on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        video = make_video(tmp_path / "v.mp4", frames=60, rotation=90)
        folder = make_folder(tmp_path / "f", images=30)
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"no video")
        code, out, err = await ask(stack, video, broken, folder, video)
        assert code == 1  # one of them failed
        assert err.splitlines() == [
            "broken.mp4: not a video that can be read",
            "v.mp4: the same bytes as v.mp4; they are recorded again",
        ]
        session, *recorded = out.splitlines()
        session_id = session.removeprefix("session ")
        assert [line.split()[0] for line in recorded] == ["v.mp4:", "f:", "v.mp4:"]
        assert recorded[0].split("record ")[0] == recorded[2].split("record ")[0]  # the same file, the same bytes
        log = session_log_path(stack.settings.log_root, "u", session_id)
        report = verify_log(log, ArtifactSource.of(stack.settings))
        assert report.ok
        assert [facts.shape for facts in report.captures] == [(30, 1662)] * 3
        assert log.read_text().splitlines()[-1].count('"event":"session.end"') == 1
        assert log.read_text().count('"annotation":{"intent":"wave"}') == 3
        events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        sources = {event["capture_id"]: event for event in events if event.get("event") == "capture.source"}
        captures = [event for event in events if "raw_features_ref" in event]
        assert [sources[capture["capture_id"]]["file_name"] for capture in captures] == ["v.mp4", "f", "v.mp4"]
        assert sources[captures[0]["capture_id"]]["file_hash"] == f"sha256:{sha256(video.read_bytes()).hexdigest()}"
        now = datetime.now(UTC)
        assert all(datetime.fromisoformat(capture["timestamp_end"]) <= now for capture in captures)

    on_stack(test)


def test_the_files_are_checked_before_a_session_is_opened(tmp_path: Path, on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        logs_before = list(stack.settings.log_root.rglob("*.jsonl"))
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"no video")
        code, out, err = await ask(stack, tmp_path / "nosuch.mp4", broken)
        assert (code, out) == (1, "")
        assert [line.split(": ")[1] for line in err.splitlines()] == [
            "there is no such file or folder",
            "not a video that can be read",
        ]
        assert list(stack.settings.log_root.rglob("*.jsonl")) == logs_before

    on_stack(test)


def test_any_file_name_is_shown_and_recorded_and_cannot_steer_the_terminal(tmp_path: Path, on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        names = [b"caf\xe9.mp4", b"\x1b[31m.mp4", b"[red]x[bold].mp4"]
        videos = []
        for index, name in enumerate(names):
            made = make_video(tmp_path / f"{index}.mp4", frames=30 + index, fps=15)
            videos.append(made.rename(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
        code, out, err = await ask(stack, *videos)
        assert (code, err) == (0, "")
        shown = ["caf\\udce9.mp4", "\\x1b[31m.mp4", "[red]x[bold].mp4"]
        session, *recorded = out.splitlines()
        assert [line.split(": recorded")[0] for line in recorded] == shown
        log = session_log_path(stack.settings.log_root, "u", session.removeprefix("session "))
        events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        assert [event["file_name"] for event in events if "file_name" in event] == shown

    on_stack(test)


class Gone(io.StringIO):
    """An output to which every write fails."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_an_output_that_cannot_be_written_stops_no_capture(tmp_path: Path, on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        logs_before = set(stack.settings.log_root.rglob("*.jsonl"))
        videos = (make_video(tmp_path / "a.mp4", frames=30, fps=15), tmp_path / "nosuch.mp4")
        request = IngestRequest([*videos, videos[0]], "u", stack.address, device_id="camera-2", consent_given=False)
        out, err = PatientConsole(file=Gone()), PatientConsole(file=Gone())
        assert await _ingest(request, CaptureLimits(), out, err) == 1
        (log,) = set(stack.settings.log_root.rglob("*.jsonl")) - logs_before
        events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        captures = [event for event in events if "raw_features_ref" in event]
        assert [event["device_id"] for event in [events[0], *captures]] == ["camera-2"] * 3

    on_stack(test)


def test_a_session_that_is_named_is_left_open_and_an_unknown_one_aborts(tmp_path: Path, on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        folder = make_folder(tmp_path / "f", images=30)
        session_id = await gateway.start_session("u")
        assert (await ask(stack, folder, session_id=session_id))[0] == 0
        await gateway.end_session("u", session_id)
        code, _, err = await ask(stack, folder, session_id=session_id)
        assert (code, err) == (1, "f: aborted: session_closed: The session has ended.\n")
        code, _, err = await ask(stack, folder, session_id="sess_" + "0" * 16)
        assert (code, err) == (1, "f: aborted: session_invalid: This user has no session with this id.\n")

    on_stack(test)


class Broken(Clip):
    """A clip whose frames fail after one second."""

    name, width, height, fps_target, expected_frames = "broken", 640, 480, 15, 120

    def frames(self) -> Iterator[ClipFrame]:
        for index, frame in enumerate(SampleSource(duration_s=2).frames()):
            if index == 15:
                raise ClipError("broken: the video is damaged")
            yield frame


def test_a_clip_that_fails_on_the_way_aborts_its_capture(on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        session_id = await gateway.start_session("u")
        with pytest.raises(ClipError, match="damaged"):
            await stream_capture(gateway, Broken(), user_id="u", session_id=session_id, capture_id="lost")

        async def aborted() -> CaptureReport | None:
            record = await gateway.capture("lost")
            return record if record is not None and record.status == "aborted" else None

        record = await until(aborted, "the capture is aborted")
        assert record is not None and record.error_code == "client_disconnected"

    on_stack(test)


class Damaged(Broken):
    """A clip without a readable frame."""

    def frames(self) -> Iterator[ClipFrame]:
        raise ClipError("damaged: not one frame")
        yield


def test_a_capture_is_opened_only_once_its_first_frame_is_there(on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        session_id = await gateway.start_session("u")
        with pytest.raises(ClipError, match="not one frame"):
            await stream_capture(gateway, Damaged(), user_id="u", session_id=session_id, capture_id="never")
        assert await gateway.capture("never") is None

    on_stack(test)


class Narrow(SampleSource):
    """A clip that declares another width than its frames have."""

    width = 320

    def frames(self) -> Iterator[ClipFrame]:
        return SampleSource(duration_s=2).frames()


class Slow(SampleSource):
    """A clip with a frame every five seconds of event time."""

    def frames(self) -> Iterator[ClipFrame]:
        for index, frame in enumerate(super().frames()):
            yield ClipFrame(5000 * index, frame.jpeg)


def test_a_capture_that_breaks_a_rule_is_a_result_with_its_code(on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        session_id = await gateway.start_session("u")
        result = await stream_capture(gateway, Slow(), user_id="u", session_id=session_id)
        assert (result.recorded, result.error_code) == (False, "limit_duration_exceeded")
        with pytest.raises(UsageError, match="this frame is 640 × 480, the capture was opened with 320 × 480"):
            await stream_capture(gateway, Narrow(), user_id="u", session_id=session_id)

    on_stack(test)


def test_a_capture_that_waits_is_shown_as_waiting_and_is_recorded_in_its_turn(on_stack: OnStack) -> None:
    async def test(stack: Stack, gateway: CaptureClient) -> None:
        session_id = await gateway.start_session("u")
        clip = SampleSource(duration_s=6)
        states: dict[str, list[StreamState]] = {"one": [], "two": []}

        async def stream(name: str) -> CaptureOutcome:
            show = states[name].append
            return await stream_capture(
                gateway, clip, user_id="u", session_id=session_id, capture_id=name, on_progress=show
            )

        async with asyncio.TaskGroup() as tasks:
            running = {name: tasks.create_task(stream(name)) for name in states}
        results = [task.result() for task in running.values()]
        assert all(result.recorded for result in results)
        assert len({result.features.hash for result in results if result.features}) == 1
        waited = [any(s.waiting and s.progress for s in seen) for seen in states.values()]
        assert any(waited)
        assert all(s.sent == 0 for seen in states.values() for s in seen if s.waiting)
        deepest = max(s.progress.backlog for seen in states.values() for s in seen if s.progress)
        assert deepest < stack.settings.capture.stream_max_frames
        for result in results:
            facts = replay(
                result.record_id, "u", session_id, ArtifactSource.of(stack.settings), stack.settings.log_root
            )
            assert facts.shape == (90, 1662)
        out = Console(file=io.StringIO(), width=100)
        assert await asyncio.to_thread(inspect, stack.settings, out) == 0
        text = out.file.getvalue()  # type: ignore[attr-defined]
        assert "0 in flight" in text
        assert "is active" in text

    on_stack(test)


async def test_a_gateway_that_is_away_is_one_sentence() -> None:
    async with CaptureClient("http://127.0.0.1:1") as gateway:
        with pytest.raises(ClientError, match="is `a3cp up` running"):
            await gateway.start_session("u")
        with pytest.raises(ClientError, match="is `a3cp up` running"):
            await stream_capture(gateway, SampleSource(), user_id="u", session_id="sess_" + "0" * 16)
