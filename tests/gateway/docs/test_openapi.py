"""The OpenAPI document is valid and complete, and real answers fit it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import SecretStr
from starlette.routing import Route

from contracts.messages import http, session, upload
from contracts.rules.codes import CODES
from contracts.rules.errors import RecorderError
from contracts.state.events import Receipt
from gateway.docs.examples import EXAMPLES
from gateway.docs.operations import OPERATIONS
from gateway.docs.refusals import refused
from gateway.docs.schemas import components
from tests.gateway.docs.against import DOCUMENT, documented, schema_of
from tests.gateway.reached import reaching
from tests.guards.sources import sources


def test_it_is_valid_openapi() -> None:
    assert not list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors())
    broken = {**DOCUMENT, "paths": {"/livez": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


async def test_it_has_every_route_and_method_and_no_other(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        routes = {
            (method.lower(), route.path)
            for route in gateway.app.routes
            if isinstance(route, Route)
            for method in (route.methods or set()) - {"HEAD"}
        }
        assert routes == {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}


def _codes_in_the_source() -> set[tuple[int, str]]:
    """Every ``RequestRefused(status, code, …)`` and ``refusal(…)``, ``_refuse(…)`` with both spelled out."""
    found: set[tuple[int, str]] = set()
    for module in sources("gateway"):
        if module.path.startswith("gateway/docs/"):
            continue
        for node in module.nodes:
            parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            for status, code in pairwise(values):
                if type(status) is int and 400 <= status < 600 and isinstance(code, str) and " " not in code:
                    found.add((status, code))
    return found


def _documented_codes() -> set[tuple[int, str]]:
    return {tuple(refusal) for operation in OPERATIONS for refusal in operation.refused} | {
        *map(tuple, refused("route"))
    }


def _recorder_codes(kind: type[RecorderError] = RecorderError) -> Iterator[tuple[int, str]]:
    yield kind.status, kind.code
    for child in kind.__subclasses__():
        yield from _recorder_codes(child)


def test_every_code_in_the_source_is_documented_with_its_status() -> None:
    spelled = _codes_in_the_source() | set(_recorder_codes())
    assert len(spelled) > 25
    assert spelled <= _documented_codes()


TABLE = {"contracts/rules/codes.py", "contracts/rules/http_codes.py"}


def test_no_code_is_documented_that_the_source_does_not_have() -> None:
    modules = [module for module in sources("gateway", "contracts") if module.path not in TABLE]
    text = "\n".join(module.text for module in modules if "/docs/" not in module.path)
    unknown = {code for _, code in _documented_codes() if not code.startswith("missing_") and f'"{code}"' not in text}
    assert not unknown
    in_the_table = {(status, name) for name, code in CODES.items() for status in code.http.values()}
    assert in_the_table == _documented_codes()


def test_every_model_of_an_answer_or_a_request_is_in_it() -> None:
    names = {*http.__all__, *session.__all__, "UploadForm", "UploadAccepted", "UploadStatus"} - {"SessionStatus"}
    assert upload.UploadForm and names <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) & set(DOCUMENT["components"]["schemas"])))
def test_an_example_fits_its_schema(name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator(schema).validate(EXAMPLES[name])
    assert not Draft202012Validator(schema).is_valid({**EXAMPLES[name], "schema_version": "2.0.0", "strange": 1})


def test_a_request_may_leave_out_a_default_and_an_answer_does_not() -> None:
    read, written = components([http.Tick], []), components([], [http.Tick])
    assert read["Tick"]["required"] == ["active_captures"]
    assert written["Tick"]["required"] == ["status", "active_captures"]


async def test_real_answers_are_as_documented(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        gateway.state.refusal = ""  # as after a check of both brokers
        seen = []
        answer = await gateway.start(session_notes="a note", modality=None)
        seen.append(answer)
        session_id = answer.json()["session_id"]
        event = gateway.start_request(session_id=session_id, source="note_taker", extra={"kept": [1]})
        known = {"user_id": gateway.user_id, "session_id": session_id}
        for path, body in [
            ("/session_manager/sessions.start", b"[]"),
            ("/session_manager/sessions.start", {}),
            ("/session_manager/sessions.validate", known),
            ("/schema-recorder/append", event),
            ("/schema-recorder/append", {**event, "session_id": "sess_0123456789abcdef", "user_id": "absent"}),
            ("/schema-recorder/append", {**event, "note": "x" * 600_000}),
            ("/schema-recorder/append", {**event, "source": None}),
            ("/camera_feed_worker/capture.tick", {}),
            ("/video/submit", {}),
            ("/captures/x", {}),
            ("/nowhere", {}),
        ]:  # fmt: skip
            seen.append(await gateway.post(path, body))
        seen.append(await gateway.post("/livez", b"", headers={"origin": "https://elsewhere.example"}))
        for path in ("tick", "sessions.start"):
            foreign = f"/camera_feed_worker/capture.{path}" if path == "tick" else f"/session_manager/{path}"
            seen.append(await gateway.post(foreign, b"", headers={"origin": "https://elsewhere.example"}))
        seen += [await gateway.end("sess_0123456789abcdef"), await gateway.end(session_id)]
        seen.append(await gateway.end(session_id))
        gateway.recorder.refuse = Receipt(error="invalid_event", detail="no")
        seen.append(await gateway.post("/schema-recorder/append", {**event, "more": True}))
        for path in DOCUMENT["paths"]:
            seen.append(await gateway.client.get(path.replace("{", "").replace("}", "")))
        assert sum(documented(answer) for answer in seen) >= 35
        assert {answer.status_code for answer in seen} >= {200, 201, 400, 403, 404, 405, 409, 413, 415, 422, 503}


async def test_an_answer_that_is_not_as_documented_fails_the_check(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        answer = await gateway.client.get("/livez")
        for change in ({"_content": b'{"status":"dead"}'}, {"status_code": 418}, {"_content": b'{"alive":true}'}):
            spoilt = await gateway.client.get("/livez")
            spoilt.__dict__.update(change)
            with pytest.raises(AssertionError):
                documented(spoilt)
        assert documented(answer)


async def test_the_token_and_the_open_routes_are_as_documented(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr("s3cret")) as gateway:
        for path, methods in DOCUMENT["paths"].items():
            for method, operation in methods.items():
                answer = await gateway.client.request(method, path.replace("{", "").replace("}", ""))
                assert (answer.status_code == 401) == (operation.get("security") != []), path
                assert documented(answer)
