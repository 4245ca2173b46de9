"""Verify a copy as `a3cp verify` does, and describe its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.paths import artifact_uri, session_log_pattern
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import LogReport, verify_log
from scripts.backups.copying import Copier, errors_of, hash_file
from scripts.backups.rules import DATA, CopiedFile

__all__ = ["Verified", "describe_files", "repair", "verify_copy"]


class Verified:
    """The reports about a copy's logs, and what was done about artifacts that did not verify.

    Attributes:
        reports: one for each log.
        kept: the places of artifacts that are good in the older copy, and missing or damaged in ``DATA_ROOT``.
    """

    def __init__(self) -> None:
        self.reports: dict[Path, LogReport] = {}
        self.kept: list[str] = []

    @property
    def bad(self) -> list[LogReport]:
        """The reports that have findings."""
        return [report for report in self.reports.values() if not report.ok]

    @property
    def captures(self) -> int:
        """How many captures are good."""
        return sum(len(report.captures) for report in self.reports.values())

    @property
    def findings(self) -> int:
        """How many problems there are."""
        return sum(len(report.findings) for report in self.reports.values())


def verify_copy(settings: Settings, logs: Path, data: Path, progress: Callable[[], None]) -> Verified:
    """Verify every log below ``logs`` with the artifacts below ``data``; with an object store in the settings, with its
    objects too."""
    verified = Verified()
    artifacts = _artifacts(settings, data)
    for log in sorted(logs.glob(session_log_pattern())):
        verified.reports[log] = verify_log(log, artifacts)
        progress()
    return verified


def repair(settings: Settings, copier: Copier, verified: Verified) -> None:
    """Look again at the logs with findings: a capture may have been erased while the copy was made, and an artifact
    that is damaged or missing in ``DATA_ROOT`` may be good in the older copy.

    Raises:
        BackupError: the file system refuses, or a log is not the continuation of its older copy.
    """
    if not verified.bad:
        return
    copier.logs()
    copier.artifacts()
    artifacts = _artifacts(settings, copier.target / "data")
    for step in (copier.artifact_again, copier.keep_older):
        for log in [report.log for report in verified.bad]:
            if not (report := verify_log(log, artifacts)).ok:
                for uri in (uris := _uris(report)):
                    step(uri)
                report = verify_log(log, artifacts)
                if step == copier.keep_older and uris:
                    verified.kept += sorted(uris - _uris(report))
            verified.reports[log] = report


def _uris(report: LogReport) -> set[str]:
    user_id, session_id = report.log.parent.parent.name, report.log.stem
    return {artifact_uri(user_id, session_id, found.record_id) for found in report.findings if found.record_id}


def _artifacts(settings: Settings, data: Path) -> ArtifactSource:
    return ArtifactSource.of(settings.model_copy(update={"data_root": data}))


def describe_files(folder: Path, verified: Verified) -> dict[str, CopiedFile]:
    """Each file of a copy with its hash. Artifacts that were just verified are not read again.

    Raises:
        BackupError: the file system refuses.
    """
    known: Mapping[str, CopiedFile] = {
        DATA + facts.uri: CopiedFile(size=facts.size_bytes, sha256=facts.hash.removeprefix("sha256:"))
        for report in verified.reports.values()
        for facts in report.captures
    }
    found = {}
    with errors_of(folder):
        for part in ("data", "logs", "state/events"):
            for path in sorted((folder / part).rglob("*")):
                if path.is_file() and not path.name.startswith("."):  # a killed copy's
                    name = os.fspath(path.relative_to(folder))
                    found[name] = known.get(name) or hash_file(path)
    return found
