"""``a3cp ingest``: send video files and image folders through the capture WebSocket, one after the other.

Every file is checked before a session is opened. For each capture the session's log also gets an event with
``"event": "capture.source"``, which has the file's name and the hash of its bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from contracts.rules.errors import A3CPError, ConfigurationError
from contracts.rules.ids import is_identifier, is_session_id
from contracts.rules.limits import CaptureLimits
from scripts.client import CaptureClient, CaptureOutcome, StreamState
from scripts.client.explanations import explain
from scripts.client.session import SessionAbout
from scripts.clips.clip import IMAGE_SUFFIXES, Clip, ClipError, open_clip
from scripts.clips.stream import stream_capture
from scripts.terminal import printable

__all__ = ["IngestRequest", "PatientConsole", "ingest", "read_consent"]


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """The arguments of `a3cp ingest`. Without a session, `ingest` starts one and ends it afterwards."""

    files: Sequence[Path]
    user_id: str
    gateway_url: str
    token: str | None = None
    trust: ssl.SSLContext | None = None
    session_id: str | None = None
    intent: str | None = None
    device_id: str | None = None
    consent_given: bool | None = None
    fps: int = 15

    def __post_init__(self) -> None:
        if not is_identifier(self.user_id):
            raise ConfigurationError("--user: 1-128 of A-Z a-z 0-9 . _ -, not starting with a dot")
        if self.session_id is not None and not is_session_id(self.session_id):
            raise ConfigurationError("--session: a session id is sess_ and 16 hex digits")
        if self.intent is not None and len(self.intent) > 256:
            raise ConfigurationError("--intent: 256 characters at most")


def read_consent(answer: str) -> bool | None:
    """Read the value of ``--consent``; None for ``unknown``.

    Raises:
        ConfigurationError: it is another value.
    """
    answers = {"yes": True, "no": False, "unknown": None}
    if answer not in answers:
        raise ConfigurationError("--consent: yes, no or unknown")
    return answers[answer]


def ingest(request: IngestRequest, limits: CaptureLimits) -> int:
    """Ingest every file; returns 0 if every file was recorded, else 1.

    Raises:
        ClientError: the session could not be started.
    """
    return asyncio.run(_ingest(request, limits, PatientConsole(), PatientConsole(stderr=True)))


class PatientConsole(Console):
    """A console whose closed pipe does not end the process, as rich's own does."""

    def on_broken_pipe(self) -> None:
        """Ignore that the reader has closed the pipe: the captures go on."""


async def _ingest(request: IngestRequest, limits: CaptureLimits, out: Console, err: Console) -> int:
    output = _Output(out, err)
    async with CaptureClient(request.gateway_url, request.token, trust=request.trust) as client:
        files = [path for path in request.files if _can_be_captured(path, request, limits, output)]
        if not files:
            return 1
        failures = len(request.files) - len(files)
        if request.consent_given is None:
            output.problem("consent unknown: exports hold these captures back", style="yellow")
        about: SessionAbout = {"device_id": request.device_id, "consent_given": request.consent_given}
        async with client.session(request.user_id, session_id=request.session_id, **about) as session:
            output.line(f"session {session.session_id}")
            for path in files:
                failures += not await _ingest_file(client, request, session.session_id, path, limits, output)
        return 1 if failures else 0


def _can_be_captured(path: Path, request: IngestRequest, limits: CaptureLimits, output: _Output) -> bool:
    try:
        open_clip(path, limits, request.fps)
    except ClipError as error:
        output.problem(str(error))
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Output:
    """Prints lines for the operator. A terminal, pipe or file that does not accept them stops no capture."""

    out: Console
    err: Console
    names_by_hash: dict[str, str] = field(default_factory=dict)
    """The names of the files so far, by the hash of their bytes."""

    def line(self, text: str) -> None:
        with suppress(OSError):
            self.out.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    def problem(self, text: str, style: str = "red") -> None:
        with suppress(OSError):
            self.err.print(printable(text), style=style, highlight=False, markup=False, soft_wrap=True)

    def warn_of_repeat(self, name: str, file_hash: str) -> None:
        """Print a warning if this call has ingested the same bytes before."""
        if file_hash in self.names_by_hash:
            self.problem(
                f"{name}: the same bytes as {self.names_by_hash[file_hash]}; they are recorded again", style="yellow"
            )
        self.names_by_hash[file_hash] = name


async def _ingest_file(
    client: CaptureClient, request: IngestRequest, session_id: str, path: Path, limits: CaptureLimits, output: _Output
) -> bool:
    name = _name(path)
    try:
        clip = open_clip(path, limits, request.fps)
        file_hash = await asyncio.to_thread(_hash, path)
        output.warn_of_repeat(name, file_hash)
        with _Bar(clip, output.out) as bar:
            result = await stream_capture(
                client,
                clip,
                user_id=request.user_id,
                session_id=session_id,
                intent=request.intent,
                device_id=request.device_id,
                consent_given=request.consent_given,
                on_progress=bar.show,
                resend=True,
            )
    except (A3CPError, OSError) as error:
        output.problem(str(error) if isinstance(error, ClipError) else f"{name}: {error}")
        return False
    if not result.recorded:
        output.problem(f"{name}: aborted: {explain(result.error_code)}")
        return False
    output.line(_recorded_line(name, result))
    if result.resend_of:
        output.problem(f"{name}: the connection was lost; sent again and recorded once", style="yellow")
    try:
        await client.append(_source_event(result, name, file_hash))
    except A3CPError as error:
        output.problem(f"{name}: recorded, but its name is not in the log: {error}", style="yellow")
    return True


def _name(path: Path) -> str:
    """The last part of a path, with control characters escaped: it is shown, and written to the log."""
    return printable(path.name or path.absolute().name or str(path))


def _hash(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a folder: over the hashes of its images in the order of their names."""
    if not path.is_dir():
        return f"sha256:{_digest(path).hex()}"
    images = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    return f"sha256:{hashlib.sha256(b''.join(map(_digest, images))).hexdigest()}"


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _source_event(outcome: CaptureOutcome, name: str, file_hash: str) -> dict[str, Any]:
    """The event that names the capture's file. An `A3CPMessage` may have fields of its own, and the log keeps them."""
    return {
        "user_id": outcome.user_id,
        "session_id": outcome.session_id,
        "source": "ingest",
        "event": "capture.source",
        "capture_id": outcome.capture_id,
        "file_name": name,
        "file_hash": file_hash,
    }


def _recorded_line(name: str, outcome: CaptureOutcome) -> str:
    features = outcome.features
    assert features is not None  # a recorded capture has an artifact
    frames, dims = features.shape
    return f"{name}: recorded ({frames}, {dims}) {features.hash} record {outcome.record_id}"


class _Bar:
    """A progress bar: how many of the expected frames are extracted, and the capture's state."""

    def __init__(self, clip: Clip, console: Console) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),  # a file may be named [red]
            BarColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._expected = clip.expected_frames
        self._task: TaskID = self._progress.add_task(
            printable(clip.name), total=self._expected or None, state="connecting"
        )

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
        if state.lost:
            what = "connection lost, sending again"
        self._progress.update(self._task, completed=state.extracted, total=total or None, state=what)
