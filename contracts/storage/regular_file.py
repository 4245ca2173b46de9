"""Read a file that another program may have put there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from contracts.rules.errors import ArtifactError, ArtifactMissing

__all__ = ["read_regular"]

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW
"""Without O_NONBLOCK, opening a FIFO waits for a writer without end."""


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file. A FIFO, a device, a socket or a symbolic link is neither read nor waited for.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactError: it is no regular file, it is longer than ``most_bytes``, or the system refuses.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            there = os.fstat(descriptor)
            if not stat.S_ISREG(there.st_mode):
                raise ArtifactError("the artifact cannot be read: it is not a regular file")
            # one byte more than is said shows a file that grows
            data = file.read(there.st_size + 1) if there.st_size <= most_bytes else b""
    except FileNotFoundError:
        raise ArtifactMissing("the artifact does not exist") from None
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or type(error).__name__
        raise ArtifactError(f"the artifact cannot be read: {why}") from error
    if max(there.st_size, len(data)) > most_bytes:
        raise ArtifactError(f"the artifact cannot be read: it is longer than {most_bytes:,} bytes")
    return data
