"""A3CP messages: the events in a session's log. Unknown fields are preserved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from contracts.messages.base import BaseMessage, StrictModel
from contracts.messages.capture import Annotation
from contracts.messages.consent import ConsentStatement
from contracts.messages.quality import Quality
from contracts.rules.ids import Identifier, SessionId, UtcDatetime

__all__ = ["A3CPMessage", "FeatureRefEvent", "RawFeaturesRef"]


class A3CPMessage(BaseMessage):
    """One event for a session's log, as ``POST /schema-recorder/append`` accepts it.

    ``user_id``, ``session_id`` and ``source`` are required. Fields that are not named here are
    kept as they came.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    session_id: SessionId
    source: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=256)]


class RawFeaturesRef(StrictModel):
    """Where a capture's feature matrix is stored, and its hash.

    ``uri`` is relative to ``DATA_ROOT`` for local files; ``hash`` is over the whole file's bytes;
    ``shape`` is ``[T, dims]``, two whole numbers.
    """

    uri: str
    hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    format: Literal["npz"]
    dims: Annotated[int, Field(ge=1)]
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]
    dtype: Literal["float32"]
    encoding: str


class FeatureRefEvent(A3CPMessage):
    """The one event of a completed capture. Field order is the order in the log. Events that were recorded before
    version 0.3 have no ``quality``. ``recorded_by`` is the entry of the access file whose token the client had; it is
    absent without such a file."""

    modality: Literal["gesture"] = "gesture"
    source: Literal["landmark_extractor"] = "landmark_extractor"
    performer_id: Identifier | None = "system"
    capture_id: Identifier
    timestamp_start: UtcDatetime
    timestamp_end: UtcDatetime
    annotation: Annotation | None = None
    device_id: Identifier | None = None
    consent_given: bool | None = None
    consent: ConsentStatement | None = None
    is_demo: bool | None = None
    raw_features_ref: RawFeaturesRef
    quality: Quality | None = None
    recorded_by: Identifier | None = None
