"""An uploaded video in the frames role: its chunks, and the slot that bounds how much is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from contracts.messages.base import StrictModel
from contracts.rules.ids import Identifier, is_identifier

__all__ = ["CHUNK_BYTES", "StoredVideo", "VideoSlot"]

CHUNK_BYTES = 512 * 1024 - 64
"""Every chunk of a video but its last has so many bytes. A broker whose allocator is jemalloc gives 640 KiB to what is
larger than 512, and it adds a few bytes of its own."""

_BYTES = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class VideoSlot:
    """One video's slot among those in the broker. ``user_id`` is empty until the gateway has read the form field."""

    upload_id: str
    byte_length: int
    user_id: str = ""

    @classmethod
    def read(cls, member: str) -> Self:
        """Read the form that `member` writes. Raises ``ValueError`` if it is another one."""
        upload_id, byte_length, user_id = member.split("/")
        if not is_identifier(upload_id) or not _BYTES.fullmatch(byte_length):
            raise ValueError("not the slot of a video")
        if user_id and not is_identifier(user_id):
            raise ValueError("the slot of a video has a user_id that is no identifier")
        return cls(upload_id, int(byte_length), user_id)

    @property
    def member(self) -> str:
        """Its member in the zset of slots."""
        return f"{self.upload_id}/{self.byte_length}/{self.user_id}"


class StoredVideo(StrictModel):
    """Where a capture's video is stored, and those of its limits that are not in the window."""

    upload_id: Identifier
    byte_length: Annotated[int, Field(ge=1)]
    min_duration_s: float
    max_frames: int
