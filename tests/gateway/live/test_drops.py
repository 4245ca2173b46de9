"""Frames that come faster than the worker processes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.live.served import Live, Socket, serving
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import until

WARNING = {"warning": "slow_down"}


def indices(messages: Sequence[dict[str, Any]]) -> list[int]:
    """The frame_index of each message, in order."""
    return [message["frame_index"] for message in messages if message != WARNING]


def dropped(messages: Sequence[dict[str, Any]]) -> list[int]:
    return [message["frame_index"] for message in messages if message.get("dropped")]


async def burst(live: Live, socket: Socket, frames: int) -> list[dict[str, Any]]:
    """``frames`` frames while the worker is busy with the first; every message about them."""
    worker, received = live.only_worker, next(iter(live.lane._connections.values())).frame_index + 1
    worker.hold()
    await socket.send(*[jpeg()] * frames)
    counter = live.state.metrics.registry
    before = socket_drops(socket)
    await until(
        lambda: counter.get_sample_value("stream_frames_dropped_total") == before + frames - 1, "all the others dropped"
    )
    worker.release()
    messages: list[dict[str, Any]] = []
    while not messages or indices(messages)[-1:] != [received + frames - 1]:
        messages.append(await socket.message())
    return messages


def socket_drops(socket: Socket) -> int:
    return len(dropped(socket.messages))


async def test_frames_that_come_while_one_is_processed_are_dropped_and_reported_in_order(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        await socket.frame()
        messages = await burst(live, socket, 6)
        assert messages[0]["frame_index"] == 1 and "result" in messages[0]
        assert messages[1:] == [{"frame_index": index, "dropped": True} for index in range(2, 7)]
        assert (await socket.frame())["frame_index"] == 7
        assert [frame.frame_index for frame in live.only_worker.seen] == [0, 1, 7]  # the worker never got the others


async def test_slow_down_comes_once_right_after_the_drop_that_caused_it(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        await socket.frame()
        messages = await burst(live, socket, 30)
        assert messages.count(WARNING) == 1
        assert messages[messages.index(WARNING) - 1] == {
            "frame_index": 8,
            "dropped": True,
        }  # the 7th of at least 20
        assert (await burst(live, socket, 30)).count(WARNING) == 0


async def test_below_the_threshold_no_slow_down_comes(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        await socket.frame()
        assert WARNING not in await burst(live, socket, 7)


async def test_a_client_that_slows_down_gets_every_frame_and_is_warned_again_in_a_new_flood(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        await socket.frame()
        assert (await burst(live, socket, 40)).count(WARNING) == 1
        quiet = [await socket.frame() for _ in range(60)]
        assert not dropped(quiet) and WARNING not in quiet
        assert (await burst(live, socket, 40)).count(WARNING) == 1
        assert indices(socket.messages) == list(range(141))


@pytest.mark.parametrize(("drop", "slowdown", "warned_at"), [(0.0, 0.0, 2), (0.5, 0.5, 12), (1.0, 1.0, None)])
async def test_the_thresholds_are_settings(
    broker: BrokerProcess, tmp_path: Path, drop: float, slowdown: float, warned_at: int | None
) -> None:
    thresholds = {"stream_drop_threshold": drop, "stream_slowdown_threshold": slowdown}
    async with serving(broker.url, tmp_path, **thresholds) as live, live.socket() as socket:
        await socket.frame()
        messages = await burst(live, socket, 30)
        assert (WARNING in messages) == (warned_at is not None)
        if warned_at is not None:
            assert messages[messages.index(WARNING) - 1]["frame_index"] == warned_at


async def test_one_slow_client_does_not_make_another_drop(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket() as slow, live.socket() as other:
        await slow.frame()
        await burst(live, slow, 100)
        answers = [await other.frame() for _ in range(20)]
        assert indices(answers) == list(range(20)) and not dropped(answers)
