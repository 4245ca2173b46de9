"""The quick way to read a ``capture.frame_meta`` accepts nothing that the schema refuses, and reads the same."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.messages.capture import FrameMeta, parse_capture_message
from gateway.capture.frame_meta import Announced, FrameMetas
from tests.support.messages import Client

CLIENT = Client()
FIRST = CLIENT.meta(1, 10)
FIELDS = list(orjson.loads(FIRST))

ODD = [
    None, True, False, 0, 1, -1, 1.0, 2.5, 2**53, 2**53 + 1, -(2**53), 2**63, 2**70, 1e400, "", "1", "sess_1", [],
    {}, [1],
    "2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31T12:00:00+02:99", "0001-01-01T00:00:00+01:00",
    "2026-01-31T12:00:00.1234567", "2026-02-30T12:00:00Z", CLIENT.record_id, CLIENT.record_id.upper(),
    CLIENT.record_id + "\n", "\ud800", "\u0000", "1.0.2", "2.0.0", "capture.open", "x" * 257,
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(ODD), st.integers(), st.text(max_size=8), st.datetimes().map(lambda t: t.isoformat())
)
CHANGES = st.dictionaries(st.sampled_from([*FIELDS, "modality", "source", "performer_id", "other"]), VALUES, max_size=3)


def metas(first: str = FIRST) -> FrameMetas:
    quick = FrameMetas()
    quick.learn(first)
    return quick


def validated(text: str) -> Any:
    """The message as the schema reads it; None if it refuses it."""
    try:
        return parse_capture_message(json.loads(text))
    except ValidationError:
        return None


@given(CHANGES, st.sets(st.sampled_from(FIELDS), max_size=1), st.booleans())
@example({"seq": True}, set(), False)
@example({"timestamp_frame": "2026-01-31T12:00:00.066Z"}, set(), False)
@example({"timestamp_frame": "2026-01-31T12:00:00,066Z"}, set(), False)
@example({"timestamp_frame": "2026-01-31T12:00:00.0661+02:00"}, set(), False)
@example({"timestamp_frame": "2026-01-31T12:00:00.06612345"}, set(), False)
@example({"byte_length": 0}, set(), False)
@example({"source": None}, set(), False)
@example({"record_id": CLIENT.record_id.upper()}, set(), False)
def test_what_is_read_quickly_is_what_the_schema_reads(changes: dict[str, Any], missing: set[str], known: bool) -> None:
    document = {name: value for name, value in orjson.loads(CLIENT.meta(2, 20)).items() if name not in missing}
    text = json.dumps(document | changes)
    quick = metas(FIRST[:-1] + ',"source":"camera","modality":null}' if known else FIRST).read(text)
    if quick is not None:
        full = validated(text)
        assert isinstance(full, FrameMeta)
        assert quick == Announced.by(full)
        assert (full.user_id, full.session_id, full.capture_id) == (
            CLIENT.user_id,
            CLIENT.session_id,
            CLIENT.capture_id,
        )


@pytest.mark.parametrize("text", ["", "[]", '"event"', "1", "null", "{", FIRST + "x", "[" * 300])
def test_a_text_that_is_no_message_is_left_to_the_schema(text: str) -> None:
    assert metas().read(text) is None


def test_the_next_message_of_a_capture_is_read_quickly_whatever_the_order_of_its_fields() -> None:
    assert FrameMetas().read(FIRST) is None, "nothing is known before the first"
    later = orjson.loads(CLIENT.meta(2, 20))
    for fields in (FIELDS, FIELDS[::-1]):
        quick = metas().read(json.dumps({name: later[name] for name in fields}, indent=1))
        assert quick is not None and (quick.seq, quick.byte_length) == (2, 20)


@pytest.mark.parametrize("change", [{"user_id": "other"}, {"capture_id": "other"}, {"event": "capture.close"}])
def test_a_message_with_other_identifiers_is_left_to_the_rules(change: dict[str, Any]) -> None:
    assert metas().read(CLIENT.meta(2, 20, **change)) is None


def test_nothing_is_read_quickly_after_a_message_that_orjson_refuses() -> None:
    assert metas(FIRST[:-1] + ',"source":"\\ud800"}').read(CLIENT.meta(2, 20)) is None
