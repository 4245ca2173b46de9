"""An uploaded video: the client's form, and the gateway's answers.

An upload is a capture whose frames come from a file. Its job is that capture and has the same id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from contracts.messages.base import StrictModel
from contracts.messages.consent import ConsentStatement, TextHash
from contracts.rules.ids import Identifier, RecordId, SessionId, UtcDatetime

__all__ = [
    "HEAD_BYTES",
    "JobState",
    "UploadAccepted",
    "UploadForm",
    "UploadStatus",
    "looks_like_video",
]

_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = b"\x1a\x45\xdf\xa3"

HEAD_BYTES = 8
"""How many bytes of a file `looks_like_video` needs."""

JobState = Literal["queued", "running", "done", "failed"]
"""``done``: the line is in the session's log."""


class UploadForm(StrictModel):
    """The fields of ``POST /video/submit``, besides the ``file``. ``record_id`` identifies the capture window.

    ``consent_text`` and ``consent_given_by`` are the fields of a `ConsentStatement`; both or none.
    """

    user_id: Identifier
    session_id: SessionId
    record_id: RecordId
    capture_id: Identifier
    timestamp_start: UtcDatetime | None = None
    intent: Annotated[str, StringConstraints(strict=True, max_length=256)] | None = None
    consent_given: Literal["true", "false"] | None = None
    consent_text: TextHash | None = None
    consent_given_by: Literal["self", "guardian", "other"] | None = None

    @model_validator(mode="after")
    def _whole_statement(self) -> UploadForm:
        if (self.consent_text is None) != (self.consent_given_by is None):
            raise ValueError("consent_text and consent_given_by belong together")
        return self

    @property
    def answer(self) -> bool | None:
        """``consent_given`` as messages have it; None if the form does not say."""
        return None if self.consent_given is None else self.consent_given == "true"

    @property
    def consent(self) -> ConsentStatement | None:
        """The statement in the two fields; None if the form has none."""
        if self.consent_text is None or self.consent_given_by is None:
            return None
        return ConsentStatement(text=self.consent_text, given_by=self.consent_given_by)

    @field_validator("timestamp_start")
    @classmethod
    def _has_an_end(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.year >= 9999:
            raise ValueError("the end of the video would be out of range")
        return value


class UploadAccepted(StrictModel):
    """The answer to an upload: the video is in the broker, for an extractor. ``job_id`` is the capture's own id."""

    job_id: Identifier
    capture_id: Identifier


class UploadStatus(StrictModel):
    """The progress of a job. ``error`` is the code of its failure, as in ``GET /captures/{capture_id}``."""

    status: JobState
    progress: Annotated[float, Field(ge=0, le=1)]
    error: str | None = None


def looks_like_video(head: bytes) -> bool:
    """Whether a file with these first bytes may be a video that an extractor can read: MP4, QuickTime and 3GP, WebM and
    Matroska."""
    return head.startswith(_EBML) or head[4:8] in _ISO_BOXES
