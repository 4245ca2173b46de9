"""Write the names in a folder to the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["sync_folder"]

_NOT_DONE_THERE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def sync_folder(folder: Path) -> None:
    """Return when the names in ``folder`` are on the disk; at once where the file system syncs no folders, as SMB does.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_DONE_THERE:
            raise
    finally:
        os.close(descriptor)
