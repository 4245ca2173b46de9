"""Identifiers cannot escape a folder, a key or a label; times are UTC with milliseconds and ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.rules.ids import (
    SCHEMA_VERSION,
    Identifier,
    RecordId,
    SchemaVersion,
    SessionId,
    UtcDatetime,
    format_utc,
    is_identifier,
    is_record_id,
    is_session_id,
    parse_utc,
)


class Ids(BaseModel):
    """One field of each type."""

    model_config = ConfigDict(strict=True)

    identifier: Identifier = "a"
    record_id: RecordId = "b6f4f8ee-0f0a-4f39-9a6e-0b5f0a4d8c11"
    session_id: SessionId = "sess_0123456789abcdef"
    schema_version: SchemaVersion = SCHEMA_VERSION
    moment: UtcDatetime = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("text", ["a", "0", "_", "-", "a.b", "a..b", "A-Z_9.", "x" * 128])
def test_an_identifier_is_1_to_128_of_letters_digits_dot_underscore_hyphen(text: str) -> None:
    assert is_identifier(text)
    assert Ids(identifier=text).identifier == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".a", "a/b", "../a", "a\\b", "a\n", "\na", "a\0b", "a b", "x" * 129, "é", "٣", "a%2fb"]
)
def test_an_identifier_that_could_leave_its_folder_is_invalid(text: str) -> None:
    assert not is_identifier(text)
    with pytest.raises(ValidationError):
        Ids(identifier=text)


@given(st.text(max_size=140))
def test_the_model_and_the_function_agree_on_identifiers(text: str) -> None:
    try:
        Ids(identifier=text)
        taken = True
    except ValidationError:
        taken = False
    assert is_identifier(text) == taken
    if taken:
        assert not {"/", "\\", "\0", "{", "}", ":"} & set(text)
        assert not text.startswith(".")


def test_a_session_id_is_sess_and_16_lowercase_hex_digits() -> None:
    assert is_session_id("sess_0123456789abcdef")
    for text in ("sess_0123456789abcdeF", "sess_0123456789abcde", "sess_0123456789abcdef0", "Sess_0123456789abcdef",
                 "sess-0123456789abcdef", "sess_0123456789abcdef\n", "", "sess_" + "٣" * 16):  # fmt: skip
        assert not is_session_id(text), text
        with pytest.raises(ValidationError):
            Ids(session_id=text)


def test_a_record_id_is_a_uuid_of_version_4() -> None:
    assert is_record_id("b6f4f8ee-0f0a-4f39-9a6e-0b5f0a4d8c11")
    assert is_record_id("B6F4F8EE-0F0A-4F39-BA6E-0B5F0A4D8C11")
    for version in "012356789abcdef":
        assert not is_record_id(f"b6f4f8ee-0f0a-{version}f39-9a6e-0b5f0a4d8c11")
    for variant in "01234567cdef":
        assert not is_record_id(f"b6f4f8ee-0f0a-4f39-{variant}a6e-0b5f0a4d8c11")
    for text in ("urn:uuid:b6f4f8ee-0f0a-4f39-9a6e-0b5f0a4d8c11", "b6f4f8ee0f0a4f399a6e0b5f0a4d8c11", ""):
        assert not is_record_id(text)


def test_a_record_id_is_kept_as_the_client_wrote_it() -> None:
    assert Ids(record_id="B6F4F8EE-0F0A-4F39-BA6E-0B5F0A4D8C11").record_id == "B6F4F8EE-0F0A-4F39-BA6E-0B5F0A4D8C11"


@pytest.mark.parametrize("text", ["1.0.0", "1.0.1", "1.2.30", "1.999999999.0"])
def test_every_version_with_the_supported_major_is_valid(text: str) -> None:
    assert Ids(schema_version=text).schema_version == text


@pytest.mark.parametrize("text", ["2.0.0", "0.0.1", "10.0.0", "1", "1.0", "1.0.1-rc1", "1.0.01", " 1.0.1", "1.0.1\n"])
def test_another_major_version_is_a_schema_error(text: str) -> None:
    with pytest.raises(ValidationError):
        Ids(schema_version=text)


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31T12:00:00", NOON),
        ("2026-01-31T12:00", NOON),
        ("2026-01-31T14:00:00+02:00", NOON),
        ("2026-01-31T14:30:00+0230", NOON),
        ("2026-01-31T14:00:00+02", NOON),
        ("2026-01-31T00:00:00-12:00", NOON),
        ("2026-01-31T12:00:00-00:00", NOON),
        ("2026-01-31T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-01-31T12:00:00,123Z", NOON + timedelta(milliseconds=123)),
        ("2026-01-31T12:00:00.123456789Z", NOON + timedelta(microseconds=123_456)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_whatever_its_offset(text: str, moment: datetime) -> None:
    assert parse_utc(text) == moment
    assert parse_utc(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-01-31", "12:00:00Z", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00Z\n", " 2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z", "20260131T120000Z", "2026-W05-6T12:00:00Z", "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z", "2026-01-31T12:00:60Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+02:60", "2026-01-31T12:00:00+2", "2026-01-31T12:00:00ZZ",
        "1769860800", "٢٠٢٦-01-31T12:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
    ],
)  # fmt: skip
def test_a_text_that_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_utc(text)
    with pytest.raises(ValidationError):
        Ids.model_validate({"moment": text})


def test_a_written_time_has_milliseconds_and_z() -> None:
    assert format_utc(NOON) == "2026-01-31T12:00:00.000Z"
    assert format_utc(NOON + timedelta(microseconds=999_999)) == "2026-01-31T12:00:00.999Z"
    assert format_utc(datetime(2026, 1, 31, 14, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-31T12:00:00.000Z"
    assert format_utc(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000Z"
    assert Ids(moment=NOON).model_dump(mode="json")["moment"] == "2026-01-31T12:00:00.000Z"


def test_a_datetime_without_a_zone_is_utc() -> None:
    assert Ids(moment=datetime(2026, 1, 31, 12)).moment == NOON


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_time_reads_back_to_its_millisecond(moment: datetime) -> None:
    assert parse_utc(format_utc(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
