"""The fields that every message has."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from contracts.rules.ids import Identifier, RecordId, SchemaVersion, SessionId, UtcDatetime

__all__ = ["BaseMessage", "StrictModel", "Text", "what_is_wrong"]

_SHOWN_ERRORS = 5
_SHOWN_NAME = 64

Text = Annotated[str, StringConstraints(strict=True, max_length=256)]
"""A free text of at most 256 characters."""


class StrictModel(BaseModel):
    """A model that coerces no value, refuses unknown fields and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BaseMessage(StrictModel):
    """``schema_version, record_id, user_id, session_id?, timestamp, modality?, source?, performer_id?``.

    Control messages and session requests reject unknown fields; A3CP messages
    (`contracts.messages.event`) keep them.
    """

    schema_version: SchemaVersion
    record_id: RecordId
    user_id: Identifier
    session_id: SessionId | None = None
    timestamp: UtcDatetime
    modality: Text | None = None
    source: Text | None = None
    performer_id: Identifier | None = None


def what_is_wrong(error: ValidationError) -> str:
    """Describe which fields break a schema, and how. No value is quoted."""
    parts = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False)[:_SHOWN_ERRORS]:
        field = ".".join(str(part)[:_SHOWN_NAME] for part in problem["loc"]) or "body"
        parts.append(f"{field}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(parts)
