"""One switch rolls back the real-time lane on a stack that has served it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts.broker.keys import LIVE_SESSIONS, LIVE_WORKERS
from contracts.broker.roles import connect
from scripts.client import CaptureClient, GatewayAway, GatewayRefused, LiveEnded
from scripts.clips.stream import stream_capture
from scripts.stack.stack import Stack
from tests.conftest import BrokerPair, start_pair
from tests.integration.stacks import FaceClip, answered_live, jpegs, settings_for
from tests.support.waiting import DEADLINE_S, until


def test_the_switch_removes_the_live_lane_and_nothing_else(tmp_path: Path) -> None:
    for brokers in start_pair("valkey"):
        asyncio.run(on_and_off(brokers, tmp_path))


async def on_and_off(brokers: BrokerPair, folder: Path) -> None:
    settings = settings_for(brokers, folder)
    async with Stack(settings, live=1) as stack, CaptureClient(stack.address) as client:
        await stack.ready(DEADLINE_S)
        assert await client.pipelines()
        async with answered_live(client, "pose", jpegs(1)[0]) as (live, _):
            await stack.parts["gateway"].stop()
            with pytest.raises((GatewayAway, LiveEnded)):
                await live.ask(jpegs(1)[0])
    off = settings.model_copy(update={"stream_enabled": False})
    async with Stack(off, live=1) as stack, CaptureClient(stack.address) as client:
        await stack.ready(DEADLINE_S)
        assert not [name for name in stack.parts if name.startswith("live")]
        with pytest.raises(GatewayRefused) as refused:
            await client.pipelines()
        assert refused.value.status == 404
        with pytest.raises(GatewayRefused) as refused:
            async with client.live("pose"):
                raise AssertionError
        assert refused.value.status == 404
        async with client.session("u") as session:
            outcome = await stream_capture(client, FaceClip(45), user_id="u", session_id=session.session_id)
        assert outcome.recorded
        frames = connect(brokers.frames.url)
        try:

            async def is_empty() -> bool:
                return not (await frames.zcard(LIVE_SESSIONS) or await frames.keys("a3cp:{live:*"))

            await until(is_empty, "the live lane leaves nothing in the broker")
            assert not await frames.zcard(LIVE_WORKERS)
        finally:
            await frames.aclose()
