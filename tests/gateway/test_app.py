"""The application's routes; every refusal has the one form and no stack trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from structlog.testing import capture_logs

from contracts.rules.limits import CaptureLimits
from gateway.capture.endpoint import capture_endpoint
from gateway.http import requests
from tests.gateway.http.test_security import handshake
from tests.gateway.reached import Reached, assert_refused, reaching

START = "/session_manager/sessions.start"


async def test_the_capture_socket_is_registered_under_both_addresses(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        sockets = {route.path: route.endpoint for route in gateway.app.routes if isinstance(route, WebSocketRoute)}
        del sockets["/ws/video/stream"]
        assert sockets == dict.fromkeys(("/camera_feed_worker/capture", "/camera_feed_worker/ws"), capture_endpoint)


async def test_home_page_says_what_this_is(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        answer = await gateway.client.get("/")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Records gestures" in answer.text


async def test_tick_enforces_nothing_and_answers_the_number_of_open_captures(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        gateway.state.active_captures = 3
        answer = await gateway.post("/camera_feed_worker/capture.tick", b"whatever")
        assert (answer.status_code, answer.json()) == (200, {"status": "disabled", "active_captures": 3})


async def test_tick_changes_nothing(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        state = gateway.state
        state.open_sockets, state.active_captures, state.live_sessions, state.refusal = 3, 2, 1, ""

        async def all_of_it() -> dict[str, Any]:
            fields = {name: getattr(state, name) for name in state.__slots__}
            held = [await broker.keys("*") for broker in (state.frames, state.events)]
            return {
                **fields,
                "draining": state.draining.is_set(),
                "arriving": state.counts.arriving_here(),
                "held": held,
            }

        before = await all_of_it()
        for _ in range(3):
            assert (await gateway.post("/camera_feed_worker/capture.tick", b"{}")).status_code == 200
        assert await all_of_it() == before and not state.draining.is_set()


async def test_a_client_gets_the_limits_that_the_operator_set(tmp_path: Path) -> None:
    capture = CaptureLimits.model_validate({"max_fps": 10, "max_duration_s": 5, "max_long_side": 500})
    async with reaching(tmp_path, recorder=False, capture=capture) as gateway:
        answer = await gateway.client.get("/camera_feed_worker/limits")
        told = answer.json()
        assert (answer.status_code, told["max_fps"], told["max_duration_s"]) == (200, 10, 5)
        assert (told["max_long_side"], told["max_frames"]) == (500, 60)
        assert told == {name: getattr(capture, name) for name in told}
        assert "max_captures" not in told  # limits that a client cannot check itself


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/livez/", 404, "not_found"),
        ("GET", "/captures/", 404, "not_found"),
        ("GET", "/camera_feed_worker/capture", 426, "upgrade_required"),
        ("GET", START, 405, "method_not_allowed"),
        ("DELETE", "/captures/x", 405, "method_not_allowed"),
        ("POST", START, 422, "schema_error"),
    ],
)
async def test_an_unknown_route_or_method_is_refused_in_the_one_form(
    tmp_path: Path, method: str, path: str, status: int, code: str
) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        answer = await gateway.client.request(method, path)
        assert_refused(answer, status, code)
        assert ("allow" in answer.headers) is (status == 405)


async def test_handshake_at_an_unknown_address_is_404(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        gateway.app.routes[:] = [route for route in gateway.app.routes if not isinstance(route, WebSocketRoute)]
        [start, body] = await handshake(gateway, {})
        assert (start["status"], b"not_found" in body["body"]) == (404, True)


def add_failing_routes(gateway: Reached) -> None:
    async def fail(_request: Request) -> Response:
        raise ZeroDivisionError("secret text")

    async def fail_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ZeroDivisionError("secret text")

    sockets = [WebSocketRoute("/camera_feed_worker/capture", fail_socket)]
    gateway.app.routes[:0] = [Route("/fail", fail), *sockets]


async def test_an_unexpected_error_is_500_without_its_text(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        add_failing_routes(gateway)
        answer = await gateway.client.get("/fail")
        assert "secret" not in assert_refused(answer, 500, "internal_error")


async def test_socket_whose_endpoint_fails_closes_with_1011(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        add_failing_routes(gateway)
        sent = await handshake(gateway, {})
        assert sent[-1] == {"type": "websocket.close", "code": 1011, "reason": "internal_error"}


async def test_body_is_read_no_further_than_its_bound(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        given = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal given
            while True:
                given += 65536
                yield b" " * 65536

        assert_refused(await gateway.client.post(START, content=endless()), 413, "body_too_large")
        assert given <= requests.MAX_JSON_BYTES + 2 * 65536
        announced = {"content-length": str(10**30)}
        assert_refused(await gateway.client.post(START, content=b"{}", headers=announced), 413, "body_too_large")


async def test_body_that_does_not_come_is_408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN_S", 0.02)
    async with reaching(tmp_path, recorder=False) as gateway:

        async def never() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        assert_refused(await gateway.client.post(START, content=never()), 408, "request_timeout")


async def test_a_client_that_goes_away_is_no_error_in_the_log(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:

        async def gone(_request: Request) -> Response:
            raise ClientDisconnect

        gateway.app.routes.insert(0, Route("/gone", gone))
        sent = []

        async def send(message: object) -> None:
            sent.append(message)

        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": "/gone", "headers": [], "query_string": b""}
        await gateway.app(scope, receive, send)
        assert sent == []


async def test_a_body_that_is_dropped_for_others_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        gateway.state.unfinished.most_bytes = 150_000
        other, go = asyncio.Event(), asyncio.Event()

        async def long() -> AsyncIterator[bytes]:
            yield b" " * 100_000
            other.set()
            await go.wait()

        asking = asyncio.create_task(gateway.client.post(START, content=long()))
        await other.wait()
        assert_refused(await gateway.post(START, b" " * 60_000), 422, "schema_error")
        answer = await asking
        assert_refused(answer, 503, "server_busy")
        assert answer.headers["retry-after"] == "1"
        assert gateway.state.unfinished.total_bytes == 0


@pytest.mark.parametrize("path", ["/camera_feed_worker/capture", "/camera_feed_worker/ws", "/ws/video/stream"])
async def test_plain_http_at_a_websocket_s_address_gets_a_hint_about_proxies(tmp_path: Path, path: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        with capture_logs() as lines:
            answer = await gateway.client.get(f"{path}?pipeline_id=canary")
        assert "proxy" in assert_refused(answer, 426, "upgrade_required")
        assert answer.headers["upgrade"] == "websocket"
        assert [line["path"] for line in lines] == [path] and "canary" not in repr(lines)
        assert_refused(await gateway.client.get(f"{path}/nothing"), 404, "not_found")
