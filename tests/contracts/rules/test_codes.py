"""The table of error codes: complete, in sentences, and with the codes that clients rely on."""

from __future__ import annotations

from typing import get_args

import pytest

from contracts.rules.codes import (
    ABORT_CODES,
    CAPTURE_CODES,
    CODES,
    LIVE_CODES,
    AbortCode,
    DeadLetterCode,
    VideoCode,
    stored_code,
)

CONTRACT = {
    "limit_duration_exceeded", "limit_duration_too_short", "limit_fps_exceeded", "limit_resolution_exceeded",
    "limit_frame_count_exceeded", "limit_frame_bytes_exceeded", "limit_total_bytes_exceeded",
    "limit_forward_buffer_exceeded", "protocol_violation", "session_invalid", "session_closed", "duplicate_capture",
    "invalid_frame", "forward_failed", "extraction_failed", "server_shutdown", "client_disconnected", "gateway_lost",
    "frames_lost",
}  # fmt: skip
LATER = {"consent_withdrawn", "access_ended"}
"""Abort codes that the contract did not have at first."""


def test_the_abort_codes_are_those_of_the_contract() -> None:
    assert ABORT_CODES == CONTRACT | LATER == set(get_args(AbortCode))


def test_every_abort_code_is_a_close_reason_too() -> None:
    assert ABORT_CODES < CAPTURE_CODES
    assert {"invalid_json", "schema_error", "internal_error", "too_many_captures", "open_timeout"} < CAPTURE_CODES


def test_every_close_reason_fits_into_a_close_frame() -> None:
    # RFC 6455, 5.5: a control frame holds 125 bytes, two of them are the code
    for code in CAPTURE_CODES:
        assert code.isascii()
        assert len(code) <= 123


def test_the_table_has_every_code_of_a_literal_and_every_other_code_is_of_an_http_refusal() -> None:
    typed = CAPTURE_CODES | LIVE_CODES | {*get_args(VideoCode)}
    assert typed <= set(CODES)
    assert {*get_args(DeadLetterCode)} <= {name for name in CODES if CODES[name].http}
    assert {name for name, code in CODES.items() if not code.http} <= typed


def test_exactly_the_codes_of_the_live_lane_close_its_sockets() -> None:
    assert {name for name, code in CODES.items() if code.live_close} == LIVE_CODES


def test_only_codes_of_a_capture_socket_close_it_without_an_abort() -> None:
    assert {name for name, code in CODES.items() if code.close or code.outcome_only} < CAPTURE_CODES


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_code_says_in_sentences_what_happened_and_what_to_do(name: str) -> None:
    code = CODES[name]
    pages = [code.page or (code.meaning, code.fix), code.video, code.live]
    sentences = [code.meaning, code.fix, *(sentence for text in pages if text for sentence in text)]
    for sentence in sentences:
        assert sentence[0] in "`“" or sentence[0].isupper()
        assert sentence.endswith(".") and "\n" not in sentence
    assert all(400 <= status < 600 for status in code.http.values())


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_page_shows_no_name_of_the_code(name: str) -> None:
    code = CODES[name]
    for text in (code.page or (code.meaning, code.fix), code.video or ("", ""), code.live or ("", "")):
        assert not {"`", "_"} & {*"".join(text)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", ""),
        (b"frames_lost", "frames_lost"),
        (b"no_worker", "no_worker"),
        (b"missing_session_path", "missing_session_path"),
        (b"token_required", "protocol_violation"),
        (b"\xff", "protocol_violation"),
    ],
)
def test_a_stored_code_that_no_capture_ends_with_is_a_protocol_violation(text: bytes, code: str) -> None:
    assert stored_code(text) == code
