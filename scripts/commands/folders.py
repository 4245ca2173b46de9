"""The checks of `a3cp doctor` about the folders in the settings. Each writes a file there, and removes it again."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactStoreError, ConfigurationError
from scripts.commands.check_result import CheckResult
from workers.vision.local_store import LocalStore

__all__ = ["examine_folders", "judge_names", "judge_room"]

FULL_BYTES = 16 * 1024 * 1024
"""The artifact of the longest capture has 12 MB."""

SHORT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Probe:
    """The properties of a file system: whether it has locks (``flock``), and whether ``Ann`` and ``ann`` are one
    name."""

    locks: bool
    one_case: bool


def examine_folders(settings: Settings) -> Iterable[CheckResult]:
    """Check ``DATA_ROOT``, ``LOG_ROOT`` and ``A3CP_STATE_DIR``."""
    for name, path in (
        ("DATA_ROOT", settings.data_root),
        ("LOG_ROOT", settings.log_root),
        ("A3CP_STATE_DIR", settings.state_dir),
    ):
        there = path.resolve()
        while not there.exists():
            there = there.parent
        if (refusal := _refusal(name, there)) is not None:
            yield refusal
            continue
        artifacts = name == "DATA_ROOT" and settings.artifact_url is None
        if artifacts and (refusal := _check_artifacts(path)) is not None:
            yield refusal
            continue
        if (refusal := _examine_file_system(name, there)) is not None:
            yield refusal
        yield judge_room(name, path, shutil.disk_usage(there).free)


def _refusal(name: str, there: Path) -> CheckResult | None:
    if not there.is_dir():
        return CheckResult(name, "fail", f"{there} is not a folder", f"set {name} to a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return CheckResult(name, "fail", f"{there} cannot be written to", f"chown or chmod it, or set {name}")
    return None


def _check_artifacts(path: Path) -> CheckResult | None:
    """Check that an extractor can write artifacts there, with a file that is written in the same way."""
    try:
        LocalStore(path).check()
    except (ConfigurationError, ArtifactStoreError) as error:
        detail = str(error).removeprefix("DATA_ROOT: ")
        return CheckResult("DATA_ROOT", "fail", detail, "set DATA_ROOT to a folder of this machine's own disk")
    return None


def _examine_file_system(name: str, there: Path) -> CheckResult | None:
    try:
        probe = _probe(there)
    except OSError as error:
        return CheckResult(name, "fail", f"{there} cannot be written to: {error.strerror}", f"set {name}")
    if not probe.locks and name != "DATA_ROOT":
        return CheckResult(
            name, "fail", f"the file system of {there} has no locks", f"set {name} to this machine's own disk"
        )
    return judge_names(name, probe.one_case) if name != "A3CP_STATE_DIR" else None


def _probe(folder: Path) -> _Probe:
    descriptor, name = tempfile.mkstemp(prefix=".a3cp-check-", dir=folder)
    path = Path(name)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locks = True
        except OSError:
            locks = False
        return _Probe(locks, os.path.lexists(path.with_name(path.name.swapcase())))
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def judge_names(name: str, one_case: bool) -> CheckResult | None:
    """Warn if users whose ids differ only in case would share a folder; None if they would not."""
    if not one_case:
        return None
    detail = "Ann and ann are one name for the file system: two such users would share a folder"
    return CheckResult(name, "warn", detail, "write every user_id in small letters, or set another folder")


def judge_room(name: str, path: Path, free_bytes: int) -> CheckResult:
    """Check the free space: less than 16 MiB is a failure, less than 256 MiB a warning."""
    where = f"{path.absolute()}" if path.exists() else f"{path.absolute()} is made when it is needed"
    detail = f"{where}, {_size(free_bytes)} free"
    if free_bytes < FULL_BYTES:
        return CheckResult(name, "fail", f"{detail}: the disk is full", f"make room, or set {name}")
    if free_bytes < SHORT_BYTES:
        return CheckResult(name, "warn", detail, f"make room, or set {name}")
    return CheckResult(name, "ok", detail)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
