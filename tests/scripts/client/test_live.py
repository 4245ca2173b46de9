"""Live streams by the client, on a gateway whose lane runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.messages.live import LiveDropped, LiveResult, LiveWarning
from contracts.rules.codes import LiveCode
from contracts.state.live import Answer
from scripts.client import CaptureClient, GatewayAway, LiveEnded, LiveStream, SyncCaptureClient, UsageError
from tests.gateway.live.served import Live, one_broker, serving
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import until

Scenario = Callable[[Live, LiveStream], Awaitable[None]]


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    yield from one_broker()


@asynccontextmanager
async def streaming(broker: BrokerProcess, folder: Path, **options: Any) -> AsyncIterator[tuple[Live, LiveStream]]:
    async with (
        serving(broker.url, folder, **options) as live,
        CaptureClient(f"http://127.0.0.1:{live.port}") as client,
        client.live("pose") as made,
    ):
        yield live, made


def dropped(live: Live) -> int:
    return int(live.state.metrics.stream_frames_dropped._value.get())


async def test_frames_are_answered_one_after_the_other(broker: BrokerProcess, tmp_path: Path) -> None:
    async with streaming(broker, tmp_path) as (_, made):
        answers = await asyncio.gather(*(made.ask(jpeg()) for _ in range(3)))
        assert answers[0] is not None and answers[0].detections[0].label == "person"
        for _ in range(5):
            answer = await made.ask(jpeg())
            assert answer is not None and answer.pipeline == "pose", "a frame sent alone is never dropped"


async def test_results_come_in_order_and_end_with_the_last(broker: BrokerProcess, tmp_path: Path) -> None:
    async with streaming(broker, tmp_path) as (live, made):
        heard: list[object] = []

        async def listen() -> None:
            async for answer in made.results():
                heard.append(answer)

        listening = asyncio.create_task(listen())
        live.only_worker.hold()
        await made.send(jpeg())
        asking = asyncio.create_task(made.ask(jpeg()))  # dropped, because the worker has the first
        await until(lambda: dropped(live) == 1, "the first frame is dropped")
        await made.send(jpeg())
        await until(lambda: dropped(live) == 2, "the second frame is dropped")
        live.only_worker.release()
        assert await asking is None
        await until(lambda: len(heard) == 2, "both are heard")
        assert not listening.done(), "there may be more"
        await made.end()
        async with asyncio.timeout(300):
            await listening
        first, last = heard
        assert isinstance(first, LiveResult) and first.frame_index == 0
        assert last == LiveDropped(frame_index=2), "what was asked is told to who asked"
        with pytest.raises(UsageError, match="was ended"):
            await made.send(jpeg())
        assert await made.next_result() is None


async def test_a_warning_is_among_the_results(broker: BrokerProcess, tmp_path: Path) -> None:
    async with streaming(broker, tmp_path) as (live, made):
        live.only_worker.hold()
        for _ in range(20):
            await made.send(jpeg())
        await until(lambda: dropped(live) == 19, "all but the first are dropped")
        live.only_worker.release()
        await made.end()
        answers = [answer async for answer in made.results()]
        assert [type(answer) for answer in answers].count(LiveWarning) == 1
        assert len(answers) == 21


async def test_a_stream_that_the_gateway_ends_raises_its_code(broker: BrokerProcess, tmp_path: Path) -> None:
    codes: list[LiveCode] = ["invalid_frame", "pipeline_failure"]
    async with serving(broker.url, tmp_path) as live, CaptureClient(f"http://127.0.0.1:{live.port}") as client:
        async with client.live("pose") as made:
            with pytest.raises(LiveEnded, match=codes[0]) as error:
                await made.ask(b"\xff\xd8 no JPEG")
            assert error.value.code == codes[0]
            for again in (made.ask(jpeg()), made.send(jpeg()), made.next_result()):
                with pytest.raises(LiveEnded, match=codes[0]):
                    await again
        async with client.live("no pipeline") as made:
            with pytest.raises(LiveEnded, match=r"invalid_pipeline.*Choose one of holistic"):
                await made.ask(jpeg())
        live.only_worker.respond = lambda frame: Answer(
            frame.live_id, frame.frame_index, b"it raised", "pipeline_failure"
        )
        async with client.live("pose") as made:
            with pytest.raises(LiveEnded, match=codes[1]):
                await made.ask(jpeg())


async def test_a_client_that_stops_waiting_does_not_disturb_others(broker: BrokerProcess, tmp_path: Path) -> None:
    async with streaming(broker, tmp_path) as (live, made):
        live.only_worker.hold()
        asking = asyncio.create_task(made.ask(jpeg()))
        await until(lambda: live.only_worker.seen, "the worker has the frame")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        live.only_worker.release()
        processed = live.state.metrics.stream_frames_processed._value
        await until(lambda: processed.get() == 1, "the frame is answered even so")
        assert await made.ask(jpeg()) is not None
        await made.end()
        assert await made.next_result() is None, "a late answer does not go to another request"


async def test_a_lost_connection_is_an_error_that_says_so(broker: BrokerProcess, tmp_path: Path) -> None:
    async with streaming(broker, tmp_path) as (_, made):
        assert made._socket is not None
        made._socket.transport.abort()
        for _ in range(2):
            with pytest.raises(GatewayAway, match="was lost"):
                await made.ask(jpeg())
        with pytest.raises(UsageError, match="opened once"):
            await made.__aenter__()


async def test_one_thread_sends_while_another_reads(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:

        def work() -> tuple[int, object]:
            with SyncCaptureClient(f"http://127.0.0.1:{live.port}") as client, client.live("pose") as made:
                answer = made.ask(jpeg())
                for _ in range(5):
                    made.send(jpeg())
                made.end()
                return len([one for one in made.results() if not isinstance(one, LiveWarning)]), answer

        count, answer = await asyncio.to_thread(work)
        assert count == 5 and answer is not None
