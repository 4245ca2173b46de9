"""``a3cp ingest``: video files and image folders through the capture WebSocket, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from contracts.errors import A3CPError, ConfigurationError
from contracts.ids import is_identifier, is_session_id
from contracts.limits import CaptureLimits
from scripts.client import CaptureClient, CaptureOutcome, StreamState
from scripts.client.explanations import explain
from scripts.clip import Clip, ClipError, open_clip
from scripts.streaming import stream_capture

__all__ = ["IngestRequest", "ingest"]


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to ingest, and as whose. Without a session one is started, and ended afterwards."""

    files: Sequence[Path]
    user_id: str
    gateway_url: str
    token: str | None = None
    session_id: str | None = None
    intent: str | None = None
    fps: int = 15

    def __post_init__(self) -> None:
        if not is_identifier(self.user_id):
            raise ConfigurationError("--user: 1-128 of A-Z a-z 0-9 . _ -, not starting with a dot")
        if self.session_id is not None and not is_session_id(self.session_id):
            raise ConfigurationError("--session: a session id is sess_ and 16 hex digits")
        if self.intent is not None and len(self.intent) > 256:
            raise ConfigurationError("--intent: 256 characters at most")


def ingest(request: IngestRequest, limits: CaptureLimits) -> int:
    """Ingest everything that was asked for; returns 0 if every file was recorded, else 1.

    Raises:
        ClientError: no session could be started.
    """
    return asyncio.run(_ingest(request, limits, Console(), Console(stderr=True)))


async def _ingest(request: IngestRequest, limits: CaptureLimits, out: Console, err: Console) -> int:
    failures = 0
    async with (
        CaptureClient(request.gateway_url, request.token) as client,
        client.session(request.user_id, session_id=request.session_id) as session,
    ):
        out.print(f"session {session.session_id}", highlight=False)
        for path in request.files:
            failures += not await _one(client, request, session.session_id, path, limits, out, err)
    return 1 if failures else 0


async def _one(
    client: CaptureClient,
    request: IngestRequest,
    session_id: str,
    path: Path,
    limits: CaptureLimits,
    out: Console,
    err: Console,
) -> bool:
    try:
        clip = open_clip(path, limits, request.fps)
        with _Bar(clip, out) as bar:
            result = await stream_capture(
                client,
                clip,
                user_id=request.user_id,
                session_id=session_id,
                intent=request.intent,
                on_progress=bar.show,
            )
    except A3CPError as error:
        text = str(error) if isinstance(error, ClipError) else f"{path.name}: {error}"
        err.print(text, style="red", highlight=False, markup=False, soft_wrap=True)
        return False
    if not result.recorded:
        text = f"{path.name}: aborted: {explain(result.error_code)}"
        err.print(text, style="red", highlight=False, markup=False, soft_wrap=True)
        return False
    out.print(_recorded_line(path, result), highlight=False, markup=False, soft_wrap=True)
    return True


def _recorded_line(path: Path, outcome: CaptureOutcome) -> str:
    features = outcome.features
    assert features is not None  # it was recorded
    frames, dims = features.shape
    return f"{path.name}: recorded ({frames}, {dims}) {features.hash} record {outcome.record_id}"


class _Bar:
    """A progress bar: frames extracted of those expected, and what the capture is doing."""

    def __init__(self, clip: Clip, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._expected = clip.expected_frames
        self._task: TaskID = self._progress.add_task(clip.name, total=self._expected or None, state="connecting")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, state: StreamState) -> None:
        total = max(state.sent, 0 if state.closed else self._expected)
        what = "waiting for an extractor" if state.waiting else f"sent {state.sent}, extracted {state.extracted}"
        if state.closed:
            what = f"all {state.sent} frames sent, extracted {state.extracted}"
        self._progress.update(self._task, completed=state.extracted, total=total or None, state=what)
