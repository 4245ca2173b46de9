"""Bounds on the cost of one WebSocket client for the others, with uvicorn in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.rules.limits import CaptureLimits
from gateway.server import uvicorn_server, websocket_protocol
from gateway.server.uvicorn_server import GatewayServer
from gateway.server.websocket_protocol import BoundedWebSocket
from tests.gateway.reached import Reached, reaching
from tests.integration.load.sockets import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, BareSocket, framed
from tests.support.gateway import served
from tests.support.waiting import until


@asynccontextmanager
async def playing(folder: Path, **settings: Any) -> AsyncIterator[tuple[GatewayServer, BareSocket, Reached]]:
    """A gateway with one WebSocket that its client reads only when it is asked to."""
    async with reaching(folder, recorder=False, port=0, **settings) as gateway:
        gateway.state.refusal = ""
        running, task, port = await served(gateway.app, gateway.state)
        client = await BareSocket.connect(port, small=True)
        await client.handshake()
        try:
            async with asyncio.timeout(300):
                yield running, client, gateway
        finally:
            client.drop()
            running.stop()
            await task


def only(running: GatewayServer) -> BoundedWebSocket:
    """The only connection."""
    [connection] = running.server_state.connections
    assert isinstance(connection, BoundedWebSocket)
    return connection


async def drowned(running: GatewayServer, client: BareSocket) -> None:
    """The client sends pings and reads no pong, until the server stops reading."""

    async def send_forever() -> None:
        while True:
            await client.send(framed(PING, b"x" * 125) * 1000)

    sending = asyncio.create_task(send_forever())
    await until(lambda: not only(running).transport.is_reading())
    sending.cancel()


async def test_the_server_stops_reading_from_a_client_that_reads_no_pong(tmp_path: Path) -> None:
    async with playing(tmp_path) as (running, client, _):
        await drowned(running, client)
        connection = only(running)
        assert not connection.transport.is_reading()
        assert connection.transport.get_write_buffer_size() < 256 * 1024


async def test_a_client_that_reads_nothing_is_cut_off_even_after_its_socket_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_server, "STALLED_S", 1.0)
    async with playing(tmp_path) as (running, client, _):
        await drowned(running, client)
        only(running).transport.close()  # the close waits until the client has read everything
        await until(lambda: not running.server_state.connections)


async def test_the_server_resumes_reading_when_its_client_reads_again(tmp_path: Path) -> None:
    async with playing(tmp_path, capture=CaptureLimits(open_timeout_s=300)) as (running, client, _):
        pinging = asyncio.create_task(client.send(framed(PING, b"x" * 125) * 60_000))
        await until(lambda: not only(running).writable.is_set())
        assert not only(running).transport.is_reading()
        client.widen()
        ending = asyncio.create_task(client.ended())
        await pinging
        await client.send(framed(TEXT, b"{}"))
        ended = await ending
        assert (ended.code, ended.reason) == (1008, "schema_error")


async def test_a_held_connection_is_not_read_until_it_is_released(tmp_path: Path) -> None:
    async with playing(tmp_path, capture=CaptureLimits(open_timeout_s=300)) as (running, client, _):
        connection = only(running)
        connection._take["hold"](True)
        await client.send(framed(TEXT, b"{}"))
        await until(lambda: not connection.transport.is_reading())
        assert len(connection._unparsed) == len(framed(TEXT, b"{}"))
        connection._take["hold"](False)
        ended = await client.ended()
        assert (ended.code, ended.reason) == (1008, "schema_error")


async def test_the_answer_to_the_endpoint_s_close_is_read_although_it_holds_the_connection(tmp_path: Path) -> None:
    async with playing(tmp_path, capture=CaptureLimits(open_timeout_s=1)) as (running, client, _):
        connection = only(running)
        connection._take["hold"](True)
        connection.close_timeout = 3000.0
        await client.send(framed(PING, b""))
        await until(lambda: not connection.transport.is_reading())
        assert (await client.ended()).reason == "open_timeout"
        await client.send(framed(CLOSE, (1008).to_bytes(2, "big")))
        await until(lambda: not running.server_state.connections)


async def test_a_flood_of_tiny_frames_is_parsed_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[int] = []
    given = websocket_protocol.WebSocketsSansIOProtocol.data_received
    monkeypatch.setattr(websocket_protocol, "TURN_S", 0.0)
    monkeypatch.setattr(websocket_protocol, "MAX_FRAGMENTS", 50_000)

    def noted(connection: Any, data: bytes) -> None:
        slices.append(len(data))
        given(connection, data)

    async with playing(tmp_path) as (_, client, _):
        monkeypatch.setattr(websocket_protocol.WebSocketsSansIOProtocol, "data_received", noted)
        flood = framed(BINARY, b"", last=False) + framed(CONTINUATION, last=False) * 40_000
        turns = asyncio.create_task(_turns(lambda: sum(slices) >= len(flood)))
        await client.send(flood)
        assert await turns >= len(slices) - 1
        assert max(slices) <= websocket_protocol.SLICE_BYTES
        assert len(slices) >= len(flood) / websocket_protocol.SLICE_BYTES


async def test_a_frame_is_parsed_whole_and_the_bytes_after_it_in_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    async with playing(tmp_path) as (running, _, _):
        connection = only(running)
        monkeypatch.setattr(parser, "data_received", noted)
        monkeypatch.setattr(parser, "handle_pong", counted)
        connection.data_received(picture + flood)
        assert b"".join(given) == picture + flood and len(heard) == 10_000
        assert len(given[0]) + len(given[1]) == len(picture), (
            "the slice in which the frame begins, and the rest of the frame"
        )
        assert {len(piece) for piece in given[2:-1]} == {websocket_protocol.SLICE_BYTES}
        assert max(Counter(heard).values()) <= websocket_protocol.SLICE_BYTES / len(framed(PONG)) + 1


async def test_a_frame_that_comes_in_pieces_is_no_longer_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = websocket_protocol.WebSocketsSansIOProtocol
    given: list[int] = []
    pass_on = parser.data_received

    def noted(connection: Any, data: bytes) -> None:
        given.append(len(data))
        pass_on(connection, data)

    async with playing(tmp_path) as (running, _, _):
        monkeypatch.setattr(parser, "data_received", noted)
        picture = framed(BINARY, bytes(100_000), last=False)
        for begin in range(0, len(picture), 30_000):
            only(running).data_received(picture[begin : begin + 30_000])
        first = websocket_protocol.SLICE_BYTES
        assert given == [first, 30_000 - first, 30_000, 30_000, len(picture) - 90_000]


async def _turns(done: Callable[[], bool]) -> int:
    """The number of turns of the event loop that ``step`` takes."""
    turns = 0
    while not done():
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_a_message_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    async with playing(tmp_path) as (_, client, _):
        await client.send(framed(BINARY, bytes(uvicorn_server.MAX_MESSAGE_BYTES + 1))[:1000])
        assert (await client.ended()).code == 1009


LIVE = "/ws/video/stream?pipeline_id=pose"
BEGUN = framed(BINARY, bytes(3_000_000))[:2_000_000]


async def live(port: int) -> BareSocket:
    client = await BareSocket.connect(port)
    await client.handshake(LIVE)
    return client


def socket_port(running: GatewayServer) -> int:
    return int(running.servers[0].sockets[0].getsockname()[1])


async def holds(gateway: Reached, held_bytes: int) -> None:
    await until(lambda: gateway.state.unfinished.total_bytes == held_bytes)


@pytest.mark.parametrize("cut", ["one frame", "fragments", "a frame's head"])
async def test_a_socket_that_is_cut_in_a_message_frees_it_at_once(tmp_path: Path, cut: str) -> None:
    sent = {
        "one frame": BEGUN,
        "fragments": framed(BINARY, bytes(90_000), last=False) + framed(CONTINUATION, bytes(90_000), last=False),
        "a frame's head": framed(BINARY, bytes(90_000))[:3],
    }[cut]
    async with playing(tmp_path) as (running, client, gateway):
        connection = only(running)
        await client.send(sent)
        await until(lambda: gateway.state.unfinished.total_bytes > len(sent) - 30)
        client.drop()
        await until(lambda: not running.server_state.connections)
        assert (gateway.state.unfinished.total_bytes, len(connection.conn.reader.buffer)) == (0, 0)
        assert not connection.frames and not connection._unparsed


async def test_a_message_that_waits_for_its_endpoint_counts_until_the_connection_ends(tmp_path: Path) -> None:
    async with playing(tmp_path) as (running, client, gateway):
        connection = only(running)
        connection.data_received(framed(BINARY, bytes(90_000)))
        assert gateway.state.unfinished.total_bytes == 90_000
        await holds(gateway, 0)  # the endpoint has the message
        assert (await client.ended()).code == 1008
        client.drop()
        await until(lambda: not running.server_state.connections)
        assert {event["type"] for event in connection.queue._queue} <= {"websocket.disconnect"}  # type: ignore[attr-defined]


async def test_fragments_of_one_byte_cost_one_byte_each(tmp_path: Path) -> None:
    async with playing(tmp_path) as (_, client, gateway):
        await client.send(framed(BINARY, b"x", last=False), framed(CONTINUATION, b"x", last=False) * 9_999)
        await holds(gateway, 10_000)
        [connection] = gateway.state.unfinished._held
        assert [len(piece) for piece in connection.frames] == [10_000]  # type: ignore[attr-defined]


async def test_a_message_in_pieces_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async with playing(tmp_path) as (_, client, _):
        await client.send(
            framed(TEXT, b"{", last=False), framed(CONTINUATION, b"", last=False), framed(CONTINUATION, b"}")
        )
        ended = await client.ended()
        assert (ended.code, ended.reason) == (1008, "schema_error")


@pytest.mark.parametrize("why", ["too many fragments", "too slow"])
async def test_a_message_without_end_is_cut_and_the_client_gets_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    endless = framed(BINARY, b"x", last=False)
    if why == "too slow":
        monkeypatch.setattr(websocket_protocol, "MESSAGE_WITHIN_S", 0.2)
    else:
        endless += framed(CONTINUATION, last=False) * websocket_protocol.MAX_FRAGMENTS
    async with playing(tmp_path) as (running, client, gateway):
        stream = await live(socket_port(running))
        for one, reason, code in ((client, "protocol_violation", 1008), (stream, "invalid_message", 1003)):
            await one.send(endless)
            ended = await one.ended()
            assert (ended.code, ended.reason) == (code, reason)
        assert ended.messages[0]["error"] == "invalid_message"
        await holds(gateway, 0)
        stream.drop()


async def test_pings_do_not_prolong_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_protocol, "MESSAGE_WITHIN_S", 1.0)
    async with playing(tmp_path) as (running, client, _):
        await client.send(framed(BINARY, b"x", last=False))
        await until(lambda: only(running)._deadline is not None)
        deadline = only(running)._deadline
        await client.send(framed(PING), framed(CONTINUATION, b"x", last=False))
        await until(lambda: only(running)._fragments == 2)
        assert only(running)._deadline is deadline
        assert (await client.ended()).reason == "protocol_violation"


async def test_time_in_which_the_server_does_not_read_does_not_count_against_the_client(tmp_path: Path) -> None:
    async with playing(tmp_path) as (running, client, _):
        await client.send(framed(BINARY, b"xx")[:-1])
        connection = only(running)
        await until(lambda: connection._deadline is not None)
        connection.pause_writing()
        assert connection._deadline is None
        connection.resume_writing()
        assert connection._deadline is not None


async def test_the_connection_that_holds_most_is_closed_with_a_reason(tmp_path: Path) -> None:
    async with playing(tmp_path) as (running, client, gateway):
        gateway.state.unfinished.most_bytes = 5_000_000
        port = socket_port(running)
        first, second, honest = await live(port), await live(port), await live(port)
        await client.send(framed(TEXT, b"{")[:-1])
        await honest.send(framed(BINARY, bytes(1_000_000))[:900_000])
        for stream in (first, second):
            await stream.send(BEGUN)
        await until(lambda: gateway.state.unfinished.total_bytes > 4_899_900)
        third = await live(port)
        await third.send(BEGUN)
        ended = await first.ended()
        assert (ended.code, ended.reason) == (1009, "frame_too_large")
        assert ended.messages[0]["error"] == "frame_too_large"
        assert gateway.state.unfinished.total_bytes <= 5_000_000
        assert not await honest.is_gone() and not await second.is_gone()
        for stream in (first, second, third, honest):
            stream.drop()
        client.drop()
        await holds(gateway, 0)


async def test_a_capture_socket_that_is_closed_for_others_gets_a_reason(tmp_path: Path) -> None:
    async with playing(tmp_path) as (_, client, gateway):
        gateway.state.unfinished.most_bytes = 1_000_000
        await client.send(BEGUN)
        ended = await client.ended()
        assert (ended.code, ended.reason) == (1013, "too_many_captures")
        await holds(gateway, 0)


@pytest.mark.parametrize(
    ("nonsense", "code"),
    [(framed(3, b"x"), 1002), (framed(TEXT, b"\xff"), 1007), (framed(BINARY, bytes(7_000_000))[:20], 1009)],
)
async def test_a_client_that_sends_an_invalid_message_gets_the_reason_though_it_goes_on_sending(
    tmp_path: Path, nonsense: bytes, code: int
) -> None:
    async with playing(tmp_path) as (_, client, _):
        await client.send(nonsense + framed(PONG) * 500_000)
        assert (await client.ended()).code == code


@pytest.mark.parametrize("heard", [True, False])
async def test_only_a_silent_client_is_closed_for_an_unanswered_ping(tmp_path: Path, heard: bool) -> None:
    async with playing(tmp_path) as (running, client, _):
        connection = only(running)
        connection.send_keepalive_ping()
        if heard:
            before = connection._received_at
            await client.send(framed(TEXT)[:1])
            await until(lambda: connection._received_at > before)
        assert connection.pong_timer is not None
        connection.pong_timer.cancel()
        connection.keepalive_timeout()
        assert connection.transport.is_closing() is not heard
        assert (connection.ping_timer is not None) is heard
