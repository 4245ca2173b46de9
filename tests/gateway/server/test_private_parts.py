"""The parts of uvicorn and websockets that the server overrides or uses, and that their authors may move.

If an upgrade of a library fails here, read how `gateway.server` uses the part that the test names.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any
from unittest import mock

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import apply_mask  # type: ignore[attr-defined]
from websockets.server import ServerProtocol

HTTP = {
    "connection_made": ["self", "transport"],
    "connection_lost": ["self", "exc"],
    "data_received": ["self", "data"],
    "on_message_begin": ["self"],
    "on_header": ["self", "name", "value"],
    "on_headers_complete": ["self"],
    "on_body": ["self", "body"],
    "on_message_complete": ["self"],
    "on_response_complete": ["self"],
    "shutdown": ["self"],
    "handle_websocket_upgrade": ["self"],
    "_get_upgrade": ["self"],
    "_should_upgrade": ["self"],
    "_unset_keepalive_if_required": ["self"],
}
HTTP_FIELDS = [
    "cycle",
    "expect_100_continue",
    "headers",
    "loop",
    "parser",
    "pipeline",
    "server_state",
    "transport",
    "url",
]
CYCLE_FIELDS = [
    "body", "disconnected", "keep_alive", "message_event", "more_body", "response_complete", "response_started",
    "scope", "transport", "waiting_for_100_continue",
]  # fmt: skip
WEBSOCKET = {
    "connection_lost": ["self", "exc"],
    "data_received": ["self", "data"],
    "pause_writing": ["self"],
    "resume_writing": ["self"],
    "handle_connect": ["self", "event"],
    "handle_text": ["self", "event"],
    "handle_bytes": ["self", "event"],
    "handle_cont": ["self", "event"],
    "handle_parser_exception": ["self"],
    "send_receive_event_to_app": ["self"],
    "on_task_complete": ["self", "task"],
    "receive": ["self"],
    "send": ["self", "message"],
    "schedule_ping": ["self"],
    "keepalive_timeout": ["self"],
}
WEBSOCKET_FIELDS = [
    "close_sent", "config", "conn", "frames", "handshake_complete", "handshake_initiated", "loop",
    "curr_msg_data_type", "pending_ping_payload", "ping_sent_at", "pong_timer", "queue", "read_paused", "writable",
]  # fmt: skip
PARSER_FIELDS = ["close_sent", "current_size", "handshake_exc", "logger", "reader", "state"]


def names(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def fields_of(kind: type) -> set[str]:
    """The attributes that a class declares, or that its methods use on ``self``."""
    return set(dir(kind)) | set(re.findall(r"\bself\.(\w+)", inspect.getsource(kind)))


@pytest.mark.parametrize(("method", "parameters"), HTTP.items())
def test_uvicorns_http_protocol_has_the_method(method: str, parameters: list[str]) -> None:
    assert names(getattr(HttpToolsProtocol, method)) == parameters


def test_uvicorns_http_protocol_starts_a_request_as_the_server_expects() -> None:
    assert names(HttpToolsProtocol._start_asgi_task) == ["self", "cycle", "app"]


@pytest.mark.parametrize("field", HTTP_FIELDS)
def test_uvicorns_http_protocol_has_the_field(field: str) -> None:
    assert field in fields_of(HttpToolsProtocol)


@pytest.mark.parametrize("field", CYCLE_FIELDS)
def test_uvicorns_request_has_the_field(field: str) -> None:
    assert field in fields_of(RequestResponseCycle)


@pytest.mark.parametrize("method", ["feed_data", "get_http_version", "get_method", "should_upgrade",
                                    "set_dangerous_leniencies"])  # fmt: skip
def test_httptools_parser_has_the_method(method: str) -> None:
    assert hasattr(httptools.HttpRequestParser, method)


@pytest.mark.parametrize(("method", "parameters"), WEBSOCKET.items())
def test_uvicorns_websocket_protocol_has_the_method(method: str, parameters: list[str]) -> None:
    assert names(getattr(WebSocketsSansIOProtocol, method)) == parameters


async def _protocol() -> WebSocketsSansIOProtocol:
    config = uvicorn.Config(mock.Mock(), log_config=None)
    config.load()
    return WebSocketsSansIOProtocol(config, ServerState(), {}, asyncio.get_running_loop())


@pytest.mark.parametrize("field", WEBSOCKET_FIELDS)
def test_uvicorns_websocket_protocol_has_the_field(field: str) -> None:
    assert hasattr(asyncio.run(_protocol()), field)


@pytest.mark.parametrize("field", PARSER_FIELDS)
def test_websockets_parser_has_the_field(field: str) -> None:
    assert hasattr(ServerProtocol(), field)


def test_websockets_reader_reads_and_discards_as_the_server_expects() -> None:
    reader = ServerProtocol().reader
    assert names(reader.read_exact) == ["n"] and names(reader.discard) == [] and hasattr(reader, "buffer")
    assert names(ServerProtocol.reject) == ["self", "status", "text"] and names(ServerProtocol.data_to_send) == ["self"]


def test_websockets_unmasks_any_buffer() -> None:
    assert apply_mask(memoryview(b"\x01\x02\x03\x04\x05"), b"\x01\x02\x03\x04") == b"\0\0\0\0\x04"


@pytest.mark.parametrize(
    ("method", "parameters"),
    {
        "startup": ["self", "sockets"],
        "shutdown": ["self", "sockets"],
        "on_tick": ["self", "counter"],
        "handle_exit": ["self", "sig", "frame"],
    }.items(),
)
def test_uvicorns_server_has_the_method(method: str, parameters: list[str]) -> None:
    assert names(getattr(uvicorn.Server, method)) == parameters


def test_uvicorns_server_knows_its_connections() -> None:
    state = ServerState()
    assert isinstance(state.connections, set) and state.total_requests == 0
