"""Read the path of a local folder from a setting or an option."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["local_folder"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def local_folder(text: str) -> Path:
    """The folder that ``text`` names; a leading ``~`` is a home directory. The folder need not exist.

    Raises:
        ValueError: ``text`` is a URL, names an unknown user's home, or contains a NUL or a line end.
    """
    if _SCHEME.match(text):
        raise ValueError(f"{text!r} is a URL; this must be a folder on this machine")
    if {"\0", "\n", "\r"} & set(text):
        raise ValueError(f"{text!r} cannot be the name of a folder: it contains a NUL or a line end")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text!r} names the home of a user that this machine does not have") from None
