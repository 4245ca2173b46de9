"""What the public messages hold.

An event or a message with an image in it would carry a person's face into logs, brokers that persist, and every
reader downstream; frames have their own path, in memory, and messages only refer to results. What is public is
listed, so that no reader finds a name gone.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, get_args

import pytest
from pydantic import Base64Bytes, Base64Str, BaseModel

from contracts.messages import public
from contracts.messages.capture import CaptureClose, CaptureOpen, FrameMeta
from tests.guards.sources import listed

REQUIRED = {
    *("A3CPMessage", "BaseMessage", "Annotation", "RawFeaturesRef", "FeatureRefEvent"),
    *("CaptureOpen", "FrameMeta", "CaptureClose", "CaptureMessage", "CaptureAbort", "CaptureProgress"),
    *("SessionStartRequest", "SessionEndRequest", "SessionValidateRequest", "SessionAnswer"),
}
BINARY = (bytes, bytearray, memoryview)
IMAGE_WORDS = {"image", "images", "payload", "base64", "b64", "pixels", "blob", "jpeg", "jpg", "png", "thumbnail"}
IMAGE_NAMES = {"data", "frame", "frames_data", "frame_bytes", "frame_data"}


def image_room(model: type[BaseModel], seen: frozenset[type] = frozenset()) -> list[str]:
    """Fields of ``model``, and of the models in it, that could hold an image."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        place = f"{model.__module__}.{model.__qualname__}.{name}"
        kinds = set(_kinds(field.annotation))
        if any(issubclass(kind, BINARY) for kind in kinds):
            found.append(f"{place}: bytes do not belong into a message")
        if name in IMAGE_NAMES or IMAGE_WORDS & set(re.split("_+", name.lower())):
            found.append(f"{place}: named as if it held an image")
        for kind in kinds - seen:
            if issubclass(kind, BaseModel) and kind is not model:
                found += image_room(kind, seen | {model})
    schema = json.dumps(model.model_json_schema())
    if re.search(r'"(contentEncoding|format)": "(base64|base64url|binary)"', schema):
        found.append(f"{model.__module__}.{model.__qualname__}: a field is base64 or binary")
    return found


def _kinds(annotation: Any) -> list[type]:
    inner = [kind for argument in get_args(annotation) for kind in _kinds(argument)]
    return [annotation, *inner] if isinstance(annotation, type) else inner


def public_models() -> list[type[BaseModel]]:
    """Every model that `contracts.messages.public` exports, those in its unions too."""
    kinds = {kind for name in public.__all__ for kind in _kinds_of(getattr(public, name))}
    return sorted((kind for kind in kinds if issubclass(kind, BaseModel)), key=lambda kind: kind.__name__)


def _kinds_of(exported: Any) -> list[type]:
    return [exported] if isinstance(exported, type) else _kinds(exported)


def test_the_required_names_are_public() -> None:
    assert REQUIRED - set(public.__all__) == set()
    assert {CaptureOpen, FrameMeta, CaptureClose} < set(public_models())


def test_everything_exported_is_a_message() -> None:
    strange = [name for name in public.__all__ if not _kinds_of(getattr(public, name))]
    assert not strange


@pytest.mark.parametrize("model", public_models(), ids=lambda model: model.__name__)
def test_no_message_has_room_for_an_image(model: type[BaseModel]) -> None:
    findings = image_room(model)
    assert not findings, listed(findings)


class _Inner(BaseModel):
    raw: bytes


class _Nested(BaseModel):
    parts: dict[str, list[_Inner]]


class _Named(BaseModel):
    preview_image: str


class _Frame(BaseModel):
    frame_bytes: list[int]


class _Coded(BaseModel):
    text: Base64Str


class _CodedBytes(BaseModel):
    text: Annotated[Base64Bytes, "coded"] | None = None


@pytest.mark.parametrize("model", [_Inner, _Nested, _Named, _Frame, _Coded, _CodedBytes], ids=lambda m: m.__name__)
def test_room_for_an_image_is_found(model: type[BaseModel]) -> None:
    assert image_room(model)
