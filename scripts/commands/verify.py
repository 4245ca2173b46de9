"""``a3cp verify`` and ``a3cp replay``: print the findings of `recorder.verify`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.process.settings import Settings
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import ArtifactFacts, LogReport, replay, verify_log
from scripts.commands.session_logs import find_logs
from scripts.pictures.record import find_record
from scripts.terminal import many, printable

__all__ = ["fact_lines", "print_report", "replay_record", "verify_logs"]


def verify_logs(settings: Settings, logs: Sequence[Path | str]) -> int:
    """Verify these sessions, each by its id or its log's path, or all of ``LOG_ROOT``, and print the findings; returns
    1 if a session fails, else 0.

    Raises:
        ConfigurationError: there is no such session, or no session at all.
    """
    chosen = find_logs(settings.log_root, [str(log) for log in logs])
    artifacts = ArtifactSource.of(settings)
    hashes: defaultdict[str, list[str]] = defaultdict(list)
    captures = failed = withdrawn = erasing = erased = 0
    for log in chosen:
        report = verify_log(log, artifacts)
        print_report(log, report)
        for facts in report.captures:
            hashes[facts.hash].append(facts.record_id)
        captures += len(report.captures)
        withdrawn, erasing, erased = (
            withdrawn + report.withdrawn, erasing + report.erasing, erased + report.erased,
        )  # fmt: skip
        failed += not report.ok
    for records in hashes.values():
        if len(records) > 1:
            print(printable(f"note: the same features: {', '.join(f'record {record}' for record in records)}"))
    verdict = f"{failed} of {len(chosen)} sessions FAILED" if failed else f"{many(len(chosen), 'session')} verified"
    print(f"{verdict}, {many(captures, 'capture')} good{_withdrawals(withdrawn, erasing, erased)}")
    return 1 if failed else 0


def print_report(log: Path, report: LogReport) -> None:
    """Print the line of a session, and one for each finding and note."""
    word = "ok  " if report.ok else "FAIL"
    good = many(len(report.captures), "good capture") + _empty(report.captures)
    withdrawals = _withdrawals(report.withdrawn, report.erasing, report.erased)
    print(printable(f"{word} {log}: {many(report.events, 'event')}, {good}{withdrawals}"))
    for finding in report.findings:
        where = f"line {finding.line}: " if finding.line else ""
        whose = f" (record {finding.record_id})" if finding.record_id else ""
        place = f": {finding.place}" if finding.place else ""
        print(printable(f"     {where}{finding.problem}{place}{whose}"))
    for note in report.notes:
        print(printable(f"     note: {note}"))


def _empty(captures: Iterable[ArtifactFacts]) -> str:
    """Say in how many captures nothing was found. They are good captures if they match their events."""
    empty = sum(not any(facts.found_share.values()) for facts in captures)
    return f", nothing was found in {empty}" if empty else ""


def _withdrawals(withdrawn: int, erasing: int, erased: int) -> str:
    """Say how many captures were withdrawn and erased; nothing if none was."""
    waiting = f" ({erasing} to be erased)" if erasing else ""
    return (f", {withdrawn} withdrawn{waiting}" if withdrawn else "") + (f", {erased} erased" if erased else "")


def replay_record(settings: Settings, record_id: str, user_id: str | None = None, session_id: str | None = None) -> int:
    """Verify one record's artifact, print its facts and its quality, computed again; returns 0, or 1 if the event says
    another quality. Without a user or a session, all logs are searched.

    Raises:
        ArtifactError: there is not exactly one such record, or its artifact does not match its event.
    """
    artifacts = ArtifactSource.of(settings)
    if user_id is not None and session_id is not None:
        facts = replay(record_id, user_id, session_id, artifacts, settings.log_root)
    else:
        event = find_record(settings.log_root, record_id, user_id, session_id)
        facts = replay(event.record_id, event.user_id, event.session_id, artifacts, settings.log_root)
    for line in [*fact_lines(facts), *_quality_lines(facts)]:
        print(printable(line))
    return 1 if facts.quality_differences else 0


def _quality_lines(facts: ArtifactFacts) -> list[str]:
    """Describe the quality, computed again, and compare it with what the event says; one line, or one a difference."""
    found, said = facts.quality, facts.quality_said
    verdict = f"quality   {': '.join(filter(None, (found.verdict, ', '.join(found.reasons))))}"
    if differences := facts.quality_differences:
        return [f"{verdict}; FAILED: the event says another", *(f"          {line}" for line in differences)]
    if said is None:
        return [f"{verdict}; the event says nothing of it"]
    if said.rules != found.rules:
        return [f"{verdict}; the event has that of other rules, {said.rules}"]
    return [f"{verdict}; equal to that of the event"]


def fact_lines(facts: ArtifactFacts) -> list[str]:
    """Describe an artifact, one fact a line: its place, shape, hash and encoding."""
    frames, dims = facts.shape
    return [
        f"artifact  {facts.place}",
        f"(T, D)    ({frames}, {dims}) float32",
        f"hash      {facts.hash}",
        f"encoding  {facts.encoding}",
    ]
