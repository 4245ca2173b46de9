"""One tree of errors; every code can be mended."""

from __future__ import annotations

from typing import get_args

import pytest

import scripts.client
from contracts.errors import CAPTURE_CODES, A3CPError, LiveCode
from scripts.client import CaptureAborted, CaptureOutcome, ClientError, GatewayRefused, LiveEnded


def test_every_error_of_the_client_is_in_one_tree() -> None:
    errors = [
        thing
        for name in scripts.client.__all__
        if isinstance(thing := getattr(scripts.client, name), type) and issubclass(thing, BaseException)
    ]
    assert len(errors) == 7
    assert all(issubclass(error, ClientError) and issubclass(error, A3CPError) for error in errors)


def aborted(code: str) -> CaptureAborted:
    return CaptureAborted(CaptureOutcome("u", "s", "c", "r", "aborted", code))


@pytest.mark.parametrize("code", sorted(CAPTURE_CODES))
def test_every_code_says_what_happened_and_what_to_do(code: str) -> None:
    error = aborted(code)
    assert error.code == code and error.mend
    assert str(error).startswith(f"the capture was aborted: {code}: ") and str(error).endswith(f"; {error.mend}")
    assert "\n" not in str(error)
    with pytest.raises(CaptureAborted):
        error.outcome.checked()


def test_what_is_nobodys_fault_is_worth_repeating_and_what_is_ours_is_not() -> None:
    passing = {code for code in CAPTURE_CODES if aborted(code).worth_repeating}
    assert {"server_shutdown", "too_many_captures", "frames_lost", "gateway_lost"} <= passing
    assert not passing & {"invalid_frame", "session_closed", "duplicate_capture", "protocol_violation"}
    assert not any(code.startswith("limit_") for code in passing - {"limit_forward_buffer_exceeded"})


def test_a_code_of_another_version_is_shown_as_it_is() -> None:
    error = aborted("new_code")
    assert (str(error), error.mend, error.worth_repeating) == ("the capture was aborted: new_code", "", False)


@pytest.mark.parametrize("code", get_args(LiveCode))
def test_the_end_of_a_live_stream_is_one_line(code: str) -> None:
    assert str(LiveEnded(code, "A sentence.")).startswith(f"the live stream ended: {code}: A sentence.")


def test_a_refusal_without_a_reason_is_still_a_sentence() -> None:
    assert str(GatewayRefused(502, "", "")) == "the gateway refused (502): no reason"
