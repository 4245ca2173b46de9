"""A gateway that stops with open connections closes each with its code, loses no capture, and ends in time."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import BrokerPair
from tests.integration.load.loaded_gateway import LoadedGateway, loaded_gateway
from tests.integration.load.sockets import PING, TEXT, Streaming, framed

pytestmark = pytest.mark.real

WITHIN_S = 10.0
"""What is promised."""

IDLE = 200
STREAMING = 48
CLOSED = 16


async def test_a_shutdown_closes_every_client_loses_no_closed_capture_and_ends_in_time(
    brokers: BrokerPair, tmp_path: Path
) -> None:
    async with loaded_gateway(tmp_path, brokers, A3CP_CAPTURE_OPEN_TIMEOUT_S="300") as loaded:
        closed, streaming = await loaded.captures(CLOSED), await loaded.captures(STREAMING, frames=1000)
        await all_closed(closed)
        idle = await asyncio.gather(*(loaded.socket() for _ in range(IDLE)))
        await stuck(loaded)
        await asyncio.gather(*(capture.open() for capture in streaming))
        await asyncio.gather(*(capture.told(accepted=0) for capture in streaming))
        sending = asyncio.gather(*(capture.send_until_closed() for capture in streaming))
        await asyncio.gather(*(capture.told_more() for capture in streaming))
        told = asyncio.gather(*(capture.ended() for capture in streaming), *(bare.ended() for bare in idle))
        await stops_in_time(loaded)
        for end in await told:
            assert (end.code, end.reason) == (1012, "server_shutdown")
        await sending
        assert all(capture.aborts == ["server_shutdown"] for capture in (await told)[:STREAMING])
        await nothing_is_lost(loaded, closed, streaming)


async def all_closed(captures: list[Streaming]) -> None:
    """Close every capture; none is extracted, because the drain does not run yet."""
    await asyncio.gather(*(capture.open() for capture in captures))
    await asyncio.gather(*(capture.send_frames() for capture in captures))
    ended = await asyncio.gather(*(capture.close() for capture in captures))
    assert [end.code for end in ended] == [1000] * len(captures)


async def stuck(loaded: LoadedGateway) -> None:
    """Clients that keep a server busy: half a head, half an answer, a capture that takes no answer at all."""
    await (await loaded.bare()).send(b"GET /livez HTTP/1.1\r\nHost:")
    [capture] = await loaded.captures(1)
    deaf = await loaded.socket(small=True)
    await deaf.send(framed(TEXT, capture.client.open(progress=True).encode()))
    await deaf.flood(framed(PING, b"x" * 125) * 2000, 1.0)


async def stops_in_time(loaded: LoadedGateway) -> None:
    process = loaded.gateway.process
    process.send_signal(signal.SIGTERM)
    began_at = time.monotonic()
    code = await asyncio.to_thread(process.wait, WITHIN_S)
    print(f"stopped after {time.monotonic() - began_at:.1f} s")
    assert code == 0


async def nothing_is_lost(loaded: LoadedGateway, closed: list[Streaming], streaming: list[Streaming]) -> None:
    async with loaded.drain.running():
        await loaded.published(closed)
    for capture in streaming:
        record = await loaded.record(capture.client)
        assert record is not None
        assert (record.outcome, record.error_code) == ("aborted", "server_shutdown")
