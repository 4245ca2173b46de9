"""The result of one check of `a3cp doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CheckResult", "Verdict"]

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check of ``subject``. ``fix`` says what the operator can do about a warning or a failure."""

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""
