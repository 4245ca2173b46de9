"""What one WebSocket client may cost the others, with uvicorn in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import server, websocket_protocol
from gateway.server import GatewayServer
from gateway.websocket_protocol import BoundedWebSocket
from tests.gateway.reached import Reached, reaching
from tests.gateway.test_app_http import served, until
from tests.integration.load.sockets import BINARY, CONTINUATION, PING, PONG, TEXT, BareSocket, framed

Scenario = Callable[[GatewayServer, BareSocket, Reached], Awaitable[None]]


def play(folder: Path, scenario: Scenario, **settings: Any) -> None:
    """Run a scenario with one WebSocket that its client reads only when it is asked to."""

    async def main() -> None:
        async with reaching(folder, recorder=False, port=0, **settings) as gateway:
            gateway.state.refusal = ""
            running, task, port = await served(gateway)
            client = await BareSocket.connect(port, small=True)
            await client.handshake()
            try:
                async with asyncio.timeout(30):
                    await scenario(running, client, gateway)
            finally:
                client.drop()
                running.stop()
                await task

    asyncio.run(main())


def only(running: GatewayServer) -> BoundedWebSocket:
    """The one connection there is."""
    [connection] = running.server_state.connections
    assert isinstance(connection, BoundedWebSocket)
    return connection


async def drowned(client: BareSocket) -> None:
    """The client has sent pings, and read no pong, until the server took no more of them."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(20):
            while True:
                async with asyncio.timeout(0.5):
                    await client.send(framed(PING, b"x" * 125) * 1000)


def test_a_client_that_reads_no_pong_is_not_listened_to(tmp_path: Path) -> None:
    async def scenario(running: GatewayServer, client: BareSocket, _gateway: Reached) -> None:
        await drowned(client)
        connection = only(running)
        assert not connection.transport.is_reading()
        assert connection.transport.get_write_buffer_size() < 256 * 1024

    play(tmp_path, scenario)


def test_a_client_that_takes_nothing_is_cut_off_even_when_its_socket_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STALLED_S", 1.0)

    async def scenario(running: GatewayServer, client: BareSocket, _gateway: Reached) -> None:
        await drowned(client)
        only(running).transport.close()  # which waits until all is taken
        await until(lambda: not running.server_state.connections)

    play(tmp_path, scenario)


def test_a_client_that_reads_again_is_listened_to_again(tmp_path: Path) -> None:
    async def scenario(running: GatewayServer, client: BareSocket, _gateway: Reached) -> None:
        pinging = asyncio.create_task(client.send(framed(PING, b"x" * 125) * 60_000))
        await until(lambda: not only(running).writable.is_set())
        assert not only(running).transport.is_reading()
        client.widen()
        ending = asyncio.create_task(client.ended())
        await pinging
        await client.send(framed(TEXT, b"{}"))
        ended = await ending
        assert (ended.code, ended.reason) == (1008, "schema_error")

    play(tmp_path, scenario)


def test_a_flood_of_tiny_frames_is_looked_at_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[int] = []
    given = websocket_protocol.WebSocketsSansIOProtocol.data_received
    monkeypatch.setattr(websocket_protocol, "TURN_S", 0.0)

    def noted(connection: Any, data: bytes) -> None:
        slices.append(len(data))
        given(connection, data)

    async def scenario(_running: GatewayServer, client: BareSocket, _gateway: Reached) -> None:
        monkeypatch.setattr(websocket_protocol.WebSocketsSansIOProtocol, "data_received", noted)
        flood = framed(BINARY, b"", last=False) + framed(CONTINUATION, last=False) * 40_000
        turns = asyncio.create_task(_turns(lambda: sum(slices) >= len(flood)))
        await client.send(flood)
        assert await turns >= len(slices) - 1
        assert max(slices) <= websocket_protocol.SLICE_BYTES
        assert len(slices) >= len(flood) / websocket_protocol.SLICE_BYTES

    play(tmp_path, scenario)


def test_a_frame_is_given_whole_and_what_follows_it_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = websocket_protocol.WebSocketsSansIOProtocol
    given: list[bytes] = []
    heard: list[int] = []
    pass_on, pong = parser.data_received, parser.handle_pong
    picture, flood = framed(BINARY, bytes(40_000), last=False), framed(PONG) * 10_000
    monkeypatch.setattr(websocket_protocol, "TURN_S", 60.0)

    def noted(connection: Any, data: bytes) -> None:
        given.append(bytes(data))
        pass_on(connection, data)

    def counted(connection: Any, event: Any) -> None:
        heard.append(len(given))
        pong(connection, event)

    async def scenario(running: GatewayServer, _client: BareSocket, _gateway: Reached) -> None:
        connection = only(running)
        monkeypatch.setattr(parser, "data_received", noted)
        monkeypatch.setattr(parser, "handle_pong", counted)
        connection.data_received(picture + flood)
        assert b"".join(given) == picture + flood and len(heard) == 10_000
        assert len(given[0]) + len(given[1]) == len(picture), "the slice in which it begins, and all that lacks"
        assert {len(piece) for piece in given[2:-1]} == {websocket_protocol.SLICE_BYTES}
        assert max(Counter(heard).values()) <= websocket_protocol.SLICE_BYTES / len(framed(PONG)) + 1

    play(tmp_path, scenario)


def test_a_frame_that_comes_in_pieces_is_no_longer_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = websocket_protocol.WebSocketsSansIOProtocol
    given: list[int] = []
    pass_on = parser.data_received

    def noted(connection: Any, data: bytes) -> None:
        given.append(len(data))
        pass_on(connection, data)

    async def scenario(running: GatewayServer, _client: BareSocket, _gateway: Reached) -> None:
        monkeypatch.setattr(parser, "data_received", noted)
        picture = framed(BINARY, bytes(100_000), last=False)
        for begin in range(0, len(picture), 30_000):
            only(running).data_received(picture[begin : begin + 30_000])
        first = websocket_protocol.SLICE_BYTES
        assert given == [first, 30_000 - first, 30_000, 30_000, len(picture) - 90_000]

    play(tmp_path, scenario)


async def _turns(done: Callable[[], bool]) -> int:
    """How many turns of the event loop it takes."""
    turns = 0
    while not done():
        await asyncio.sleep(0)
        turns += 1
    return turns


def test_a_message_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    async def scenario(_running: GatewayServer, client: BareSocket, _gateway: Reached) -> None:
        await client.send(framed(BINARY, bytes(server.MAX_MESSAGE_BYTES + 1))[:1000])
        assert (await client.ended()).code == 1009

    play(tmp_path, scenario)


@pytest.mark.parametrize("heard", [True, False])
def test_only_a_silent_client_is_closed_for_an_unanswered_ping(tmp_path: Path, heard: bool) -> None:
    async def scenario(running: GatewayServer, client: BareSocket, gateway: Reached) -> None:
        connection = only(running)
        connection.send_keepalive_ping()
        if heard:
            before = connection._heard_at
            await client.send(framed(TEXT)[:1])
            await until(lambda: connection._heard_at > before)
        assert connection.pong_timer is not None
        connection.pong_timer.cancel()
        connection.keepalive_timeout()
        assert connection.transport.is_closing() is not heard
        assert (connection.ping_timer is not None) is heard

    play(tmp_path, scenario)
