"""What permits an erasure, and how it is published, rule by rule: allow_erasure, publish_erasure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.broker import keys
from contracts.messages.erasure import CaptureErased
from contracts.rules.errors import UnreadableValue
from contracts.state import erasures
from contracts.state.erasures import ErasureRequest
from contracts.state.event_entries import read_entry
from tests.contracts.scripting import Backend, erasure_request

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WEEK_S = 7 * 24 * 3600


@pytest.fixture
def request_(backend: Backend, unique: str) -> ErasureRequest:
    return erasure_request(f"capture-{unique}", f"user-{unique}")


def published(backend: Backend, request: ErasureRequest) -> list[tuple[bytes, bytes]]:
    """The ids of the entries of a capture's erasure, and their events."""
    entries: Any = backend.events.xrange(keys.EVENTS)
    return [
        (each, read_entry(fields).event) for each, fields in entries if fields[b"user_id"] == request.user_id.encode()
    ]


def test_exactly_what_was_noted_may_be_removed(backend: Backend, request_: ErasureRequest) -> None:
    assert not erasures.is_allowed(backend.events, request_)
    assert not erasures.has_begun(backend.events, request_.capture_id)
    assert backend.run(erasures.allow(request_))
    assert erasures.is_allowed(backend.events, request_)
    assert erasures.has_begun(backend.events, request_.capture_id)
    for name, value in (
        ("user_id", "other"), ("session_id", "sess_ffffffffffffffff"), ("uri", "elsewhere"),
        ("record_id", "00000000-0000-4000-8000-000000000000"), ("hash", "sha256:" + "f" * 64),
    ):  # fmt: skip
        assert not erasures.is_allowed(backend.events, replace(request_, **{name: value}))
    assert WEEK_S - 3600 < int(backend.events.ttl(keys.erasure(request_.capture_id))) <= WEEK_S  # type: ignore[arg-type]


def test_a_repeat_publishes_the_first_event_again(backend: Backend, request_: ErasureRequest) -> None:
    backend.run(erasures.allow(request_))
    for seconds in range(2):
        backend.run(erasures.publish(request_, NOON + timedelta(seconds=seconds)))
    (_, first), (_, again) = published(backend, request_)
    assert first == again
    assert CaptureErased.model_validate_json(first).erased_at == NOON


def test_nothing_is_asked_for_while_its_event_waits_for_a_recorder(backend: Backend, request_: ErasureRequest) -> None:
    for _ in range(2):
        assert backend.run(erasures.allow(request_))
    backend.run(erasures.publish(request_, NOON))
    assert not backend.run(erasures.allow(request_))
    ((entry_id, _),) = published(backend, request_)
    backend.events.xdel(keys.EVENTS, entry_id)  # recorded, or lost: the log decides
    assert backend.run(erasures.allow(request_))


def test_another_artifact_of_the_same_capture_id_has_an_event_of_its_own(
    backend: Backend, request_: ErasureRequest
) -> None:
    other = erasure_request(request_.capture_id, request_.user_id)
    backend.run(erasures.allow(request_))
    backend.run(erasures.publish(request_, NOON))
    assert backend.run(erasures.allow(other))
    assert not erasures.is_allowed(backend.events, request_)
    backend.run(erasures.publish(request_, NOON))  # cut off before, and late now
    backend.run(erasures.publish(replace(other, hash="sha256:" + "1" * 64), NOON))
    hashes = [CaptureErased.model_validate_json(event).hash for _, event in published(backend, request_)]
    assert hashes == ["sha256:" + digit * 64 for digit in "001"]
    assert backend.run(erasures.allow(other)), "none of these was about what is noted now"


@pytest.mark.parametrize("value", [b"", b"x", b"1", b"0-0-0", b"9" * 40 + b"-1"])
def test_a_note_with_anything_else_asks_again(backend: Backend, request_: ErasureRequest, value: bytes) -> None:
    backend.run(erasures.allow(request_))
    backend.events.hset(keys.erasure(request_.capture_id), "entry_id", value)
    assert backend.run(erasures.allow(request_))


def test_a_note_of_another_type_is_unreadable(backend: Backend, request_: ErasureRequest) -> None:
    backend.events.lpush(keys.erasure(request_.capture_id), "x")
    with pytest.raises(UnreadableValue):
        backend.run(erasures.allow(request_))
    with pytest.raises(UnreadableValue):
        erasures.is_allowed(backend.events, request_)
