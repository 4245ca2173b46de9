"""One tree of errors: typed fields, a text that names the code, and codes that clients may rely on."""

from __future__ import annotations

import ast
import inspect
from typing import get_args

import pytest

from contracts.broker.roles import BrokerFull
from contracts.rules import errors
from contracts.rules.errors import (
    CAPTURE_CODES,
    A3CPError,
    AbortCode,
    ArtifactError,
    BrokerMisconfigured,
    BrokerUnavailable,
    CaptureError,
    ConfigurationError,
    EventTooLarge,
    FatalError,
    InvalidEvent,
    MissingSessionPath,
    RecorderError,
    RecorderIOError,
    RequestRefused,
)

ABORT_CODES = {
    "limit_duration_exceeded", "limit_duration_too_short", "limit_fps_exceeded", "limit_resolution_exceeded",
    "limit_frame_count_exceeded", "limit_frame_bytes_exceeded", "limit_total_bytes_exceeded",
    "limit_forward_buffer_exceeded", "protocol_violation", "session_invalid", "session_closed", "duplicate_capture",
    "invalid_frame", "forward_failed", "extraction_failed", "server_shutdown", "client_disconnected", "gateway_lost",
    "frames_lost",
}  # fmt: skip


def test_the_abort_codes_are_those_of_the_contract() -> None:
    assert set(get_args(AbortCode)) == ABORT_CODES


def test_every_abort_code_is_a_close_reason_too() -> None:
    assert ABORT_CODES < CAPTURE_CODES
    assert {"invalid_json", "schema_error", "internal_error", "too_many_captures", "open_timeout"} < CAPTURE_CODES


def test_every_close_reason_fits_into_a_close_frame() -> None:
    # RFC 6455, 5.5: a control frame holds 125 bytes, two of them are the code
    for code in CAPTURE_CODES:
        assert code.isascii()
        assert len(code) <= 123


def test_every_error_has_the_one_root() -> None:
    defined = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BaseException)]
    assert len(defined) > 10
    assert all(issubclass(kind, A3CPError) for kind in [*defined, BrokerFull])


def test_the_tree_at_the_top_of_the_module_names_every_error() -> None:
    drawing = ast.get_docstring(ast.parse(inspect.getsource(errors))) or ""
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, BaseException) and kind.__module__ == errors.__name__:
            assert name in drawing, f"{name} is not drawn"


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (MissingSessionPath, "missing_session_path", 409),
        (EventTooLarge, "event_too_large", 413),
        (InvalidEvent, "invalid_event", 422),
        (RecorderIOError, "recorder_io_error", 500),
        (RecorderError, "recorder_error", 500),
    ],
)
def test_a_recorder_error_knows_what_an_http_client_is_told(kind: type[RecorderError], code: str, status: int) -> None:
    error = kind("the detail")
    assert (error.code, error.status, error.detail) == (code, status, "the detail")
    assert str(error) == f"{code}: the detail"


def test_errors_build_their_text_from_their_fields() -> None:
    assert str(CaptureError("protocol_violation", "seq 3 after 1")) == "protocol_violation: seq 3 after 1"
    refused = RequestRefused(404, "unknown_session", "no such session")
    assert (refused.status, str(refused)) == (404, "unknown_session: no such session")
    away = BrokerUnavailable("frames", "connection refused")
    assert str(away) == "the frames broker does not answer: connection refused"
    wrong = BrokerMisconfigured("frames", "appendonly is on", "CONFIG SET appendonly no")
    assert str(wrong) == "the frames broker is refused: appendonly is on; mend it with: CONFIG SET appendonly no"


def test_errors_can_be_caught_by_what_they_mean() -> None:
    assert issubclass(BrokerFull, BrokerUnavailable)
    assert issubclass(ConfigurationError, FatalError)
    assert issubclass(BrokerMisconfigured, FatalError)
    assert not issubclass(BrokerUnavailable, FatalError)
    assert not issubclass(ArtifactError, RecorderError)


def test_a_wrong_setting_and_a_wrong_broker_have_exit_codes_of_their_own() -> None:
    assert FatalError.exit_code == ConfigurationError.exit_code == 2
    assert BrokerMisconfigured.exit_code == 3
