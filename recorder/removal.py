"""Remove all session logs of one person, and write the register of such removals. Only `a3cp forget` uses it, while no
recorder runs: with `recorder.writer` it is all that changes files below LOG_ROOT.

A removal that has begun has a note with the person's id, which goes when it is complete. So a removal that was killed
goes on with the same number and the same counts, and the register gets one line.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import orjson

from contracts.rules.errors import A3CPError
from contracts.rules.ids import format_utc, is_identifier
from contracts.rules.paths import removal_register, user_folders
from contracts.storage.files import sync_folder

__all__ = [
    "Removal",
    "RemovalError",
    "begin_removal",
    "begun_removal",
    "end_removal",
    "is_note",
    "remove_logs",
    "user_folder",
]

_NOTE = ".forgetting.json"


class RemovalError(A3CPError):
    """The logs or the register cannot be changed; the text says why."""


@dataclass(frozen=True, slots=True)
class Removal:
    """One removal: a random number, and how much of the person there was when it began."""

    user_id: str
    removal_id: str
    sessions: int
    captures: int
    artifacts: int


def user_folder(log_root: Path, user_id: str) -> Path:
    """The folder of the person's logs.

    Raises:
        ValueError: the id is invalid.
    """
    if not is_identifier(user_id):
        raise ValueError("not a user_id")
    return user_folders(log_root) / user_id


def begun_removal(log_root: Path) -> Removal | None:
    """The removal that was begun and not completed; None if there is none.

    Raises:
        RemovalError: its note cannot be read.
    """
    note = log_root / _NOTE
    try:
        return Removal(**orjson.loads(note.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise RemovalError(f"{note} cannot be read: {error}") from error


def begin_removal(log_root: Path, user_id: str, *, sessions: int, captures: int, artifacts: int) -> Removal:
    """Note that a removal begins, so that it goes on with the same number and counts if it is killed.

    Raises:
        RemovalError: the file system refuses.
    """
    begun = Removal(user_id, str(uuid4()), sessions, captures, artifacts)
    with _errors(log_root):
        log_root.mkdir(parents=True, exist_ok=True)
        _write_whole(log_root / _NOTE, orjson.dumps(asdict(begun)))
    return begun


def is_note(path: Path) -> bool:
    """Whether a file is the note of a removal, or a killed one's attempt to write it."""
    return path.name in (_NOTE, _NOTE + ".tmp")


def remove_logs(log_root: Path, user_id: str) -> None:
    """Remove the folder of the person's logs.

    Raises:
        RemovalError: the file system refuses.
        ValueError: the id is invalid.
    """
    folder = user_folder(log_root, user_id)
    with _errors(folder):
        _remove_folder(folder)


def end_removal(log_root: Path, done: Removal, now: datetime) -> None:
    """Put the removal into the register, once, and remove its note.

    Raises:
        RemovalError: the file system refuses.
    """
    register = removal_register(log_root)
    line = {"removed_at": format_utc(now)} | {name: value for name, value in asdict(done).items() if name != "user_id"}
    with _errors(register):
        if done.removal_id not in _ids(register):
            _append_synced(register, orjson.dumps(line) + b"\n")
        for name in (_NOTE + ".tmp", _NOTE):
            (log_root / name).unlink(missing_ok=True)
        sync_folder(log_root)


def _ids(register: Path) -> set[str]:
    found: set[str] = set()
    with suppress(FileNotFoundError):
        for line in register.read_bytes().splitlines():
            with suppress(ValueError, TypeError, KeyError):
                found.add(orjson.loads(line)["removal_id"])
    return found


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power failure."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)  # a killed one left it
    _append_synced(temporary, data)
    temporary.replace(path)
    sync_folder(path.parent)


def _append_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        end = os.fstat(descriptor).st_size
        if end and os.pread(descriptor, 1, end - 1) != b"\n":
            data = b"\n" + data  # a killed one left a torn line
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_folder(folder: Path) -> None:
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise RemovalError(f"{folder} is not a folder of its own; remove what it leads to by hand")
    shutil.rmtree(folder)
    sync_folder(folder.parent)


@contextmanager
def _errors(where: Path) -> Iterator[None]:
    """Turn errors of the file system into `RemovalError`."""
    try:
        yield
    except OSError as error:
        raise RemovalError(f"{error.filename or where}: {error.strerror or error}") from error
