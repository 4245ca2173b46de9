"""Careful steps on the file system: open or read a file that another program may have made, sync a folder's names."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from contracts.rules.errors import ArtifactError, ArtifactMissing

__all__ = ["is_there", "open_regular", "read_regular", "sync_folder"]

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW
"""Without O_NONBLOCK, opening a FIFO would wait for a writer for ever."""

_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of a file system that syncs no folders, such as SMB."""


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a regular file. A FIFO, a device, a socket or a symbolic link is neither read nor waited for.

    Raises:
        ArtifactMissing: the file does not exist.
        ArtifactError: it is not a regular file, it is longer than ``most_bytes``, or the system refuses.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            there = os.fstat(descriptor)
            if not stat.S_ISREG(there.st_mode):
                raise ArtifactError("the artifact cannot be read: it is not a regular file")
            # one byte more than its size: shows a file that grows
            data = file.read(there.st_size + 1) if there.st_size <= most_bytes else b""
    except FileNotFoundError:
        raise ArtifactMissing("the artifact does not exist") from None
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or type(error).__name__
        raise ArtifactError(f"the artifact cannot be read: {why}") from error
    if max(there.st_size, len(data)) > most_bytes:
        raise ArtifactError(f"the artifact cannot be read: it is longer than {most_bytes:,} bytes")
    return data


def is_there(path: Path) -> bool:
    """Whether something has this name, even a link to nothing.

    Raises:
        OSError: the system refuses to look. `os.path.lexists` would say no.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading without a buffer. A FIFO or a device is not waited for.

    Raises:
        OSError: it is missing, is no regular file, or the system refuses.
    """
    descriptor = os.open(path, _FLAGS & ~os.O_NOFOLLOW)
    file = os.fdopen(descriptor, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return file


def sync_folder(folder: Path) -> None:
    """Return when the names in ``folder`` are on the disk, or at once if its file system syncs no folders.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)
