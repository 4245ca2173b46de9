"""Which messages a client may send, and the error for each other one."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from contracts.messages.live import LiveError
from contracts.rules.codes import CODES, LiveCode
from contracts.state.live import Answer
from gateway.live.lane import LiveLane
from gateway.server import websocket_protocol
from tests.gateway.live.served import Ended, serving
from tests.gateway.live.test_frame_check import LIMIT, MIB, padded, patched_size
from tests.integration.load.sockets import BINARY, CONTINUATION, BareSocket, framed
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import until

CONTRACT: dict[LiveCode, int] = {
    "invalid_pipeline": 1008,
    "invalid_message": 1003,
    "invalid_frame": 1008,
    "frame_too_large": 1009,
    "pipeline_failure": 1011,
    "internal_error": 1011,
    "access_ended": 1008,  # later than the contract
}
"""The contract's table, written again here: the source cannot check itself."""


def assert_ended(ended: Ended, code: LiveCode) -> str:
    """Check that the socket got one error with this code and closed with its close code; returns the sentence."""
    assert LiveError.model_validate(ended.error).error == code
    assert (ended.code, ended.reason) == (CONTRACT[code], code)
    detail = str(ended.error["detail"])
    assert detail.endswith(".") and "Traceback" not in detail and "/" not in detail
    return detail


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "PNG")
    return buffer.getvalue()


def test_every_error_closes_as_the_contract_says() -> None:
    assert {code: CODES[code].live_close for code in get_args(LiveCode)} == CONTRACT


async def test_a_text_message_is_refused_and_closes_with_1003(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        for text in ("", "{}", '{"event":"capture.open"}', "x" * 100_000):
            async with live.socket() as socket:
                await socket.send(text)
                assert assert_ended(await socket.ended(), "invalid_message").startswith("A message must be one JPEG")
        await live.nothing_left()
        assert not live.only_worker.seen


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        png(),
        jpeg()[:-2],
        jpeg()[: len(jpeg()) // 2],
        jpeg()[1:],
        patched_size(65500, 65500),
        bytes(LIMIT),
    ],
    ids=["empty", "a byte", "PNG", "no EOI", "half", "no SOI", "huge dimensions", "5 MiB of nothing"],
)
async def test_an_invalid_frame_is_an_error_that_closes_with_1008_and_no_worker_gets_it(
    broker: BrokerProcess, tmp_path: Path, payload: bytes
) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            assert (await socket.frame())["frame_index"] == 0
            await socket.send(payload)
            ended = await socket.ended()
            assert_ended(ended, "invalid_frame")
            assert len(ended.messages) == 2
        await live.nothing_left()
        assert len(live.only_worker.seen) == 1


@pytest.mark.parametrize("size", [LIMIT + 1, 7 * MIB, 30 * MIB])
async def test_a_frame_that_is_too_large_is_an_error_that_closes_with_1009(
    broker: BrokerProcess, tmp_path: Path, size: int
) -> None:
    async with serving(broker.url, tmp_path) as live:
        for _ in range(3):
            async with live.socket() as socket:
                await socket.frame()
                await socket.send(padded(size))
                ended = await socket.ended()
            assert ended.error == {"error": "frame_too_large", "detail": f"The frame is longer than {LIMIT} bytes."}
            assert ended.code == 1009
        await live.nothing_left()
        assert len(live.only_worker.seen) == 3


async def test_a_frame_of_fragments_that_are_too_large_together_is_an_error_too(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live:
        client = await BareSocket.connect(live.port)
        await client.handshake("/ws/video/stream?pipeline_id=pose")
        await client.send(framed(BINARY, bytes(4 * MIB), last=False))
        await client.send(framed(CONTINUATION, bytes(4 * MIB), last=False))
        ended = await client.ended()
        assert ended.code == 1009
        assert [message["error"] for message in ended.messages] == ["frame_too_large"]
        client.drop()
        await live.nothing_left()


async def test_a_client_that_goes_on_sending_a_frame_that_is_too_large_is_cut_off(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "LINGER_S", 0.2)
    async with serving(broker.url, tmp_path) as live:
        client = await BareSocket.connect(live.port)
        await client.handshake("/ws/video/stream?pipeline_id=pose")
        await client.send(framed(BINARY, bytes(7 * MIB))[:2000])
        await client.flood(bytes(65536), 20)
        assert await client.is_gone()
        client.drop()
        await until(lambda: not live.server.server_state.connections, "the connection is gone")


async def test_a_frame_of_exactly_the_limit_is_processed(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            assert (await socket.frame(padded(LIMIT)))["frame_index"] == 0
        assert live.only_worker.seen[0].payload == padded(LIMIT)


async def test_the_limit_of_a_frame_is_a_setting(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path, stream_max_frame_size_mb=8) as live, live.socket() as socket:
        await socket.frame(padded(8 * MIB))
        await socket.send(padded(8 * MIB + 1))
        assert assert_ended(await socket.ended(), "frame_too_large") == "The frame is longer than 8388608 bytes."


@pytest.mark.parametrize("code", ["pipeline_failure", "invalid_frame"])
async def test_an_error_of_the_worker_is_sent_and_ends_the_connection(
    broker: BrokerProcess, tmp_path: Path, code: LiveCode
) -> None:
    async with serving(broker.url, tmp_path) as live:
        answers, sentence = live.only_worker.respond, b"The pipeline failed on this frame."
        live.only_worker.respond = lambda frame: Answer(frame.live_id, frame.frame_index, sentence, code)
        async with live.socket() as socket:
            await socket.send(jpeg())
            assert assert_ended(await socket.ended(), code) == sentence.decode()
        await live.nothing_left()
        live.only_worker.respond = answers
        async with live.socket() as socket:  # the lane serves the next connection
            assert (await socket.frame())["frame_index"] == 0


@pytest.mark.parametrize("step", ["submit", "_try_to_send"])
async def test_a_fault_of_the_server_is_internal_error_without_any_detail(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret of the inside")

    monkeypatch.setattr(LiveLane, step, broken)
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            await socket.send(jpeg())
            assert "secret" not in assert_ended(await socket.ended(), "internal_error")
        await live.nothing_left()
        assert live.state.metrics.registry.get_sample_value("stream_sessions_active") == 0


async def test_an_error_is_sent_before_the_result_of_an_earlier_frame(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        live.only_worker.hold()
        async with live.socket() as socket:
            await socket.send(jpeg(), jpeg(), png())
            ended = await socket.ended()
            assert_ended(ended, "invalid_frame")
            assert len(ended.messages) == 1
        live.only_worker.release()
        await live.nothing_left()


async def test_a_server_that_stops_closes_with_1012(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        live.only_worker.hold()
        async with live.socket() as idle, live.socket() as busy, live.socket() as answered:
            await busy.send(jpeg())
            await until(lambda: live.only_worker.seen, "the worker has a frame")
            live.server.stop()
            for socket in (idle, busy, answered):
                ended = await socket.ended()
                assert (ended.code, ended.reason, ended.messages) == (1012, "server_shutdown", [])
            await live.running
        live.only_worker.release()
        await live.nothing_left()


async def test_a_server_that_stops_does_not_wait_for_a_client_that_does_not_read(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live:
        client = await BareSocket.connect(live.port, small=True)
        await client.handshake("/ws/video/stream?pipeline_id=pose")
        await client.flood(framed(BINARY, jpeg()) * 100, 0.5)
        live.server.stop()
        async with asyncio.timeout(300):
            await live.running
        client.drop()
        await live.nothing_left()
