"""What a backup has, and what may be missing in a newer one. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.rules.errors import A3CPError
from contracts.rules.ids import UtcDatetime

__all__ = [
    "AOF",
    "DATA",
    "EVENTS",
    "LOGS",
    "LOG_FOLDER",
    "BackupError",
    "Changes",
    "CopiedFile",
    "Folder",
    "Manifest",
    "aof_files",
    "changes",
    "lost_logs",
    "other_folder",
    "read_manifest",
    "registered",
]

Folder = Literal["copy-a", "copy-b"]
"""A backup has two folders: the complete copy, which the manifest names, and the one that is being made."""

DATA, LOG_FOLDER, LOGS, EVENTS = "data/", "logs/", "logs/users/", "state/events/"
"""Where the files of a copy are: as below DATA_ROOT, LOG_ROOT, its session logs, and A3CP_STATE_DIR."""
AOF = "appendonlydir"
"""The folder of the append-only file, in that of the events broker."""

_AOF_LINE = re.compile(r"file ([A-Za-z0-9][A-Za-z0-9._-]*) seq \d+ type ([bih])(?: .*)?")


class BackupError(A3CPError):
    """A backup cannot be made or restored; the text says why, and what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CopiedFile(_Frozen):
    """One file: its size in bytes, and the 64 hex digits of its SHA-256."""

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(_Frozen):
    """``backup.json``, which is written last: without it, or beside it, a folder is an unfinished copy.

    Attributes:
        format: 1; a reader refuses any other.
        version: the version of a3cp that made the copy.
        folder: the complete copy.
        sessions, captures: the logs, and the captures in them that verified.
        queued_events: the events in the copy of the broker's file that no log had yet; None if the broker is the
            operator's own, and was not copied.
        artifact_url: the object store that has the artifacts; it was not copied.
        findings: how many problems `a3cp verify` has with the copy.
        files: each file of the copy, by its path in ``folder``.
    """

    format: Literal[1] = 1
    version: str
    began_at: UtcDatetime
    completed_at: UtcDatetime
    folder: Folder
    sessions: int
    captures: int
    queued_events: int | None
    artifact_url: str | None
    findings: int
    files: dict[str, CopiedFile]

    @property
    def artifacts(self) -> int:
        """How many artifacts the copy has."""
        return sum(name.startswith(DATA) for name in self.files)

    @property
    def byte_length(self) -> int:
        """The size of all files."""
        return sum(file.size for file in self.files.values())


class Changes(_Frozen):
    """What a copy has that the one before had not, and the reverse: numbers of artifacts and of session logs."""

    new_artifacts: int
    removed_artifacts: int
    removed_logs: int


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        BackupError: it is none, or of another format; or it names a file outside of its folder.
    """
    try:
        found = orjson.loads(data)
        if isinstance(found, dict) and found.get("format") != 1:
            raise BackupError(f"the backup has the format {found.get('format')!r}, this version of a3cp reads 1")
        manifest = Manifest.model_validate(found)
    except (ValueError, ValidationError) as error:
        raise BackupError(f"the backup's manifest cannot be read: {str(error).splitlines()[0]}") from error
    for name in manifest.files:
        if not name.startswith((DATA, LOG_FOLDER, EVENTS)) or {"", ".", ".."} & set(name.split("/")) or "\0" in name:
            raise BackupError(f"the backup's manifest names a file that is none of a backup: {name!r}")
    return manifest


def other_folder(complete: Folder | None) -> Folder:
    """The folder in which the next copy is made: never the complete one."""
    return "copy-b" if complete == "copy-a" else "copy-a"


def lost_logs(before: Collection[str], now: Collection[str], newly_registered: int) -> list[str]:
    """The session logs that the backup has and ``LOG_ROOT`` lacks, if the register of `a3cp forget` does not explain
    them. ``newly_registered`` is the number of session logs that it says were removed since."""
    missing = sorted(name for name in before if name.startswith(LOGS) and name not in now)
    return missing if len(missing) > newly_registered else []


def registered(before: bytes, now: bytes) -> int:
    """How many session logs the lines of the register say were removed that an older register has not. Lines that
    cannot be read count for none."""
    known = {line.get("removal_id") for line in _lines(before)}
    sessions = [line.get("sessions") for line in _lines(now) if line.get("removal_id") not in known]
    return sum(count for count in sessions if isinstance(count, int))


def _lines(register: bytes) -> Iterable[dict[str, object]]:
    for line in register.splitlines():
        try:
            found = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def changes(before: Mapping[str, CopiedFile], now: Mapping[str, CopiedFile]) -> Changes:
    """Count how two copies differ."""
    added, removed = now.keys() - before.keys(), before.keys() - now.keys()
    return Changes(
        new_artifacts=sum(name.startswith(DATA) for name in added),
        removed_artifacts=sum(name.startswith(DATA) for name in removed),
        removed_logs=sum(name.startswith(LOGS) for name in removed),
    )


def aof_files(manifest: bytes) -> list[str]:
    """The files of a multi-part append-only file that its manifest names, in the order in which a server loads them;
    without those that only history needs.

    Raises:
        BackupError: a line is not one of a manifest.
    """
    found = []
    for line in manifest.decode("ascii", "replace").splitlines():
        match = _AOF_LINE.fullmatch(line)
        if match is None:
            raise BackupError("the manifest of the events broker's append-only file cannot be read")
        if match[2] != "h":
            found.append(match[1])
    return found
