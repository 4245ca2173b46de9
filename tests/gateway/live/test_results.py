"""Frames and their answers, on the real server and a real broker."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.live.served import serving
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg


async def test_a_frame_gets_its_result_with_its_index(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            for index in range(3):
                answer = await socket.frame(jpeg(seed=index))
                assert set(answer) == {"frame_index", "result"}
                assert (answer["frame_index"], answer["result"]["pipeline"]) == (index, "pose")
        await live.nothing_left()
