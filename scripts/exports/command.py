"""``a3cp export``: take the options, show the progress, print the result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import track

from contracts.process.settings import Settings
from contracts.storage.artifacts import ArtifactSource
from scripts.commands.session_logs import find_logs
from scripts.exports.capture import VerifiedCapture
from scripts.exports.folder import Draft, ExportError, ExportResult
from scripts.exports.formats import conversion
from scripts.exports.sessions import Choice, Selection
from scripts.terminal import printable

__all__ = ["ExportRequest", "export"]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The options of `a3cp export`. Without ``sessions`` it exports all sessions, with ``user_id`` only that user's."""

    format: str
    sessions: Sequence[str] = ()
    output: Path = Path("exports")
    user_id: str | None = None
    choice: Choice = field(default_factory=Choice)
    replace: bool = False


def export(settings: Settings, request: ExportRequest) -> int:
    """Export captures into ``<output>/<format>``; returns 1 if a capture does not match its event, else 0.

    Raises:
        ConfigurationError: no such format, no such session, or the format's packages are not installed.
        ExportError: there is nothing to export, or a different export exists at this path.
    """
    convert = conversion(request.format)
    selection = Selection(
        find_logs(settings.log_root, request.sessions, request.user_id), ArtifactSource.of(settings), request.choice
    )
    outcome = None
    try:
        with Draft(request.output / request.format) as draft:
            for file in convert(_with_progress_bar(selection)):
                draft.add(file)
            if selection.exported:
                about = {"format": request.format, "a3cp": version("a3cp"), "captures": selection.exported}
                outcome = draft.keep(about, replace=request.replace)
    finally:
        _report_exceptions(selection)
    if outcome is None:
        stays = f"; {draft.target} is an earlier export, and stays" if draft.target.exists() else ""
        raise ExportError(f"there is nothing to export{stays}")
    print(printable(_summary(selection, draft.target, outcome)))
    return 1 if selection.failed else 0


def _with_progress_bar(selection: Selection) -> Iterator[VerifiedCapture]:
    """Yield the captures; on a terminal a progress bar counts those that were read."""
    console = Console(stderr=True)
    captures: Iterable[VerifiedCapture] = selection.captures()
    yield from track(
        captures, "exporting", selection.total, console=console, transient=True, disable=not console.is_terminal
    )


def _report_exceptions(selection: Selection) -> None:
    for text in selection.held_back:
        print(printable(f"held back  {text}"), file=sys.stderr)
    for text in selection.notes:
        print(printable(f"note       {text}"), file=sys.stderr)
    for text in selection.failed:
        print(printable(f"FAILED     {text}"), file=sys.stderr)


def _summary(selection: Selection, target: Path, outcome: ExportResult) -> str:
    parts = [f"{target}: {_many(selection.exported, 'capture')} of {_many(len(selection.sessions), 'session')}"]
    texts = {ExportResult.WRITTEN: "written", ExportResult.UNCHANGED: "as before", ExportResult.REPLACED: "replaced"}
    parts.append(texts[outcome])
    if selection.unknown_consent:
        parts.append(f"consent unknown for {selection.unknown_consent}")
    if selection.held_back:
        parts.append(f"{len(selection.held_back)} held back")
    if selection.failed:
        parts.append(f"{len(selection.failed)} FAILED")
    return ", ".join(parts)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
