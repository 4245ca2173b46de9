"""One thing that `a3cp doctor` looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Verdict"]

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``mend`` says what to do about a warning or a failure."""

    subject: str
    verdict: Verdict
    detail: str
    mend: str = ""
