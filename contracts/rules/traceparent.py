"""The ``traceparent`` of W3C Trace Context: which trace and which span an entry or a request belongs to. No I/O."""

from __future__ import annotations

import re

__all__ = ["read_traceparent"]

MAX_LENGTH = 512
"""A later version may be longer than the 55 characters of version 00, and a client decides what it sends."""

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.ASCII)
_LENGTH = 55


def read_traceparent(text: bytes | str | None) -> str:
    """The first 55 characters of a valid value; empty if there is none, or if it is invalid (Trace Context, 3.2.2).

    It never raises: a trace that cannot be continued must not stop what is traced.
    """
    if not text or len(text) > MAX_LENGTH:
        return ""
    value = text.decode("latin-1") if isinstance(text, bytes) else text
    found = _FORM.fullmatch(value)
    if found is None or (found[1] == "00" and found[2]):
        return ""
    return value[:_LENGTH]
