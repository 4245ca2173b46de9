"""Many clients, and clients that break the protocol, on the real-time lane."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket

from contracts.state.live import Answer
from gateway.server import uvicorn_server as server_module
from gateway.tasks import cancel_all
from tests.gateway.live.served import PATH, TinyWorker, serving
from tests.gateway.live.test_drops import dropped, indices
from tests.integration.load.sockets import BINARY, BareSocket, framed
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("patient_lane")

QUERY = f"{PATH}?pipeline_id=pose"


async def test_ten_connections_at_once_each_get_results_in_order(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:

        async def client() -> list[dict[str, Any]]:
            async with live.socket() as socket:
                return [await socket.frame() for _ in range(30)]

        for answers in await asyncio.gather(*(client() for _ in range(10))):
            assert indices(answers) == list(range(30)) and not dropped(answers)
        assert len({frame.live_id for frame in live.only_worker.seen}) == 10
        await live.nothing_left()


async def test_sessions_are_distributed_among_the_workers(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        other = TinyWorker(live.state.frames, "other")
        await other.announce()
        tasks = other.tasks()
        async with AsyncExitStack() as clients:
            for _ in range(10):
                socket = await clients.enter_async_context(live.socket())
                assert (await socket.frame())["frame_index"] == 0
            assert (len(live.only_worker.seen), len(other.seen)) == (5, 5)
        await live.nothing_left()
        await cancel_all(tasks)


async def test_of_thirty_frames_a_second_those_that_the_worker_cannot_process_are_dropped(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    """Half of the frames find the worker busy and are dropped; every frame is reported in order, with one warning."""
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        counter = live.state.metrics.registry
        for pair in range(30):
            live.only_worker.hold()
            await socket.send(jpeg())
            await until(lambda pair=pair: len(live.only_worker.seen) == pair + 1, "the worker has it")
            await socket.send(jpeg())
            await until(
                lambda pair=pair: counter.get_sample_value("stream_frames_dropped_total") == pair + 1, "it drops"
            )
            live.only_worker.release()
            while not socket.messages or indices(socket.messages)[-1:] != [2 * pair + 1]:
                await socket.message()
        assert indices(socket.messages) == list(range(60))
        assert dropped(socket.messages) == list(range(1, 60, 2))
        assert sum("warning" in message for message in socket.messages) == 1


async def test_each_drop_of_a_flood_is_reported_in_order_and_takes_no_memory(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    flood, rounds = 500, 3
    async with serving(broker.url, tmp_path) as live:
        client = await BareSocket.connect(live.port)
        await client.handshake(QUERY)
        tiny = framed(BINARY, jpeg(8, 8))
        live.only_worker.hold()
        await client.send(tiny)
        await until(lambda: live.only_worker.seen, "the worker has the first")
        counter = live.state.metrics.registry
        sizes = []
        tracemalloc.start()
        for number in range(1, rounds + 1):
            await client.send(tiny * flood)
            await until(
                lambda number=number: counter.get_sample_value("stream_frames_dropped_total") == number * flood,
                "all drop",
            )
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert sizes[-1] - sizes[0] < 50_000  # the frames of one round have several times as many bytes
        ending = asyncio.create_task(client.ended())
        live.only_worker.release()
        await until(lambda: next(iter(live.lane._connections.values())).deadline is None, "it is answered")
        await client.send(framed(BINARY, b""))  # a text message, which ends the connection
        ended = await ending
        frames = [message for message in ended.messages if "frame_index" in message]
        assert [message["frame_index"] for message in frames] == list(range(len(frames)))
        client.drop()
        await live.nothing_left()


async def test_while_the_drops_of_a_flood_are_reported_other_clients_are_served(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_in_turn: list[int] = []
    send = WebSocket.send_text

    async def noted(websocket: WebSocket, text: str) -> None:
        told_in_turn[-1] += 1
        await send(websocket, text)

    async def count_turns() -> None:
        while True:
            told_in_turn.append(0)
            await asyncio.sleep(0)

    async with serving(broker.url, tmp_path) as live:
        live.only_worker.hold()
        async with live.socket() as socket:
            for _ in range(1_000):
                await socket.send(jpeg(8, 8))
            counter = live.state.metrics.registry
            await until(lambda: counter.get_sample_value("stream_frames_dropped_total") == 999, "all drop")
            counting = asyncio.create_task(count_turns())
            monkeypatch.setattr(WebSocket, "send_text", noted)
            live.only_worker.release()
            messages = await socket.heard(1_001)
            assert indices([message for message in messages if "frame_index" in message]) == list(range(1_000))
            assert [at for at, message in enumerate(messages) if "warning" in message] == [8]
            assert sum(told_in_turn) == 1_001 and max(told_in_turn) <= 2
            await cancel_all([counting])


async def test_a_client_that_never_reads_is_held_back_and_cut_off_and_no_other_client_waits(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "STALLED_S", 1.0)
    async with serving(broker.url, tmp_path) as live:
        answers, long = live.only_worker.respond, b"[" + b"0," * 100_000 + b"0]"
        live.only_worker.respond = lambda frame: Answer(frame.live_id, frame.frame_index, long)
        silent = await BareSocket.connect(live.port, small=True)
        await silent.handshake(QUERY)
        [connection] = live.server.server_state.connections
        async with asyncio.timeout(300):
            while connection.writable.is_set():
                await silent.send(framed(BINARY, jpeg(8, 8)))
                await asyncio.sleep(0.002)
        flooding = asyncio.create_task(silent.flood(framed(BINARY, jpeg(8, 8)) * 100, 20))
        live.only_worker.respond = answers
        async with live.socket() as other:
            assert not dropped([await other.frame() for _ in range(20)])
        await flooding
        await live.no_session()
        silent.drop()
        await live.nothing_left()
