"""What an export says about each of its captures in ``export.json``, and the version that follows from it. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints

from contracts.rules.ids import Identifier, RecordId, SessionId
from scripts.exports.capture import VerifiedCapture

__all__ = ["ExportedCapture", "content_version"]


class ExportedCapture(BaseModel):
    """One capture of an export, as far as a later export may differ from it. ``label``, ``split`` are None without."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    record_id: RecordId
    capture_id: Identifier
    session_id: SessionId
    user_id: Identifier
    participant: Identifier
    label: str | None = None
    split: Literal["train", "validation", "test"] | None = None
    hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]

    @classmethod
    def of(cls, capture: VerifiedCapture) -> ExportedCapture:
        """Describe a capture that is about to be exported."""
        return cls.model_validate({**capture.facts(), "label": capture.intent})


def content_version(rows: Iterable[dict[str, Any]]) -> str:
    """The version of a data set: ``sha256:`` and 64 hex digits, over the sorted `VerifiedCapture.facts` of its
    captures, which have the hash of each artifact. The format, the time and the packages' versions do not count: the
    same captures with the same labels, people and parts are the same version in every format."""
    digest = hashlib.sha256()
    for line in sorted(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in rows):
        digest.update(line + b"\n")
    return f"sha256:{digest.hexdigest()}"
