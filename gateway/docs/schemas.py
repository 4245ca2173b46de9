"""JSON Schemas of the contracts' models for both documents. No I/O.

Each is valid in both dialects: 2020-12, which OpenAPI 3.1 uses, and draft-07, which AsyncAPI 3.0 uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from contracts.messages.capture import CaptureStatus
from contracts.messages.library import CaptureState, Consent, ReviewVerdict
from contracts.messages.session import SessionStatus
from contracts.messages.upload import JobState
from contracts.rules.codes import AbortCode, CaptureCode, LiveCode, VideoCode
from contracts.rules.ids import Identifier, RecordId, SchemaVersion, SessionId, UtcDatetime
from contracts.rules.quality_reasons import QualityVerdict
from gateway.docs.examples import EXAMPLES

__all__ = ["NUMBER", "Schema", "components", "entry_schema", "reference"]

Schema = dict[str, Any]

_PLACE = "#/components/schemas/"

_TYPES: dict[str, tuple[Any, str]] = {
    "Identifier": (Identifier, "1 to 128 of `A–Z a–z 0–9 . _ -`, not starting with a dot."),
    "RecordId": (RecordId, "A UUIDv4 in its hyphenated form, kept as it was written."),
    "SessionId": (SessionId, "`sess_` and 16 lowercase hex digits; only the session manager creates one."),
    "SchemaVersion": (SchemaVersion, "MAJOR.MINOR.PATCH; any major version other than 1 is refused."),
    "UtcDatetime": (
        UtcDatetime,
        "ISO 8601. A time without an offset is read as UTC. The server writes milliseconds and `Z`.",
    ),
    "AbortCode": (AbortCode, "Why a capture ended without an artifact."),
    "VideoCode": (VideoCode, "Why a capture from an uploaded video ended without an artifact."),
    "CaptureCode": (CaptureCode, "Every reason that a capture socket is closed with, except success."),
    "LiveCode": (LiveCode, "Why a connection of the real-time lane ends."),
    "CaptureStatus": (CaptureStatus, "The progress of a capture. `recorded`: its line is in the session's log."),
    "SessionStatus": (SessionStatus, "`invalid`: there is no such session, or it is another user's."),
    "ReviewVerdict": (ReviewVerdict, "A person's verdict on a capture."),
    "QualityVerdict": (QualityVerdict, "The extractor's verdict on a capture."),
    "Consent": (Consent, "A withdrawal counts more than a refusal, and a refusal more than any consent."),
    "CaptureState": (CaptureState, "`withdrawn`: no picture and no export gives it out. `erased`: its file is gone."),
    "JobState": (JobState, "The progress of an upload. `done`: its line is in the session's log."),
}


class _SchemaGenerator(GenerateJsonSchema):
    """Omits titles, which only repeat the names, and replaces pydantic's own forms by those of both dialects."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Require a field with a default in messages that the server writes, unless it is null, but not in messages
        that it reads."""
        given = field.get("schema", {}).get("default") is not None
        return super().field_is_required(field, total) or (self.mode == "serialization" and given)

    def default_schema(self, schema: Any) -> Schema:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:  # the field may be absent, so a default of null adds nothing
            del made["default"]
        return made

    def ser_schema(self, schema: Any) -> Schema | None:
        return None  # only times have a serializer, and the server writes them in a form that it also reads

    def str_schema(self, schema: Any) -> Schema:
        made = super().str_schema(schema)
        if "pattern" in made:
            # \z is not in ECMA-262, whose $ does not match before a final newline
            made["pattern"] = made["pattern"].replace(r"\z", "$")
        return made

    def tuple_schema(self, schema: Any) -> Schema:
        made = super().tuple_schema(schema)
        kinds = made.pop("prefixItems", [])
        if kinds:
            assert all(kind == kinds[0] for kind in kinds), "the dialects describe tuples of several types differently"
            made["items"] = kinds[0]
        return made


def reference(name: str) -> Schema:
    """A reference to the schema of this name."""
    return {"$ref": _PLACE + name}


def components(read: Iterable[type[BaseModel]], written: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """The schemas of all these models, of the models in them, and of the types that they share, each by its name.

    Args:
        read: models of messages that the server reads: a field with a default may be missing.
        written: models of messages that the server writes: a field with a default is present.
    """
    modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in read),
        *((model, "serialization") for model in written),
    ]
    _, made = models_json_schema(modes, schema_generator=_SchemaGenerator, ref_template=_PLACE + "{model}")
    named = {
        name: TypeAdapter(kind).json_schema(schema_generator=_SchemaGenerator) for name, (kind, _) in _TYPES.items()
    }
    schemas = {name: _sharing(schema, named) for name, schema in made["$defs"].items()}
    for name, schema in schemas.items():
        schema["description"] = " ".join(schema.get("description", "").replace("``", "`").split())
        if name in EXAMPLES:
            schema["examples"] = [EXAMPLES[name]]
    shared = {name: {**named[name], "description": description} for name, (_, description) in _TYPES.items()}
    return dict(sorted((schemas | shared).items()))


def _sharing(schema: Any, named: dict[str, Schema]) -> Any:
    """Replace every part of the schema that equals a named one by a reference to it."""
    if isinstance(schema, list):
        return [_sharing(item, named) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = next((name for name, shared in named.items() if schema == shared), None)
    return reference(name) if name else {key: _sharing(value, named) for key, value in schema.items()}


NUMBER: Schema = {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}
"""A whole number in a stream entry."""

_ENTRY_FIELDS: dict[str, Schema] = {
    "capture_id": reference("Identifier"),
    "user_id": reference("Identifier"),
    "session_id": reference("SessionId"),
    "record_id": reference("RecordId"),
    "traceparent": {
        "type": "string",
        "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "description": "W3C Trace Context, only if it is traced.",
        "x-optional": True,
    },
}


def entry_schema(entry: type, description: str, fields: dict[str, Schema]) -> Schema:
    """The schema of a stream entry: the fields of the class that writes it, all as strings, as Redis stores them.

    Args:
        fields: schemas of fields that the class does not describe or does not have.
    """
    made: dict[str, Schema] = {}
    for name, kind in get_type_hints(entry).items():
        if name in _ENTRY_FIELDS:
            made[name] = _ENTRY_FIELDS[name]
        elif kind in (int, datetime):
            made[name] = NUMBER if kind is int else reference("UtcDatetime")
        else:
            made[name] = {"type": "string"}
    properties = made | fields
    required = [name for name, schema in properties.items() if not schema.get("x-optional")]
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
