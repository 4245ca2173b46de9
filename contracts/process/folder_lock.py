"""Folders and files that a process locks while it runs. An unlocked one was left behind by a killed process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["is_free"]


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
