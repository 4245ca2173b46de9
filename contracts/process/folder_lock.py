"""Folders that a process locks for as long as it lives. One without a lock is the leftover of a killed process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["is_free"]


def is_free(folder: Path) -> bool:
    """Whether no process holds the folder's lock. False for a symbolic link, and if the folder cannot be opened."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
