"""Build the OpenAPI 3.1 document: every HTTP route with its request and its answers. No I/O."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from contracts.messages.http import Refusal
from contracts.rules.codes import refused_at
from gateway.docs.operations import OPERATIONS, DocumentedResponse, Operation
from gateway.docs.refusals import Refused
from gateway.docs.schemas import Schema, components, reference

__all__ = ["openapi"]

_ROUTE = refused_at("route")
_INTRODUCTION = f"""\
The gateway receives camera captures and returns verified landmark features. Captures and the real-time lane use
WebSockets, which are in the AsyncAPI document.

Every refused request answers `{{"error": "<code>", "detail": "<sentence>"}}`. An unknown address answers
{_ROUTE["not_found"]} `not_found`; a method that an address does not support, {_ROUTE["method_not_allowed"]} \
`method_not_allowed`; plain HTTP at the address of a WebSocket, {_ROUTE["upgrade_required"]} `upgrade_required`.
A later version may add fields to answers: ignore fields that you do not know. The server refuses fields that a
request's schema does not have, unless the schema says otherwise.
"""


def openapi(version: str, root_path: str = "") -> dict[str, Any]:
    """Build the document. ``version`` is the version of this project; proxies serve it below ``root_path``."""
    read = [operation.body for operation in OPERATIONS if operation.body]
    written = [answer.model for operation in OPERATIONS for answer in operation.answers if answer.model]
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    schemas = components(_each(read), _each([*written, Refusal]))
    schemas["UploadForm"] = _form(schemas["UploadForm"])
    return {
        "openapi": "3.1.1",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "A3CP gateway",
            "version": version,
            "summary": "Sessions, captures, uploads and events over HTTP",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root_path or "/", "description": "The gateway that this document comes from"}],
        "security": [{"token": []}, {}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed if the server was started with `A3CP_API_TOKEN` or `A3CP_ACCESS_FILE`.",
                }
            },
        },
    }


def _each(models: list[type[BaseModel]]) -> list[type[BaseModel]]:
    return list(dict.fromkeys(models))


def _operation(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {"tags": [operation.tag], "operationId": operation.name, "summary": operation.summary}
    if operation.description:
        made["description"] = operation.description
    if operation.open:
        made["security"] = []
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _parameter(name)}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if parameters := parameters + _query_parameters(operation):
        made["parameters"] = parameters
    if operation.body:
        kind = "multipart/form-data" if operation.form else "application/json"
        made["requestBody"] = {"required": True, "content": {kind: {"schema": reference(operation.body.__name__)}}}
    made["responses"] = _responses(operation)
    return made


def _query_parameters(operation: Operation) -> list[Schema]:
    if operation.query is None:
        return []
    model = operation.query.__name__
    schema = components([operation.query], [])[model]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _not_null(field)}
        for name, field in schema["properties"].items()
    ]


def _not_null(schema: Schema) -> Schema:
    """The schema of a parameter: it may be missing, but an address has no null."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _parameter(name: str) -> Schema:
    return {"type": "string"} if name == "name" else reference("Identifier")


def _responses(operation: Operation) -> dict[str, Any]:
    made = {str(answer.status): _answer(answer) for answer in operation.answers}
    for status in sorted({refusal.status for refusal in operation.refused}):
        refusals = [refusal for refusal in operation.refused if refusal.status == status]
        made[str(status)] = _with(made.get(str(status)), _refusals(status, refusals))
    return dict(sorted(made.items()))


def _answer(answer: DocumentedResponse) -> dict[str, Any]:
    schema = reference(answer.model.__name__) if answer.model else None
    if answer.many:
        schema = {"type": "array", "items": schema}
    media: Schema = {"schema": schema} if schema else {}
    return {"description": answer.description, "content": dict.fromkeys(answer.media_types, media)}


def _refusals(status: int, refusals: list[Refused]) -> dict[str, Any]:
    lines = [f"- `{refusal.code}`: {refusal.when}" for refusal in refusals]
    codes = {"type": "object", "properties": {"error": {"enum": [refusal.code for refusal in refusals]}}}
    made: dict[str, Any] = {
        "description": "\n".join([HTTPStatus(status).phrase + ".", "", *lines]),
        "content": {"application/json": {"schema": {"allOf": [reference("Refusal"), codes]}}},
    }
    if status == 401:
        made["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if any(refusal.retries for refusal in refusals):
        made["headers"] = {"Retry-After": {"description": "In seconds, if known.", "schema": {"type": "integer"}}}
    return made


def _with(answer: dict[str, Any] | None, refusals: dict[str, Any]) -> dict[str, Any]:
    """Combine a success and refusals that have the same status."""
    if answer is None:
        return refusals
    content = answer["content"]
    kinds = [kind for kind in content if kind in refusals["content"]]
    either = {
        kind: {"schema": {"anyOf": [content[kind]["schema"], refusals["content"][kind]["schema"]]}} for kind in kinds
    }
    return {
        **refusals,
        "description": f"{answer['description']} Or: {refusals['description']}",
        "content": refusals["content"] | content | either,
    }


def _form(fields: Schema) -> Schema:
    """The schema of the upload's form: the fields, and the video."""
    video = {"type": "string", "contentMediaType": "video/*", "description": "MP4, QuickTime, WebM or Matroska."}
    file = {"file": video}
    return {**fields, "properties": fields["properties"] | file, "required": [*fields["required"], "file"]}
