"""Explain error codes to the person at the terminal: what a code means, and what to do about it."""

from __future__ import annotations

from contracts.rules.codes import CODES

__all__ = ["explain", "fix", "may_retry"]


def explain(code: str) -> str:
    """Return ``code: meaning``, or the code alone if this version does not know it."""
    entry = CODES.get(code)
    return f"{code}: {entry.meaning}" if entry else code or "no reason was given"


def fix(code: str) -> str:
    """Return a sentence that says what to do about a code; empty if this version does not know the code."""
    entry = CODES.get(code)
    return entry.fix if entry else ""


def may_retry(code: str) -> bool:
    """Return whether the same frames may be recorded if a client sends them again."""
    entry = CODES.get(code)
    return entry is not None and entry.retry
