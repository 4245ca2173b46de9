"""Every message is strict: a field that is missing, of another type, or in another form is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import contracts
from contracts.messages import public
from contracts.messages.capture import OpenAnnotation, parse_capture_message
from tests.contracts import samples
from tests.contracts.samples import Document

# Values that no field of a kind accepts. JSON has no other kinds of values than these.
NOT_TEXT: list[Any] = [1, 1.5, True, [], ["x"], {}]
NOT_TIME: list[Any] = [
    1,
    1.5,
    True,
    [],
    {},
    "",
    "yesterday",
    "2026-01-31",
    "12:00",
    samples.TIME + "\n",
    "2026-01-31 12:00",
]
NOT_INTEGER: list[Any] = ["15", 15.0, True, False, [], {}]
NOT_POSITIVE: list[Any] = [*NOT_INTEGER, 0, -1, 2**53]
NOT_BOOL: list[Any] = ["true", "yes", 1, 0, 1.0, [], {}]
NOT_IDENTIFIER: list[Any] = [
    *NOT_TEXT, "", ".", "..", "../x", "a/b", "/etc", "a\\b", ".hidden", "a b", "a\n", "a\0", "x" * 129, "ü", "a:b",
    "{a}",
]  # fmt: skip
NOT_SESSION: list[Any] = [
    *NOT_TEXT, "", "sess_", "sess_0123456789ABCDEF", "sess_0123456789abcde", "sess_0123456789abcdef0",
    "sess_0123456789abcdeg", "0123456789abcdef", "sess_../../../../..", "sess_0123456789abcdef\n",
    "sess_0123456789abcdef/",
]  # fmt: skip
NOT_RECORD: list[Any] = [
    *NOT_TEXT, "", "x", "b6f4f8ee0f0a4f399a6e0b5f0a4d8c11", "{b6f4f8ee-0f0a-4f39-9a6e-0b5f0a4d8c11}",
    "b6f4f8ee-0f0a-1f39-9a6e-0b5f0a4d8c11",  # version 1
    "b6f4f8ee-0f0a-7f39-9a6e-0b5f0a4d8c11",  # version 7
    "b6f4f8ee-0f0a-4f39-7a6e-0b5f0a4d8c11",  # another variant
    "00000000-0000-0000-0000-000000000000", "b6f4f8ee-0f0a-4f39-9a6e-0b5f0a4d8c11\n",
    "../../0f0a-4f39-9a6e-0b5f0a4d8c11",
]  # fmt: skip
NOT_VERSION: list[Any] = [
    *NOT_TEXT, "", "1", "1.0", "2.0.0", "0.9.0", "1.0.1.1", "1.0.x", "01.0.1", "1.00.1", "v1.0.1", "1.0.1\n",
    "1.-1.0", "11.0.0",
]  # fmt: skip

FORMS: dict[str, list[Any]] = {
    "schema_version": NOT_VERSION,
    "record_id": NOT_RECORD,
    "user_id": NOT_IDENTIFIER,
    "session_id": NOT_SESSION,
    "timestamp": NOT_TIME,
    "modality": [*NOT_TEXT, "x" * 257],
    "source": [*NOT_TEXT, "x" * 257],
    "performer_id": NOT_IDENTIFIER,
    "capture_id": NOT_IDENTIFIER,
    "device_id": NOT_IDENTIFIER,
    "timestamp_start": NOT_TIME,
    "timestamp_end": NOT_TIME,
    "timestamp_frame": NOT_TIME,
    "end_time": NOT_TIME,
    "fps_target": NOT_POSITIVE,
    "width": NOT_POSITIVE,
    "height": NOT_POSITIVE,
    "seq": [*NOT_INTEGER, 2**53 + 1, -(2**53) - 1],
    "byte_length": NOT_POSITIVE,
    "encoding": NOT_TEXT,
    "event": [*NOT_TEXT, "", "capture.other"],
    "annotation": [
        "wave",
        1,
        [],
        {},
        {"intent": 1},
        {"intent": "x" * 257},
        {"study": "s1", "prompt": "wave"},
        *({"intent": "wave", name: wrong} for name in ("study", "resend_of") for wrong in NOT_IDENTIFIER if wrong),
        {"resend_of": "c0"},
    ],
    "progress": [*NOT_BOOL, None],
    "consent_given": NOT_BOOL,
    "is_demo": NOT_BOOL,
    "is_training_data": NOT_BOOL,
    "session_notes": [*NOT_TEXT, "x" * 10_001],
    "training_intent_label": [*NOT_TEXT, "x" * 257],
    "error_code": [*NOT_TEXT, "", "no_such_code"],
    "status": [*NOT_TEXT, "", "done"],
    "accepted": NOT_INTEGER,
    "extracted": NOT_INTEGER,
    "backlog": NOT_INTEGER,
    "slow_down": NOT_BOOL,
    "found": [1, "x", [], {"pose": 1.0}, {"nose": 1}],
    "uri": NOT_TEXT,
    "hash": [*NOT_TEXT, "", "0a" * 32, "md5:" + "0a" * 16, "sha256:" + "0A" * 32, "sha256:" + "0a" * 32 + "\n"],
    "format": [*NOT_TEXT, "npy"],
    "dims": [*NOT_INTEGER, 0],
    "shape": ["10,1662", 10, [1.5], ["10"], {}],
    "dtype": [*NOT_TEXT, "float64"],
    "raw_features_ref": ["x", 1, [], {}],
}


@dataclass(frozen=True)
class Case:
    """One message: how it is read, a full document of it, and which of its fields may be left out."""

    name: str
    parse: Callable[[Document], BaseModel]
    document: Document
    optional: frozenset[str]
    narrowed: tuple[tuple[str, Any], ...] = ()  # fields with one value only, and another value

    def wrong_fields(self) -> Iterator[tuple[str, Any]]:
        for field in self.document:
            for value in FORMS[field]:
                yield field, value
        yield from self.narrowed


BASE_OPTIONAL = {"modality", "source", "performer_id"}
OPEN_OPTIONAL = {"annotation", "progress", "device_id", "consent_given", "is_demo"}
SESSION_OPTIONAL = {
    "is_training_data",
    "session_notes",
    "training_intent_label",
    "device_id",
    "consent_given",
    "is_demo",
}


def _case(name: str, parse: Any, document: Document, optional: set[str], *narrowed: tuple[str, Any]) -> Case:
    return Case(name, parse, document, frozenset(optional), narrowed)


CASES = [
    _case("CaptureOpen", parse_capture_message, samples.capture_open(), BASE_OPTIONAL | OPEN_OPTIONAL, ("encoding",
    "png"), ("annotation", {"intent": "wave", "more": 1})),
    _case("FrameMeta", parse_capture_message, samples.frame_meta(), BASE_OPTIONAL),
    _case("CaptureClose", parse_capture_message, samples.capture_close(), BASE_OPTIONAL),
    _case(
        "CaptureAbort", public.CaptureAbort.model_validate, samples.capture_abort(),
        BASE_OPTIONAL | {"event"}, ("source", "browser"), ("error_code", "invalid_json"),
    ),
    _case("CaptureProgress", public.CaptureProgress.model_validate, samples.capture_progress(), {"event"}),
    _case(
        "SessionStartRequest", public.SessionStartRequest.model_validate, samples.session_start(),
        SESSION_OPTIONAL | {"modality", "source", "session_id"},
    ),
    _case("SessionEndRequest", public.SessionEndRequest.model_validate, samples.session_end(), {"modality",
    "source"}),
    _case("SessionValidateRequest", public.SessionValidateRequest.model_validate, samples.session_validate(), set()),
    _case("SessionAnswer", public.SessionAnswer.model_validate, {"status": "active"}, set()),
    _case("RawFeaturesRef", public.RawFeaturesRef.model_validate, samples.raw_features_ref(), set()),
    _case("A3CPMessage", public.A3CPMessage.model_validate, samples.base(), {"modality", "performer_id"},
    ("source", "")),
    _case(
        "FeatureRefEvent", public.FeatureRefEvent.model_validate, samples.feature_ref(),
        {"modality", "source", "performer_id", "annotation", "device_id", "consent_given", "is_demo"},
        ("source", "browser"), ("modality", "speech"),
    ),
]  # fmt: skip

KEEPS_UNKNOWN = {"A3CPMessage", "FeatureRefEvent"}

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def _without(document: Document, field: str) -> Document:
    return {name: value for name, value in document.items() if name != field}


@each
def test_a_full_message_is_valid(case: Case) -> None:
    assert type(case.parse(case.document)).__name__ == case.name


@each
def test_a_message_needs_each_field_that_is_not_optional(case: Case) -> None:
    assert case.optional < set(case.document) or not case.optional
    for field in case.document:
        if field in case.optional:
            case.parse(_without(case.document, field))
        else:
            with pytest.raises(ValidationError):
                case.parse(_without(case.document, field))
                pytest.fail(f"{field} is needed")


@each
def test_a_field_of_another_type_or_form_is_refused_and_never_coerced(case: Case) -> None:
    for field, value in case.wrong_fields():
        with pytest.raises(ValidationError):
            case.parse({**case.document, field: value})
            pytest.fail(f"{field} took {value!r}")


@each
def test_a_needed_field_is_not_null(case: Case) -> None:
    for field in set(case.document) - case.optional:
        with pytest.raises(ValidationError):
            case.parse({**case.document, field: None})
            pytest.fail(f"{field} took null")


@each
def test_an_unknown_field_is_refused_on_control_messages_and_session_requests(case: Case) -> None:
    document = {**case.document, "unknown": {"deep": [1, "two"]}}
    if case.name in KEEPS_UNKNOWN:
        assert case.parse(document).model_dump()["unknown"] == {"deep": [1, "two"]}
        return
    with pytest.raises(ValidationError):
        case.parse(document)


@each
def test_a_message_is_not_changed_after_it_was_read(case: Case) -> None:
    message = case.parse(case.document)
    with pytest.raises(ValidationError):
        setattr(message, next(iter(case.document)), "other")


@pytest.mark.parametrize("document", ["capture.open", 1, None, True, [], [samples.capture_open()], {}])
def test_a_control_message_is_an_object(document: Any) -> None:
    with pytest.raises(ValidationError):
        parse_capture_message(document)


def test_an_unknown_event_breaks_the_schema() -> None:
    for event in ("capture.abort", "capture.progress", "capture.tick", "CAPTURE.OPEN", "open"):
        with pytest.raises(ValidationError):
            parse_capture_message(samples.capture_open(event=event))


def test_the_largest_integers_that_json_clients_share_are_valid() -> None:
    message = parse_capture_message(samples.frame_meta(seq=2**53 - 1, byte_length=2**53 - 1))
    assert isinstance(message, public.FrameMeta)
    assert message.seq == 2**53 - 1


@pytest.mark.parametrize(("length", "taken"), [(0, True), (256, True), (257, False)])
def test_an_intent_has_at_most_256_characters(length: int, taken: bool) -> None:
    document = samples.capture_open(annotation={"intent": "ü" * length})
    if taken:
        message = parse_capture_message(document)
        assert isinstance(message, public.CaptureOpen)
        assert message.annotation == OpenAnnotation(intent="ü" * length)
    else:
        with pytest.raises(ValidationError):
            parse_capture_message(document)


def test_a_progress_message_is_asked_for_explicitly() -> None:
    message = parse_capture_message(_without(samples.capture_open(), "progress"))
    assert isinstance(message, public.CaptureOpen)
    assert message.progress is False


def test_an_abort_names_its_source_and_has_a_time_with_milliseconds_and_z() -> None:
    text = public.CaptureAbort.model_validate(_without(samples.capture_abort(), "source")).model_dump_json()
    assert '"source":"camera_feed_worker"' in text
    assert f'"timestamp":"{samples.TIME}"' in text


def test_a_feature_ref_event_has_the_field_order_of_the_log() -> None:
    event = public.FeatureRefEvent.model_validate(samples.feature_ref())
    assert list(event.model_dump(exclude_none=True)) == [
        "schema_version", "record_id", "user_id", "session_id", "timestamp", "modality", "source", "performer_id",
        "capture_id", "timestamp_start", "timestamp_end", "annotation", "device_id", "consent_given", "is_demo",
        "raw_features_ref",
    ]  # fmt: skip
    assert list(event.raw_features_ref.model_dump()) == ["uri", "hash", "format", "dims", "shape", "dtype", "encoding"]


def test_the_package_gives_the_public_messages_and_nothing_else() -> None:
    for name in public.__all__:
        assert getattr(contracts, name) is getattr(public, name)
    with pytest.raises(AttributeError, match="no attribute 'parse_capture_message'"):
        contracts.parse_capture_message  # noqa: B018


def test_every_message_is_in_this_table() -> None:
    tested = {case.name for case in CASES} | {"Annotation", "Found"}  # those two within their messages
    tested |= {"Quality", "ConsentStatement", "ConsentText"}  # test_quality.py, tests/gateway/consent
    models = {
        name
        for name in public.__all__
        if isinstance(getattr(public, name), type) and issubclass(getattr(public, name), BaseModel)
    }
    assert models - {"BaseMessage"} == tested
