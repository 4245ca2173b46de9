"""Rules of the endpoint without a socket: the code of a lost connection, and the log's text for a peer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from contracts.rules.errors import LiveRefusal
from gateway.live.endpoint import _kind_of_peer, _lost


@pytest.mark.parametrize(("end", "code"), [("too_slow", "invalid_message"), ("no_room", "frame_too_large")])
def test_a_connection_that_the_server_ended_has_a_code(end: Any, code: str) -> None:
    error = _lost(end, 1006)
    assert isinstance(error, LiveRefusal)
    assert error.code == code


def test_a_connection_that_the_client_ended_is_a_disconnect() -> None:
    error = _lost(None, 1001)
    assert isinstance(error, WebSocketDisconnect)
    assert error.code == 1001


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("127.0.0.1", "this machine"), ("::1", "this machine"), ("192.168.1.2", "a private network"),
        ("8.8.8.8", "elsewhere"), ("", "unknown"), ("a socket file", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_a_log_says_whether_a_peer_is_local_and_not_its_address(host: str | None, kind: str) -> None:
    websocket: Any = SimpleNamespace(client=None if host is None else SimpleNamespace(host=host))
    assert _kind_of_peer(websocket) == kind
