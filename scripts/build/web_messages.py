"""Print the part of the contracts that the pages use: ``python -m scripts.build.web_messages schema|constants``.

``schema`` is the JSON Schema of every message that a page sends or reads; `npm run messages` makes the TypeScript types
from it. ``constants`` has the values: versions, codes, quality reasons, roles, the layout, the lines of the skeletons.
"""

from __future__ import annotations

import sys
from typing import Any, Literal, get_args

import orjson
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from contracts.messages.access import SignedIn
from contracts.messages.http import Appended, ClientLimits
from contracts.messages.library import (
    LibraryCaptureWithHistory,
    LibraryPage,
    LibrarySummary,
    ReassignRequest,
    RelabelRequest,
    ReviewRequest,
    Withdrawn,
    WithdrawRequest,
)
from contracts.messages.live import LiveCode, LiveDropped, LiveError, LiveResult, LiveWarning
from contracts.messages.motion import CaptureMotion
from contracts.messages.operate import DeadItemWhole, DeadPage
from contracts.messages.pipelines import PipelineInfo
from contracts.messages.public import (
    CaptureAbort,
    CaptureClose,
    CaptureOpen,
    CaptureProgress,
    ConsentText,
    FrameMeta,
    Quality,
    RawFeaturesRef,
    SessionAnswer,
    SessionEndRequest,
    SessionStartRequest,
    SessionValidateRequest,
)
from contracts.messages.study import Study, StudyList, StudyProgress
from contracts.rules.code_entry import Code
from contracts.rules.codes import CODES, AbortCode, CaptureCode, VideoCode
from contracts.rules.ids import SCHEMA_VERSION
from contracts.rules.landmarks import CONNECTIONS, LAYOUT
from contracts.rules.limits import CaptureLimits
from contracts.rules.quality_reasons import QUALITY_REASONS
from contracts.rules.rights import MAY

__all__ = ["constants", "main", "schema"]

_SENT: tuple[type[BaseModel], ...] = (
    CaptureOpen,
    FrameMeta,
    CaptureClose,
    SessionStartRequest,
    SessionEndRequest,
    SessionValidateRequest,
    ReviewRequest,
    RelabelRequest,
    ReassignRequest,
    WithdrawRequest,
)
_READ: tuple[type[BaseModel], ...] = (
    CaptureAbort,
    CaptureProgress,
    SessionAnswer,
    SignedIn,
    ConsentText,
    RawFeaturesRef,
    Quality,
    ClientLimits,
    PipelineInfo,
    CaptureMotion,
    LiveResult,
    LiveDropped,
    LiveWarning,
    LiveError,
    LibraryPage,
    LibraryCaptureWithHistory,
    LibrarySummary,
    Study,
    StudyList,
    StudyProgress,
    Appended,
    Withdrawn,
    DeadPage,
    DeadItemWhole,
)


class _FieldsThatAreSent(GenerateJsonSchema):
    """Marks the fields that are always present: in messages that pages send, those without a default; in messages that
    pages read, also those with a default that is not null."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        given = field.get("schema", {}).get("default") is not None
        return super().field_is_required(field, total) or (self.mode == "serialization" and given)


def schema() -> dict[str, Any]:
    """Make one JSON Schema with a definition for each message."""
    modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in _SENT),
        *((model, "serialization") for model in _READ),
    ]
    _, document = models_json_schema(modes, schema_generator=_FieldsThatAreSent)
    return {"title": "Messages", **document}


def _page_texts(code: Code) -> dict[str, dict[str, str]]:
    """What the pages show for a code; ``video`` and ``live`` are there if their pages show something else."""
    texts = {"page": code.page or (code.meaning, code.fix), "video": code.video, "live": code.live}
    return {place: {"happened": text[0], "advice": text[1]} for place, text in texts.items() if text}


def constants() -> dict[str, Any]:
    """The values that pages share with the processes. The limits are defaults: a page asks its gateway."""
    limits = ClientLimits.of(CaptureLimits())
    return {
        "schema_version": SCHEMA_VERSION,
        "abort_codes": get_args(AbortCode),
        "capture_codes": get_args(CaptureCode),
        "video_codes": get_args(VideoCode),
        "live_codes": get_args(LiveCode),
        "retry_codes": [name for name, code in CODES.items() if code.retry],
        "codes": {name: _page_texts(code) for name, code in CODES.items()},
        "quality_reasons": {name: reason._asdict() for name, reason in QUALITY_REASONS.items()},
        "capture_limits": limits.model_dump(),
        "rights": {role: sorted(rights) for role, rights in MAY.items()},
        "parts": {part.name: {"landmarks": part.landmarks, "coordinates": part.coordinates} for part in LAYOUT},
        "connections": CONNECTIONS,
    }


_DOCUMENTS = {"schema": schema, "constants": constants}


def main(arguments: list[str]) -> int:
    """Print the document that the argument names; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in _DOCUMENTS:
        print("usage: python -m scripts.build.web_messages schema|constants", file=sys.stderr)
        return 2
    document = orjson.dumps(_DOCUMENTS[arguments[0]](), option=orjson.OPT_INDENT_2)
    sys.stdout.buffer.write(document + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
