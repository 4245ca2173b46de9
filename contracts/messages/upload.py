"""An uploaded video: what its client sends and is answered, and how it lies in the frames role. No I/O.

An upload is a capture whose frames come from a file; its job is that capture, and has its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator

from contracts.messages.base import StrictModel
from contracts.rules.ids import Identifier, RecordId, SessionId, UtcDatetime, is_identifier

__all__ = [
    "CHUNK_BYTES",
    "HEAD_BYTES",
    "JobState",
    "Place",
    "StoredVideo",
    "UploadAccepted",
    "UploadForm",
    "UploadStatus",
    "looks_like_video",
]

CHUNK_BYTES = 512 * 1024 - 64
"""Every chunk of a video but its last has so many bytes. A broker whose allocator is jemalloc gives 640 KiB to what is
larger than 512, and it adds a few bytes of its own."""

_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = b"\x1a\x45\xdf\xa3"

_BYTES = re.compile(r"[0-9]{1,15}")

HEAD_BYTES = 8
"""How much of a file `looks_like_video` looks at."""

JobState = Literal["queued", "running", "done", "failed"]
"""``done``: the line is in the session's log."""


class UploadForm(StrictModel):
    """The fields of ``POST /video/submit`` beside the ``file``. ``record_id`` names the window."""

    user_id: Identifier
    session_id: SessionId
    record_id: RecordId
    capture_id: Identifier
    timestamp_start: UtcDatetime | None = None
    intent: Annotated[str, StringConstraints(strict=True, max_length=256)] | None = None

    @field_validator("timestamp_start")
    @classmethod
    def _has_an_end(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.year >= 9999:
            raise ValueError("the end of the video would be out of range")
        return value


class UploadAccepted(StrictModel):
    """The answer: the video is in the broker, and waits for an extractor. ``job_id`` is the capture's own id."""

    job_id: Identifier
    capture_id: Identifier


class UploadStatus(StrictModel):
    """How far a job is. ``error`` is why it failed: a code, as in ``GET /captures/{capture_id}``."""

    status: JobState
    progress: Annotated[float, Field(ge=0, le=1)]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One video's place among those in the broker. ``user_id`` is empty as long as nobody knows it."""

    upload_id: str
    byte_length: int
    user_id: str = ""

    @classmethod
    def read(cls, member: str) -> Self:
        """Read its written form; ``ValueError`` if it is none."""
        upload_id, byte_length, user_id = member.split("/")
        if not is_identifier(upload_id) or not _BYTES.fullmatch(byte_length):
            raise ValueError("not the place of a video")
        if user_id and not is_identifier(user_id):
            raise ValueError("the place of a video has a user_id that is no identifier")
        return cls(upload_id, int(byte_length), user_id)

    @property
    def member(self) -> str:
        """How it is written in the broker."""
        return f"{self.upload_id}/{self.byte_length}/{self.user_id}"


class StoredVideo(StrictModel):
    """Where a capture's video is, and the limits on it that its window does not have."""

    upload_id: Identifier
    byte_length: Annotated[int, Field(ge=1)]
    min_duration_s: float
    max_frames: int


def looks_like_video(head: bytes) -> bool:
    """Whether a file that begins so may be one that an extractor takes: MP4, QuickTime and 3GP, WebM and Matroska."""
    return head.startswith(_EBML) or head[4:8] in _ISO_BOXES
