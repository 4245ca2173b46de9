"""Folders of this machine, as an operator names them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["local_folder"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def local_folder(text: str) -> Path:
    """The folder named by a setting or an option; a ``~`` at its beginning is a home directory.

    Raises:
        ValueError: it is a URL, there is no such home, or it holds a NUL or the end of a line.
    """
    if _SCHEME.match(text):
        raise ValueError(f"{text!r} is a URL, and only folders of this machine can be named here")
    if {"\0", "\n", "\r"} & set(text):
        raise ValueError(f"{text!r} is no folder's name")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text!r} names the home of a user who is not known here") from None
