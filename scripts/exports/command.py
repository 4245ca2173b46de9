"""``a3cp export``: take the options, show the progress, print the result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import track

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.storage.artifacts import ArtifactSource
from scripts.commands.session_logs import find_logs
from scripts.exports.about import read_about
from scripts.exports.capture import VerifiedCapture
from scripts.exports.choice import Choice
from scripts.exports.croissant import croissant_file
from scripts.exports.datasheet import datasheet_file
from scripts.exports.exported import ExportedCapture
from scripts.exports.folder import Draft, ExportError, ExportResult
from scripts.exports.formats import conversion, format_named
from scripts.exports.older import read_export
from scripts.exports.sessions import Selection
from scripts.exports.split import SplitRequest, TooFewParticipants
from scripts.exports.stale import find_stale
from scripts.exports.summary import Summary
from scripts.exports.text import print_changes, print_stale
from scripts.terminal import many, printable

__all__ = ["ExportRequest", "check_export", "diff_export", "export", "run_export"]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The options of `a3cp export`. Without ``sessions`` it exports all sessions, with ``user_id`` only that user's.
    ``about`` is the file with the authors' statements."""

    format: str | None
    sessions: Sequence[str] = ()
    output: Path = Path("exports")
    user_id: str | None = None
    choice: Choice = field(default_factory=Choice)
    split: SplitRequest | None = None
    replace: bool = False
    about: Path | None = None


def run_export(
    settings: Settings, request: ExportRequest, *, check: Path | None, diff: Path | None, as_json: bool
) -> int:
    """Run what the options ask for: an export, its comparison with an older one, or only the check of an older one.

    Raises:
        ConfigurationError: options that exclude each other; else as the function for each.
    """
    if check is not None and (diff is not None or request != ExportRequest(None, output=request.output)):
        raise ConfigurationError("--check only reads an older export: use it alone, or with --json")
    if as_json and check is None and diff is None:
        raise ConfigurationError("--json prints the result of --check or --diff")
    if check is not None:
        return check_export(settings, check, as_json=as_json)
    if diff is not None:
        return diff_export(settings, request, diff, as_json=as_json)
    return export(settings, request)


def export(settings: Settings, request: ExportRequest, report: TextIO | None = None) -> int:
    """Export captures into ``<output>/<format>``; returns 1 if a capture does not match its event, else 0. The last
    line goes to ``report``, by default to standard output.

    Raises:
        ConfigurationError: no such format, no such session, too few participants for the split, an ``about`` that is
            wrong, or the format's packages are not installed.
        ExportError: there is nothing to export, a different export exists at this path, or consent to a capture was
            withdrawn while the export ran.
    """
    format_named(request.format)
    selection, summary = _selection(settings, request), Summary()
    outcome = None
    try:
        with Draft(request.output / str(request.format)) as draft:
            outcome = _write(draft, request, selection, summary)
    finally:
        _report_exceptions(selection)
    if outcome is None:
        left = "".join(f", {text}" for text in _left_out(selection))
        stays = f"; {draft.target} is an earlier export, and stays" if draft.target.exists() else ""
        raise ExportError(f"there is nothing to export{left}{stays}")
    print(printable(_summary(selection, summary, draft.target, outcome)), file=report)
    return 1 if selection.failed else 0


def diff_export(settings: Settings, request: ExportRequest, old_folder: Path, *, as_json: bool) -> int:
    """Print how an export differs from the older one in ``old_folder``, and return 0; 1 if a capture does not match its
    event. With a format the export is made first. Without one nothing is written; a request without a choice, a user
    and sessions takes those of the older export, and one without a split its split, if there are still enough people.

    Raises:
        ConfigurationError, ExportError: as `export`, and if ``old_folder`` has no export.
    """
    old = read_export(old_folder)
    if request.format is not None:
        code = export(settings, request, report=sys.stderr if as_json else None)
        new = read_export(request.output / request.format).captures
    else:
        if not (request.sessions or request.user_id) and request.choice == Choice():
            taken = old.choice
            request = replace(request, choice=taken, sessions=taken.sessions, user_id=taken.user_id)
        try:
            selection = _selection(settings, replace(request, split=request.split or old.split))
        except TooFewParticipants as error:
            if request.split is not None:
                raise
            print(printable(f"note       the parts are not compared: {error}"), file=sys.stderr)
            old, selection = old.without_split(), _selection(settings, request)
        found = [ExportedCapture.of(capture) for capture in _with_progress_bar(selection)]
        new = {capture.record_id: capture for capture in found}
        for text in selection.failed:
            print(printable(f"FAILED     {text}"), file=sys.stderr)
        code = 1 if selection.failed else 0
    print_changes(old, new, as_json=as_json)
    return code


def check_export(settings: Settings, folder: Path, *, as_json: bool) -> int:
    """Print each capture of an older export that is stale, with the reasons, and return 1; 0 if none is.

    Raises:
        ConfigurationError: the export extra is needed to read it, and is not installed.
        ExportError: there is no export in ``folder``, or its manifest is damaged.
        ArtifactStoreError: the object store does not answer, or refuses.
    """
    old = read_export(folder)

    def find_log(capture: ExportedCapture) -> Path | None:
        try:
            return find_logs(settings.log_root, [capture.session_id], capture.user_id)[0]
        except ConfigurationError:
            return None

    stale = list(find_stale(old, find_log, ArtifactSource.of(settings)))
    print_stale(old, stale, as_json=as_json)
    return 1 if stale else 0


def _selection(settings: Settings, request: ExportRequest) -> Selection:
    logs = find_logs(settings.log_root, request.sessions, request.user_id)
    sessions = tuple(sorted({log.stem for log in logs})) if request.sessions else ()
    choice = replace(request.choice, user_id=request.user_id, sessions=sessions)
    return Selection(logs, ArtifactSource.of(settings), choice, request.split)


def _write(draft: Draft, request: ExportRequest, selection: Selection, summary: Summary) -> ExportResult | None:
    """Write an export's files and keep them; None if there is no capture."""
    about = read_about(request.about)
    for file in conversion(str(request.format))(summary.watch(_with_progress_bar(selection))):
        draft.add(file)
    if not selection.exported:
        return None
    if request.split and (empty := [part for part in request.split.parts if not summary.in_part(part)]):
        raise ExportError(f"no capture of {' or '.join(empty)} could be exported: see the lines above")
    if (withdrawn := selection.withdrawn_meanwhile()) is not None:
        raise ExportError(f"a log changed while the export ran: {withdrawn}; export again")
    software = f"a3cp {version('a3cp')}"
    draft.add(datasheet_file(summary, selection.choice, request.split, about, software))
    draft.add(croissant_file(summary, about, format_named(request.format), draft.hashes))
    about_it = {
        "format": request.format,
        "a3cp": version("a3cp"),
        "version": summary.version,
        "captures": selection.exported,
        "choice": selection.choice.to_json(),
        "split": request.split.to_json() if request.split else None,
        "records": [record.model_dump(mode="json", exclude_none=True) for record in summary.records],
    }
    return draft.keep(about_it, replace=request.replace)


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


def _summary(selection: Selection, summary: Summary, target: Path, outcome: ExportResult) -> str:
    parts = [f"{target}: {many(selection.exported, 'capture')} of {many(len(selection.sessions), 'session')}"]
    texts = {ExportResult.WRITTEN: "written", ExportResult.UNCHANGED: "as before", ExportResult.REPLACED: "replaced"}
    parts.append(texts[outcome])
    if selection.split:
        parts += [f"{len(summary.in_part(part))} in {part}" for part in selection.split.parts]
    if selection.unknown_consent:
        parts.append(f"consent unknown for {selection.unknown_consent}")
    return ", ".join([*parts, *_left_out(selection)])


def _left_out(selection: Selection) -> list[str]:
    counts = {
        "not chosen": selection.not_chosen, "held back": len(selection.held_back), "FAILED": len(selection.failed),
    }  # fmt: skip
    return [f"{count} {reason}" for reason, count in counts.items() if count]
