"""Whether there is room for what a capture leaves on a disk, as ``/readyz`` reports it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from contracts.process.settings import Settings

__all__ = ["lack_of_room"]

NEEDED_BYTES = 16 * 1024 * 1024
"""The longest capture is an artifact of 12 MB."""


def lack_of_room(settings: Settings) -> Iterator[str]:
    """A sentence for each root whose disk is full, read-only or out of reach. It may block.

    The gateway looks at its own view of the folders. Extractors and recorders of another machine may have other disks.
    """
    for name, root in (("DATA_ROOT", settings.artifact_root), ("LOG_ROOT", settings.log_root)):
        if root is None:
            continue
        try:
            disk = os.statvfs(root)
        except FileNotFoundError:  # it is made when a session starts
            continue
        except OSError as error:
            yield f"{name} is out of reach: {error.strerror}."
            continue
        if disk.f_flag & os.ST_RDONLY:
            yield f"{name} is on a disk that is read-only."
        elif (free := disk.f_bavail * disk.f_frsize) < NEEDED_BYTES:
            yield f"{name} is on a disk that is full: {free / 1e6:.1f} MB are free."
