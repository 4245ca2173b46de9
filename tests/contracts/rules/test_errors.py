"""One tree of errors: typed fields, and a text that names the code."""

from __future__ import annotations

import ast
import inspect

import pytest

from contracts.broker.roles import BrokerFull
from contracts.rules import errors
from contracts.rules.codes import CODES
from contracts.rules.errors import (
    A3CPError,
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
def test_a_recorder_error_has_a_status_and_a_code_for_the_http_client(
    kind: type[RecorderError], code: str, status: int
) -> None:
    error = kind("the detail")
    assert (error.code, error.status, error.detail) == (code, status, "the detail")
    assert CODES[code].http["append"] == status
    assert str(error) == f"{code}: the detail"


def test_errors_build_their_text_from_their_fields() -> None:
    assert str(CaptureError("protocol_violation", "seq 3 after 1")) == "protocol_violation: seq 3 after 1"
    refused = RequestRefused(404, "unknown_session", "no such session")
    assert (refused.status, str(refused)) == (404, "unknown_session: no such session")
    away = BrokerUnavailable("frames", "connection refused")
    assert str(away) == "the frames broker does not answer: connection refused"
    wrong = BrokerMisconfigured("frames", "appendonly is on", "CONFIG SET appendonly no")
    assert str(wrong) == "the frames broker is refused: appendonly is on; fix it with: CONFIG SET appendonly no"


def test_errors_can_be_caught_by_their_base_classes() -> None:
    assert issubclass(BrokerFull, BrokerUnavailable)
    assert issubclass(ConfigurationError, FatalError)
    assert issubclass(BrokerMisconfigured, FatalError)
    assert not issubclass(BrokerUnavailable, FatalError)
    assert not issubclass(ArtifactError, RecorderError)


def test_a_wrong_setting_and_a_wrong_broker_have_exit_codes_of_their_own() -> None:
    assert FatalError.exit_code == ConfigurationError.exit_code == 2
    assert BrokerMisconfigured.exit_code == 3
