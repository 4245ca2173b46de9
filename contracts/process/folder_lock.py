"""Folders and files that a process locks while it runs. An unlocked one was left behind by a killed process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["FolderInUse", "FolderLeader", "is_free", "lock_alone"]


def is_free(path: Path, kind: int = os.O_DIRECTORY) -> bool:
    """Whether no process holds the lock of a folder, or with ``kind`` 0 of a file.

    False if ``path`` is a symbolic link or cannot be opened.
    """
    try:
        lock = os.open(path, os.O_RDONLY | kind | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


class FolderInUse:
    """Marks a folder as used by this process, with a lock that any number of processes may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    def hold(self) -> bool:
        """Mark the folder, unless it is marked already. If it is missing or cannot be locked, do nothing: a later call
        tries again. Returns whether it is marked."""
        if self._lock is None:
            self._lock = _locked(self._folder, fcntl.LOCK_SH)
        return self._lock is not None

    def close(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class FolderLeader:
    """Chooses one of all processes that use a folder. If it dies, the system releases its lock, and another one follows
    it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    def is_this(self) -> bool:
        """Whether this process is the one. Where the folder is missing or cannot be locked, every process is."""
        if self._lock is None:
            try:
                self._lock = _lock(self._folder, fcntl.LOCK_EX)
            except BlockingIOError:
                return False
            except OSError:
                return True
        return True

    def close(self) -> None:
        """Leave it to another process."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def lock_alone(folder: Path) -> int | None:
    """Lock a folder that no process uses. Returns a descriptor, which ends the lock when it is closed; None if the
    folder is in use, or cannot be opened."""
    return _locked(folder, fcntl.LOCK_EX)


def _locked(folder: Path, how: int) -> int | None:
    with suppress(OSError):
        return _lock(folder, how)
    return None


def _lock(folder: Path, how: int) -> int:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
