"""What an error code means and what to do about it, in words for the person at the terminal."""

from __future__ import annotations

from contracts.rules.codes import CODES

__all__ = ["explain", "fix", "may_retry"]


def explain(code: str) -> str:
    """``code: what it means``, or the code alone if this version does not know it."""
    entry = CODES.get(code)
    return f"{code}: {entry.meaning}" if entry else code or "no reason was given"


def fix(code: str) -> str:
    """A sentence that says what to do about it; empty if this version does not know the code."""
    entry = CODES.get(code)
    return entry.fix if entry else ""


def may_retry(code: str) -> bool:
    """Whether the same frames may be recorded if they are sent again."""
    entry = CODES.get(code)
    return entry is not None and entry.retry
