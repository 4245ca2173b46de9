"""The messages of the library: what a request may say, and that each event is one for a session's log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ValidationError

from contracts.messages import library
from contracts.messages.erasure import CaptureErased
from contracts.messages.event import A3CPMessage
from contracts.messages.library import (
    CaptureReassigned,
    CaptureRelabelled,
    CaptureReviewed,
    ConsentWithdrawn,
    LibraryQuery,
    ReassignRequest,
    RelabelRequest,
    ReviewRequest,
)
from contracts.state.events import event_bytes, uses_our_names
from tests.contracts.storage.session_lines import SESSION, erased, record_id, said

ASKED = {
    "record_id": record_id(1),
    "user_id": "u1",
    "session_id": SESSION,
    "performer_id": "carer-1",
    "capture_id": "c",
}

EVENTS: list[tuple[type[A3CPMessage], dict[str, Any]]] = [
    (CaptureReviewed, said("capture.reviewed", capture_id="c", verdict="keep", reason="clear")),
    (CaptureRelabelled, said("capture.relabelled", capture_id="c", intent="wave")),
    (CaptureReassigned, said("capture.reassigned", capture_id="c", participant="p7")),
    (ConsentWithdrawn, said("consent.withdrawn", capture_id="c", erase=True)),
    (CaptureErased, erased()),
]


@pytest.mark.parametrize(("model", "document"), EVENTS)
def test_an_event_survives_the_log_and_has_a_name_of_the_pipeline(
    model: type[A3CPMessage], document: dict[str, Any]
) -> None:
    event = model.model_validate(document)
    assert orjson.loads(event_bytes(event)) == document
    assert uses_our_names(document)
    assert model.model_validate({**document, "later": 1}).model_extra == {"later": 1}
    with pytest.raises(ValidationError):
        model.model_validate({**document, "source": "note_taker"})


def test_null_takes_back_and_the_event_is_without_it() -> None:
    assert ReviewRequest.model_validate({**ASKED, "verdict": None}).verdict is None
    assert RelabelRequest.model_validate({**ASKED, "intent": None}).intent is None
    assert CaptureReviewed.model_validate(said("capture.reviewed", capture_id="c")).verdict is None
    assert CaptureRelabelled.model_validate(said("capture.relabelled", capture_id="c")).intent is None


REQUESTS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (ReviewRequest, {"verdict": "keep"}),
    (RelabelRequest, {"intent": "wave"}),
    (ReassignRequest, {"participant": "p7"}),
]


@pytest.mark.parametrize(("model", "fields"), REQUESTS)
def test_a_request_needs_each_field_but_its_version_and_time(model: type[BaseModel], fields: dict[str, Any]) -> None:
    document = ASKED | fields
    assert model.model_validate(document).model_dump(exclude_unset=True) == document
    assert model.model_validate({**document, "schema_version": "1.2.0", "timestamp": "2026-01-31T12:00:00Z"})
    for name in document:
        with pytest.raises(ValidationError):
            model.model_validate({key: value for key, value in document.items() if key != name})
    with pytest.raises(ValidationError):
        model.model_validate({**document, "strange": 1})


def test_the_parameters_of_a_list_are_texts() -> None:
    query = LibraryQuery.model_validate({"limit": "7", "since": "2026-01-31T12:00:00Z", "quality": "none"})
    assert (query.limit, query.since, query.quality) == (7, datetime(2026, 1, 31, 12, tzinfo=UTC), "none")
    assert LibraryQuery().limit == 50


def test_every_model_of_the_library_is_public() -> None:
    models = {
        name for name, kind in vars(library).items() if isinstance(kind, type) and kind.__module__ == library.__name__
    }
    assert {name for name in models if not name.startswith("_")} <= {*library.__all__}
