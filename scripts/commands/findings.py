"""The result of one check of `a3cp doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Verdict"]

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``fix`` says what to do about a warning or a failure."""

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""
