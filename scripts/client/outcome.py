"""The outcome of a capture."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from contracts.messages.http import CaptureReport
from contracts.messages.public import Found, Quality, RawFeaturesRef
from scripts.client.errors import ClientError
from scripts.client.explanations import explain, fix, may_retry

__all__ = ["CaptureAborted", "CaptureOutcome"]


@dataclass(frozen=True, slots=True)
class CaptureOutcome:
    """How a capture ended.

    Attributes:
        status: ``recorded`` or ``aborted``.
        error_code: why it was aborted; empty if it was recorded.
        accepted, extracted: how many frames the gateway accepted, and how many of them an extractor processed.
        found: in how many frames each part was found.
        features: the artifact's address (``uri``) and SHA-256 (``hash``); None if the capture was aborted.
        recorded_at: when the recorder wrote its line to the session's log.
        stream_s: seconds from the first frame to the close; 0 if another client sent the capture.
        close_to_recorded_s: seconds from the close to the line in the log; 0 if another client sent the capture.
        quality: the verdict on the capture, with its reasons and numbers; None if the capture was aborted, or was made
            before version 0.3.
        resend_of: the ``capture_id`` of the first attempt, if this client has sent the take again; else empty.
    """

    user_id: str
    session_id: str
    capture_id: str
    record_id: str
    status: Literal["recorded", "aborted"]
    error_code: str = ""
    accepted: int = 0
    extracted: int = 0
    found: Found = field(default_factory=Found)
    features: RawFeaturesRef | None = None
    recorded_at: datetime | None = None
    stream_s: float = 0.0
    close_to_recorded_s: float = 0.0
    quality: Quality | None = None
    resend_of: str = ""

    @classmethod
    def of(cls, report: CaptureReport) -> CaptureOutcome | None:
        """The outcome in the gateway's report; None if the capture is still in progress."""
        if report.status not in ("recorded", "aborted"):
            return None
        return cls(
            user_id=report.user_id,
            session_id=report.session_id,
            capture_id=report.capture_id,
            record_id=report.record_id,
            status=report.status,
            error_code=report.error_code or "",
            accepted=report.accepted,
            extracted=report.extracted,
            found=report.found or Found(),
            features=report.raw_features_ref if report.status == "recorded" else None,
            quality=report.quality if report.status == "recorded" else None,
            recorded_at=report.recorded_at,
        )

    @property
    def recorded(self) -> bool:
        """Whether the capture's event is in the session's log."""
        return self.status == "recorded"

    @property
    def fps(self) -> float:
        """Accepted frames divided by the seconds from the first frame to the line in the log."""
        return self.accepted / max(1e-9, self.stream_s + self.close_to_recorded_s)

    def checked(self) -> CaptureOutcome:
        """Return this outcome if the capture was recorded.

        Raises:
            CaptureAborted: the capture was aborted.
        """
        if not self.recorded:
            raise CaptureAborted(self)
        return self


class CaptureAborted(ClientError):
    """The capture ended without an artifact and without a line in the log.

    Attributes:
        code: the reason, one of `contracts.rules.codes.CaptureCode`.
        outcome: the capture's ids and its counts of frames.
    """

    def __init__(self, outcome: CaptureOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.code = outcome.error_code

    @property
    def fix(self) -> str:
        """A sentence that says what the user can do; empty if this version does not know the code."""
        return fix(self.code)

    @property
    def worth_repeating(self) -> bool:
        """Whether the same frames may be recorded if they are sent again, as a new capture."""
        return may_retry(self.code)

    def __str__(self) -> str:
        return f"the capture was aborted: {explain(self.code)} {self.fix}".rstrip()
