"""Read a JSON request: its body within limits, its syntax, its required fields, its schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from contracts.messages.base import what_is_wrong
from contracts.rules.errors import RequestRefused
from contracts.rules.json_text import load_json
from gateway.server.unfinished import Unfinished

__all__ = ["MAX_JSON_BYTES", "parse_body", "query_parameters", "read_body", "require", "validated"]

MAX_JSON_BYTES = 1024 * 1024
"""The size limit of a body for which the contract does not set one."""

BODY_WITHIN_S = 30.0
_SHOWN_NAME = 64

M = TypeVar("M", bound=BaseModel)


async def read_body(request: Request, max_bytes: int = MAX_JSON_BYTES, *, code: str = "body_too_large") -> bytes:
    """Read the request's body. At most ``max_bytes`` and one chunk are in memory at any time.

    Raises:
        RequestRefused: 413 with ``code`` if the body is longer; 408 ``request_timeout`` if it does not arrive in
            `BODY_WITHIN_S`; 503 ``server_busy`` if all unfinished bodies and messages hold too much memory, and this
            one the most.
        ClientDisconnect: the client disconnected.
    """
    too_large = RequestRefused(413, code, f"The body is longer than {max_bytes} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise too_large
    unfinished: Unfinished = request.app.state.gateway.unfinished
    body, arriving = bytearray(), _UnfinishedBody()
    try:
        async with asyncio.timeout(BODY_WITHIN_S) as arriving.timeout:
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise too_large
                unfinished.hold(arriving, len(body))
    except TimeoutError:
        if arriving.dropped:
            detail = "The server has no memory for this body at the moment; try again."
            raise RequestRefused(503, "server_busy", detail, retry_after_s=1) from None
        raise RequestRefused(408, "request_timeout", f"The body did not arrive within {BODY_WITHIN_S:g} s.") from None
    finally:
        unfinished.release(arriving)
    return bytes(body)


class _UnfinishedBody:
    """A body that the client is still sending."""

    timeout: asyncio.Timeout
    dropped = False

    def drop_held_bytes(self) -> None:
        self.dropped = True
        self.timeout.reschedule(0)


def parse_body(body: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object.

    A name that occurs twice in one object is refused: JSON parsers differ in which value they keep (RFC 8259, 4), so a
    reader of the log might get another value than the gateway validated.

    Raises:
        RequestRefused: 422 ``schema_error``, the body is not such an object.
    """
    try:
        document = load_json(body.decode(), _each_name_once)
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode()  # raises for half a surrogate pair, which UTF-8 has not
    except _RepeatedName as repeated:
        raise _schema_error(f"{repeated}: the name occurs twice in one object") from None
    except ValueError:
        raise _schema_error("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise _schema_error("The body is not a JSON object.")
    return document


class _RepeatedName(Exception):
    pass


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise _RepeatedName(name[:_SHOWN_NAME])
        document[name] = value
    return document


def require(document: Mapping[str, Any], *names: str) -> None:
    """Require every name to be in the document and not null.

    Raises:
        RequestRefused: 400 ``missing_<name>`` for the first missing one.
    """
    for name in names:
        if document.get(name) is None:
            raise RequestRefused(400, f"missing_{name}", f"{name} is missing.")


def query_parameters(request: Request) -> dict[str, str]:
    """The parameters of the request's address.

    Raises:
        RequestRefused: 422 ``schema_error``: one occurs twice.
    """
    items = request.query_params.multi_items()
    if len(dict(items)) < len(items):
        raise _schema_error("A parameter occurs twice.")
    return dict(items)


def validated(model: type[M], document: Mapping[str, Any]) -> M:
    """Validate a document against the schema of ``model``.

    Raises:
        RequestRefused: 422 ``schema_error``. The detail names the fields and never quotes a value.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _schema_error(what_is_wrong(error)) from None


def _schema_error(detail: str) -> RequestRefused:
    return RequestRefused(422, "schema_error", detail)
