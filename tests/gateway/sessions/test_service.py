"""The session manager's rules, without I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from contracts.messages.public import A3CPMessage, SessionEndRequest, SessionStartRequest
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import is_session_id
from contracts.state.sessions import SessionStep
from gateway.sessions.service import answer_of, ending, session_id_for, starting

NOW = datetime(2026, 1, 31, 12, 0, 1, 234567, tzinfo=UTC)
REQUEST_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
NEW_ID = "9b2d7f10-1111-4222-8333-444455556666"


def start_request(**more: Any) -> SessionStartRequest:
    document = {
        "schema_version": "1.0.1",
        "record_id": REQUEST_ID,
        "user_id": "user-1",
        "timestamp": "2026-01-31T14:00:00.5+02:00",
        "performer_id": "system",
    }
    return SessionStartRequest.model_validate(document | more)


def test_session_id_has_the_form_of_one_and_follows_from_user_and_request() -> None:
    made = session_id_for("user-1", REQUEST_ID)
    assert is_session_id(made)
    assert made == session_id_for("user-1", REQUEST_ID.upper())
    assert made != session_id_for("user-2", REQUEST_ID)
    assert made != session_id_for("user-1", NEW_ID)


def test_start_answer_is_the_input_with_what_the_session_manager_makes() -> None:
    answer = orjson.loads(starting(start_request(session_notes="n", source="browser"), NOW, NEW_ID).answer)
    assert answer == {
        "schema_version": "1.0.1",
        "record_id": NEW_ID,
        "user_id": "user-1",
        "session_id": session_id_for("user-1", REQUEST_ID),
        "timestamp": "2026-01-31T12:00:00.500Z",
        "source": "session_manager",
        "performer_id": "system",
        "session_notes": "n",
        "start_time": "2026-01-31T12:00:01.234Z",
    }


def test_session_manager_makes_the_session_id_whatever_the_client_sends() -> None:
    boundary = starting(start_request(session_id="sess_ffffffffffffffff"), NOW, NEW_ID)
    assert boundary.entry.session_id == session_id_for("user-1", REQUEST_ID)
    assert orjson.loads(boundary.answer)["session_id"] == boundary.entry.session_id


def test_event_is_the_answer_and_the_name_of_the_boundary_and_can_be_recorded() -> None:
    start = starting(start_request(), NOW, NEW_ID)
    end = ending(
        SessionEndRequest.model_validate(
            start_request().model_dump(exclude_unset=True)
            | {"session_id": start.entry.session_id, "end_time": "2026-01-31T12:05:00"}
        ),
        NEW_ID,
    )
    for boundary, name in ((start, "session.start"), (end, "session.end")):
        event = orjson.loads(boundary.entry.event)
        assert event == orjson.loads(boundary.answer) | {"event": name}
        assert A3CPMessage.model_validate(event).record_id == boundary.entry.record_id == NEW_ID
    assert orjson.loads(end.answer)["end_time"] == "2026-01-31T12:05:00.000Z"


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [("unknown", 404, "unknown_session"), ("wrong_user", 400, "wrong_user"), ("closed", 400, "session_closed")],
)
def test_a_step_that_was_refused_has_no_answer(word: Any, status: int, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        answer_of(SessionStep(word))
    assert (refused.value.status, refused.value.code) == (status, code)
