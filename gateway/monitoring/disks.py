"""Check that the disks have room for a capture's artifact and log line; ``/readyz`` reports it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from contracts.process.settings import Settings

__all__ = ["lack_of_room"]

NEEDED_BYTES = 16 * 1024 * 1024
"""How many bytes must be free. The longest capture has an artifact of 12 MB."""


def lack_of_room(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each root whose disk is full, read-only or unreachable. This may block.

    It checks the disks of this machine. Extractors and recorders on other machines may use other disks.
    """
    for name, root in (("DATA_ROOT", settings.artifact_root), ("LOG_ROOT", settings.log_root)):
        if root is None:
            continue
        try:
            disk = os.statvfs(root)
        except FileNotFoundError:  # the next start of a session creates it
            continue
        except OSError as error:
            yield f"{name} is unreachable: {error.strerror}."
            continue
        if disk.f_flag & os.ST_RDONLY:
            yield f"{name} is on a read-only disk."
        elif (free := disk.f_bavail * disk.f_frsize) < NEEDED_BYTES:
            yield f"{name} is on a full disk: {free / 1e6:.1f} MB are free."
