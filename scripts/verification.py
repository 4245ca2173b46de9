"""``a3cp verify`` and ``a3cp replay``: what `recorder.verify` finds, in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from contracts.artifact_source import ArtifactSource
from contracts.errors import ConfigurationError
from contracts.paths import session_log_pattern
from contracts.settings import Settings
from recorder.verify import ArtifactFacts, LogReport, replay, verify_log
from scripts.terminal import printable

__all__ = ["fact_lines", "replay_record", "verify_logs"]


def verify_logs(settings: Settings, logs: Sequence[Path]) -> int:
    """Verify these session logs, or all of ``LOG_ROOT``, and print what was found; returns 1 if anything fails.

    Raises:
        ConfigurationError: there is no such log, or none at all.
    """
    chosen = list(logs) or sorted(settings.log_root.glob(session_log_pattern()))
    if not chosen:
        raise ConfigurationError(f"LOG_ROOT: there is no session log under {settings.log_root}")
    for log in chosen:
        if not os.path.isfile(log):  # noqa: PTH113 -- the other raises for a name that is too long
            raise ConfigurationError(f"{log}: there is no such session log")
    artifacts = ArtifactSource.of(settings)
    captures = failed = 0
    for log in chosen:
        report = verify_log(log.resolve(), artifacts)
        _print(log, report)
        captures += len(report.captures)
        failed += not report.ok
    verdict = f"{failed} of {len(chosen)} sessions FAILED" if failed else f"{_many(len(chosen), 'session')} verified"
    print(f"{verdict}, {_many(captures, 'capture')} good")
    return 1 if failed else 0


def _print(log: Path, report: LogReport) -> None:
    word = "ok  " if report.ok else "FAIL"
    print(f"{word} {log}: {_many(report.events, 'event')}, {_many(len(report.captures), 'good capture')}")
    for finding in report.findings:
        where = f"line {finding.line}: " if finding.line else ""
        whose = f" (record {finding.record_id})" if finding.record_id else ""
        print(printable(f"     {where}{finding.problem}{whose}"))
    for note in report.notes:
        print(printable(f"     note: {note}"))


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def replay_record(settings: Settings, record_id: str, user_id: str, session_id: str) -> int:
    """Load one record's artifact, verify it, and print what it is.

    Raises:
        ArtifactError: it does not verify.
    """
    facts = replay(record_id, user_id, session_id, ArtifactSource.of(settings), settings.log_root)
    for line in fact_lines(facts):
        print(printable(line))
    return 0


def fact_lines(facts: ArtifactFacts) -> list[str]:
    """An artifact's facts, one a line."""
    frames, dims = facts.shape
    return [
        f"artifact  {facts.place}",
        f"(T, D)    ({frames}, {dims}) float32",
        f"hash      {facts.hash}",
        f"encoding  {facts.encoding}",
    ]
