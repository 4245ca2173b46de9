"""Folders that a process locks for as long as it lives: one without a lock was left behind by who was killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["is_free"]


def is_free(folder: Path) -> bool:
    """Whether nobody holds the folder's lock; false if that cannot be told. A link is no folder."""
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
