"""Whether the folders that the settings name are what they must be. Files are written there, and removed again."""

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
from scripts.commands.findings import Finding
from workers.vision.local_store import LocalStore

__all__ = ["examine_folders", "judge_names", "judge_room"]

FULL_BYTES = 16 * 1024 * 1024
"""The longest capture is an artifact of 12 MB."""

SHORT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Probe:
    """What a file system does. ``one_case``: it takes ``Ann`` and ``ann`` for one name."""

    locks: bool
    one_case: bool


def examine_folders(settings: Settings) -> Iterable[Finding]:
    """Look at ``DATA_ROOT``, ``LOG_ROOT`` and ``A3CP_STATE_DIR``."""
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
        if artifacts and (refusal := _takes_artifacts(path)) is not None:
            yield refusal
            continue
        if (refusal := _examine_file_system(name, there)) is not None:
            yield refusal
        yield judge_room(name, path, shutil.disk_usage(there).free)


def _refusal(name: str, there: Path) -> Finding | None:
    if not there.is_dir():
        return Finding(name, "fail", f"{there} is not a folder", f"set {name} to a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(name, "fail", f"{there} cannot be written to", f"chown or chmod it, or set {name}")
    return None


def _takes_artifacts(path: Path) -> Finding | None:
    """With a file that is written as an extractor writes it."""
    try:
        LocalStore(path).check()
    except (ConfigurationError, ArtifactStoreError) as error:
        detail = str(error).removeprefix("DATA_ROOT: ")
        return Finding("DATA_ROOT", "fail", detail, "set DATA_ROOT to a folder of this machine's own disk")
    return None


def _examine_file_system(name: str, there: Path) -> Finding | None:
    try:
        probe = _probe(there)
    except OSError as error:
        return Finding(name, "fail", f"{there} cannot be written to: {error.strerror}", f"set {name}")
    if not probe.locks and name != "DATA_ROOT":
        return Finding(
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


def judge_names(name: str, one_case: bool) -> Finding | None:
    """Whether users whose ids differ in case only would share a folder."""
    if not one_case:
        return None
    detail = "the file system takes Ann and ann for one name: two such users would share a folder"
    return Finding(name, "warn", detail, "write every user_id in small letters, or set another folder")


def judge_room(name: str, path: Path, free_bytes: int) -> Finding:
    """Whether there is room for what is to come."""
    where = f"{path.absolute()}" if path.exists() else f"{path.absolute()} is made when it is needed"
    detail = f"{where}, {_size(free_bytes)} free"
    if free_bytes < FULL_BYTES:
        return Finding(name, "fail", f"{detail}: the disk is full", f"make room, or set {name}")
    if free_bytes < SHORT_BYTES:
        return Finding(name, "warn", detail, f"make room, or set {name}")
    return Finding(name, "ok", detail)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
