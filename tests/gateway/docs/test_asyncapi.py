"""The AsyncAPI document is valid and complete, and real messages and entries fit it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from jsonschema import Draft7Validator
from starlette.routing import WebSocketRoute

from contracts.broker import keys
from contracts.messages import live, public
from contracts.rules.codes import CAPTURE_CODES, LIVE_CODES, AbortCode, VideoCode
from contracts.state import dead_letters
from contracts.state.dispatch import DispatchEntry
from contracts.state.events import EventEntry, Receipt
from contracts.state.frame import ForwardItem, TerminalEntry
from contracts.state.live import Answer, LiveFrame
from gateway.docs.asyncapi import asyncapi
from tests.gateway.reached import reaching

ROOT = Path(__file__).parents[3]
OWN_SCHEMA = ROOT / "gateway" / "web" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
DOCUMENT = asyncapi("0.0.0")
CHANNELS = DOCUMENT["channels"]
MESSAGES = DOCUMENT["components"]["messages"]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def asyncapi_validator() -> Draft7Validator:
    assert OWN_SCHEMA.exists(), "./scripts/test installs the packages of gateway/web, and AsyncAPI's schema with them"
    return Draft7Validator(orjson.loads(OWN_SCHEMA.read_bytes()))


def test_it_is_valid_asyncapi(asyncapi_validator: Draft7Validator) -> None:
    assert asyncapi_validator.is_valid(DOCUMENT)
    assert not asyncapi_validator.is_valid({**DOCUMENT, "channels": {"capture": {"messages": []}}})
    assert not asyncapi_validator.is_valid({**DOCUMENT, "asyncapi": "2.6.0"})


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from _references(item)


def test_every_reference_leads_somewhere() -> None:
    references = set(_references(DOCUMENT))
    assert len(references) > 50
    for reference in references:
        place = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


async def test_it_has_every_socket_and_no_other(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        sockets = {route.path for route in gateway.app.routes if isinstance(route, WebSocketRoute)}
        assert sockets == {channel["address"] for channel in CHANNELS.values() if "x-close-codes" in channel}


def test_it_has_every_stream_under_its_key() -> None:
    streams = {name: channel for name, channel in CHANNELS.items() if "x-redis-key" in channel}
    assert {name: channel["x-redis-key"] for name, channel in streams.items()} == {
        "captures": keys.CAPTURES,
        "uploads": keys.UPLOADS,
        "erasures": keys.ERASURES,
        "frames": keys.capture_keys("<capture_id>").frames,
        "liveInbox": keys.live_inbox("<worker>"),
        "liveOutbox": keys.live_outbox("<gateway>"),
        "events": keys.EVENTS,
        "deadLetters": keys.DEAD_EVENTS,
    }
    for channel in streams.values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel.get("parameters", {}))
        tag = channel.get("parameters", {}).get("tag", {}).get("default", "")
        assert not tag or channel["address"].replace("{tag}", tag) == channel["x-redis-key"]
    assert streams["captures"]["x-redis-group"] == keys.EXTRACTOR_GROUP
    assert streams["events"]["x-redis-group"] == keys.RECORDER_GROUP


def test_every_message_of_the_sockets_is_in_it() -> None:
    capture = {"CaptureOpen", "FrameMeta", "CaptureClose", "CaptureAbort", "CaptureProgress"}
    assert capture <= set(public.__all__) and capture <= set(CHANNELS["capture"]["messages"])
    told = {kind.__name__ for kind in get_args(live.LiveMessage)}
    assert told <= set(CHANNELS["live"]["messages"])


def test_every_code_is_documented_with_its_close_code() -> None:
    assert {close["reason"] for close in CHANNELS["live"]["x-close-codes"]} == {*LIVE_CODES, "server_shutdown"}
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["AbortCode"]["enum"]) == set(get_args(AbortCode))
    assert set(schemas["VideoCode"]["enum"]) == set(get_args(VideoCode))
    reasons = {close["reason"] for close in CHANNELS["capture"]["x-close-codes"]}
    assert CAPTURE_CODES - reasons == {"client_disconnected", "gateway_lost", "frames_lost"}
    assert {close["close"] for close in CHANNELS["capture"]["x-close-codes"]} == {
        *(1000, 1003, 1008, 1009, 1011, 1012, 1013)
    }  # fmt: skip
    assert {close["close"] for close in CHANNELS["live"]["x-close-codes"]} == {1003, 1008, 1009, 1011, 1012}


def _validator(message: str) -> Draft7Validator:
    return Draft7Validator({"allOf": [MESSAGES[message]["payload"]], "components": DOCUMENT["components"]})


@pytest.mark.parametrize("name", sorted(name for name, message in MESSAGES.items() if "examples" in message))
def test_an_example_fits_its_schema(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        _validator(name).validate(example["payload"])
        assert not _validator(name).is_valid({**example["payload"], "strange": 1})


def test_every_message_but_the_binary_ones_has_an_example() -> None:
    bare = {name for name, message in MESSAGES.items() if "examples" not in message}
    assert bare == {"Frame", "LiveFrame", "FrameEntry", "LiveFrameEntry"}


def _fields(written: list[Any]) -> dict[str, str]:
    """The fields and values of an entry as text; bytes that are no UTF-8 are read as Latin-1."""
    texts = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in written]
    return dict(zip(texts[::2], texts[1::2], strict=True))


_FRAME = ForwardItem("c-1", 1, NOW, b"\xff\xd8", "jpeg", 640, 480, "user-1", "sess_0123456789abcdef")
_EVENT = EventEntry(b"{}", "user-1", "sess_0123456789abcdef", "c7864313-62bd-4510-bd47-471312f0ceb5", "c-1")
_WHO, _PARENT = ("c-1", "user-1", "sess_0123456789abcdef"), f"00-{'a' * 32}-{'b' * 16}-01"
_BURIED = dead_letters.dead_letter("1-0", Receipt(error="missing_session_path", detail="no"),
                       {k.encode(): str(v).encode() for k, v in _EVENT.encode().items()}, NOW)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("FrameEntry", _FRAME.encode()),
        ("TerminalEntry", TerminalEntry("close", timestamp_end=NOW).encode()),
        ("TerminalEntry", TerminalEntry("abort", error_code="gateway_lost").encode()),
        ("TerminalEntry", TerminalEntry("abort", error_code="no_worker").encode()),
        ("LiveFrameEntry", LiveFrame("l-1", 0, "pose", "g-1", b"\xff\xd8").encode()),
        ("LiveAnswerEntry", Answer("l-1", 0, b"{}").encode()),
        ("LiveAnswerEntry", Answer("l-1", 0, b"It failed.", "pipeline_failure").encode()),
        ("LiveFrameEntry", LiveFrame("l-1", 0, "pose", "g-1", b"\xff\xd8", _PARENT).encode()),
        ("DispatchEntry", [part for field in DispatchEntry(*_WHO, _PARENT).encode().items() for part in field]),
        ("EventEntry", [part for field in _EVENT.encode().items() for part in field]),
        ("EventEntry", [part for f in replace(_EVENT, traceparent=_PARENT).encode().items() for part in f]),
        ("DeadLetter", ["bytes_before", "0", *_BURIED.arguments[9:]]),
    ],
)
def test_entries_of_a_stream_fit_its_schema(name: str, written: list[Any]) -> None:
    fields = _fields(written)
    _validator(name).validate(fields)
    for field in fields:
        assert field in DOCUMENT["components"]["schemas"][name]["properties"]
    first = next(iter(fields))
    assert not _validator(name).is_valid({field: value for field, value in fields.items() if field != first})
