"""Connecting and disconnecting: the pipeline, the session, and the keys that are deleted at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from contracts.broker.keys import LIVE_SESSIONS
from contracts.broker.script import run
from contracts.messages.pipelines import PIPELINES
from contracts.state import live as live_lane
from gateway.live.endpoint import chosen_pipeline
from tests.gateway.live.served import PATH, Live, serving
from tests.gateway.reached import assert_refused, reaching
from tests.integration.load.sockets import BINARY, BareSocket, framed, handshake
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import DEADLINE_S, until


@pytest.mark.parametrize("pipeline_id", list(PIPELINES))
def test_every_registered_pipeline_may_be_chosen(pipeline_id: str) -> None:
    assert chosen_pipeline([pipeline_id]) == pipeline_id


INVALID = [
    "",
    "?",
    "?pipeline_id=",
    "?pipeline_id",
    "?pipeline_id=yolo_ocr",
    "?pipeline_id=Pose",
    "?pipeline_id=pose%00",
    "?pipeline_id=%70ose%20",
    "?pipeline_id=%ff%fe%C0%80",
    "?pipeline_id=%",
    "?pipeline_id=%zz%1",
    "?pipeline_id=../../etc/passwd",
    "?pipeline_id=pose&pipeline_id=pose",
    "?pipeline_id=pose&pipeline_id=holistic",
    "?pipeline=pose",
    "?pipeline_id=" + "x" * 5000,
    "?" + "&".join(f"a{number}=b" for number in range(500)),
]


async def test_a_missing_unknown_or_repeated_pipeline_is_an_error_after_the_accept_and_closes_with_1008(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path, worker=False) as live:
        for query in INVALID:
            async with live.socket(query) as socket:
                ended = await socket.ended()
            assert (ended.code, ended.reason, len(ended.messages)) == (1008, "invalid_pipeline", 1), query
            assert ended.error["error"] == "invalid_pipeline"
            assert ended.error["detail"].endswith("Choose one of holistic, pose, hands, face."), query
            assert "yolo" not in ended.error["detail"] and "xxx" not in ended.error["detail"]
        assert await live.keys() == []


async def test_percent_encoding_and_other_parameters_do_not_matter(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        for query in ("?pipeline_id=%70%6F%73%65", "?a=%ff&pipeline_id=pose&b=%"):
            async with live.socket(query) as socket:
                assert (await socket.frame())["result"]["pipeline"] == "pose"


async def test_bytes_that_are_no_address_do_not_harm_the_server(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        for query in (b"?pipeline_id=\xff\xfe", b"?pipeline_id=\xc3\xa9", b"?\x01\x02", b"?pipeline_id=pose#x"):
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(
                b"GET "
                + PATH.encode()
                + query
                + b" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            async with asyncio.timeout(300):
                head = await reader.readline()
            assert head.split()[1] in (b"400", b"101"), head
            writer.close()
        async with live.socket() as socket:
            assert (await socket.frame())["frame_index"] == 0


async def test_each_connection_has_its_own_session_and_slot(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as one, live.socket("?pipeline_id=hands") as other:
            assert (await one.frame())["frame_index"] == (await other.frame())["frame_index"] == 0
            assert (await other.frame())["result"]["pipeline"] == "hands"
            seen = live.only_worker.seen
            assert len({frame.live_id for frame in seen}) == 2
            assert {(frame.live_id, frame.pipeline_id) for frame in seen} == {
                (seen[0].live_id, "pose"),
                (seen[1].live_id, "hands"),
            }
            await until(lambda: live.only_worker.sessions == {seen[0].live_id, seen[1].live_id}, "both are known")
        await live.nothing_left()
        await until(lambda: live.only_worker.sessions == set(), "the worker is free")


async def test_a_connection_that_sends_no_frame_takes_no_worker(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket():
        await until(lambda: live.state.live_sessions == 1, "the session begins")
        assert await live.keys() == []


async def test_a_client_may_reconnect(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        for _ in range(5):
            async with live.socket() as socket:
                assert (await socket.frame())["frame_index"] == 0
        assert len({frame.live_id for frame in live.only_worker.seen}) == 5
        await live.nothing_left()


@asynccontextmanager
async def vanishing(live: Live) -> AsyncIterator[BareSocket]:
    """A client that disconnects without a close frame at the end of the block."""
    client = await BareSocket.connect(live.port)
    try:
        await client.handshake(f"{PATH}?pipeline_id=pose")
        yield client
    finally:
        client.drop()


FRAME = framed(BINARY, jpeg())


@pytest.mark.parametrize(
    "sent",
    [b"", FRAME[:1], FRAME[:700], FRAME, FRAME + FRAME[:700], FRAME * 5],
    ids=["nothing", "a byte", "half a frame", "a frame", "one and a half", "five"],
)
async def test_a_client_that_vanishes_in_any_state_leaves_no_key(
    broker: BrokerProcess, tmp_path: Path, sent: bytes
) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with vanishing(live) as client:
            await client.send(sent)
        await live.nothing_left()
        async with live.socket() as socket:
            assert (await socket.frame())["frame_index"] == 0


async def test_a_client_that_vanishes_in_its_handshake_leaves_no_key(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        request = handshake(f"{PATH}?pipeline_id=pose")
        for sent in (request[:50], request):
            client = await BareSocket.connect(live.port)
            await client.send(sent)
            client.drop()
        async with live.socket() as socket:
            assert (await socket.frame())["frame_index"] == 0
        await live.nothing_left()


async def test_a_client_that_vanishes_while_a_worker_has_its_frame_leaves_no_key(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live:
        live.only_worker.hold()
        async with vanishing(live) as client:
            await client.send(FRAME)
            await until(lambda: live.only_worker.seen, "the worker has it")
        await live.no_session()
        assert await live.keys() == []
        live.only_worker.release()  # its client is gone
        await live.nothing_left()


async def test_a_client_that_vanishes_while_its_frame_waits_for_a_worker_leaves_no_key(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live:
        live.only_worker.hold()
        async with vanishing(live) as one, vanishing(live) as other:
            await one.send(FRAME)
            await until(lambda: live.only_worker.seen, "the worker has the first")
            await other.send(FRAME)
            await until(
                lambda: sum(connection.sent is not None for connection in live.lane._connections.values()) == 2,
                "one waits",
            )
            assert len(await live.keys()) == 2  # the slots, and the inbox with the second frame
        await live.no_session()
        assert await live.keys() == []


async def test_a_lane_that_is_switched_off_has_no_route(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path, lane=False, worker=False, stream_enabled=False) as live:
        with pytest.raises(InvalidStatus) as refused:
            async with live.socket():
                pass
        assert refused.value.response.status_code == 404
        assert orjson.loads(refused.value.response.body or b"")["error"] == "not_found"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", timeout=DEADLINE_S) as client:
            assert_refused(await client.get("/pipelines"), 404, "not_found")


async def test_pipelines_lists_the_pipelines_of_the_server(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        answer = await gateway.client.get("/pipelines")
        assert answer.status_code == 200
        assert [(p["pipeline_id"], p["parts"]) for p in answer.json()] == [
            ("holistic", ["pose", "left_hand", "right_hand", "face"]),
            ("pose", ["pose"]),
            ("hands", ["left_hand", "right_hand"]),
            ("face", ["face"]),
        ]
        assert all(set(p) == {"pipeline_id", "title", "parts"} for p in answer.json())


async def test_without_the_token_there_are_no_pipelines_and_no_socket(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path, api_token="t0ken") as live:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", timeout=DEADLINE_S) as client:
            assert_refused(await client.get("/pipelines"), 401, "token_required")
            answer = await client.get("/pipelines", headers={"Authorization": "Bearer t0ken"})
            assert answer.status_code == 200
        for options in ({}, {"subprotocols": [Subprotocol("bearer.wrong")]}):
            with pytest.raises(InvalidStatus) as refused:
                async with live.socket(**options):
                    pass
            assert refused.value.response.status_code == 401
        async with live.socket(subprotocols=[Subprotocol("bearer.t0ken")]) as socket:
            assert socket.connection.subprotocol == "bearer.t0ken"
            assert (await socket.frame())["frame_index"] == 0


async def test_a_foreign_origin_is_refused(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        for origin in ("https://evil.example", "null", f"http://evil.example:{live.port}"):
            with pytest.raises(InvalidStatus) as refused:
                async with live.socket(origin=origin):
                    pass
            assert refused.value.response.status_code == 403
        async with live.socket(origin=f"http://127.0.0.1:{live.port}") as socket:
            assert (await socket.frame())["frame_index"] == 0


async def test_a_session_keeps_its_slot_and_releases_it(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            await socket.frame()
            [connection] = live.lane._connections.values()
            assert connection.slot is not None
            score = await live.state.frames.zscore(LIVE_SESSIONS, connection.slot.member)
            again = await run(live.state.frames, live_lane.join(connection.live_id))
            assert again == connection.slot and score is not None
        await live.nothing_left()
        assert live.lane._connections == {}
