"""How long to wait before something is tried again."""

from __future__ import annotations

__all__ = ["backoff_s"]


def backoff_s(attempt: int) -> float:
    """How long to wait after failed attempt 0, 1, 2 …: 0.1 s, doubling, 5 s at most."""
    return float(min(5.0, 0.1 * 2 ** min(attempt, 10)))
