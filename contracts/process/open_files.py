"""The limit of open files of a process."""

from __future__ import annotations

import resource
from contextlib import suppress

__all__ = ["allow_many_files"]


def allow_many_files() -> None:
    """Raise the limit of open files to the hard limit. The default is often 1,024, and each socket is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
