"""The bounded forward queue, with a full stream and with a broker that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import pytest

from contracts.broker.roles import BrokerFull
from contracts.broker.shared_connection import Changes
from contracts.rules.errors import BrokerUnavailable, CaptureError
from contracts.rules.ids import format_utc
from contracts.rules.limits import CaptureLimits
from contracts.state.frame import ForwardItem, PushReply
from gateway.capture import forwarder
from gateway.capture.forwarder import Forwarder
from tests.support.messages import SESSION, START
from tests.support.waiting import DEADLINE_S

OK, FULL = PushReply(depth=1), PushReply(full=True)


def item(seq: int, size: int = 10) -> ForwardItem:
    return ForwardItem("capture", seq, START, bytes(size), "jpeg", 64, 48, "user", SESSION)


async def put(queue: Forwarder, frame: ForwardItem) -> None:
    await queue.wait_for_room(frame.byte_length)
    queue.put(frame, format_utc(frame.timestamp_frame))


class Broker:
    """Answers pushes with the given replies, or raises the given errors; repeats the last one."""

    shares = False
    """Whether a push can be begun without waiting."""

    def __init__(self, *replies: PushReply | Exception) -> None:
        self.replies = list(replies)
        self.pushed: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, _broker: Any, call: Any) -> PushReply:
        return await self._reply(call.arguments[0])

    async def _reply(self, seq: int) -> PushReply:
        await self.gate.wait()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        if reply is OK:
            self.pushed.append(seq)
        return reply

    def prepare(self, _broker: Any, _call: Any, _changing: Any) -> Callable[..., bool]:
        def begin(changes: Changes, on_answer: Callable[[Any], None]) -> bool:
            if self.shares:
                reply = asyncio.ensure_future(self._reply(int(changes[0][0].split()[1])))
                reply.add_done_callback(lambda done: on_answer(done.exception() or done.result()))
            return self.shares

        return begin


@pytest.fixture(autouse=True, params=[False, True], ids=["waiting", "sharing"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with and without a connection on which frames are sent without waiting."""
    monkeypatch.setattr(Broker, "shares", request.param)
    monkeypatch.setattr(forwarder, "is_taken", lambda reply: isinstance(reply, PushReply) and reply.taken)


@asynccontextmanager
async def forwarding(
    *replies: PushReply | Exception, **limits: Any
) -> AsyncIterator[tuple[Forwarder, Broker, asyncio.Task[None]]]:
    broker = Broker(*replies)
    with mock.patch.multiple(forwarder, run=broker.run, prepare=broker.prepare):
        queue = Forwarder(mock.Mock(), CaptureLimits(**limits))
        moving = asyncio.create_task(queue.run())
        try:
            async with asyncio.timeout(300):
                yield queue, broker, moving
        finally:
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)


async def test_frames_leave_in_the_order_they_came() -> None:
    async with forwarding(OK) as (queue, broker, _):
        for seq in range(1, 50):
            await put(queue, item(seq))
        await queue.flush(DEADLINE_S)
        assert broker.pushed == list(range(1, 50))


async def test_a_full_queue_makes_a_fast_client_wait_while_the_broker_answers() -> None:
    async with forwarding(OK) as (queue, broker, _):
        broker.gate.clear()
        for seq in (1, 2, 3):
            await put(queue, item(seq))
        fourth = asyncio.create_task(put(queue, item(4)))
        await asyncio.sleep(0)
        assert len(queue) == 3 and not fourth.done()
        broker.gate.set()
        await fourth
        await queue.flush(DEADLINE_S)
        assert broker.pushed == [1, 2, 3, 4]


async def test_a_client_that_waits_goes_on_when_half_of_the_queue_is_free() -> None:
    answers: list[Callable[[Any], None]] = []
    with mock.patch.object(forwarder, "prepare", lambda *_: lambda _, on_answer: answers.append(on_answer) or True):
        queue = Forwarder(mock.Mock(), CaptureLimits(max_forward_buffer_frames=3))
        moving = asyncio.create_task(queue.run())
        await asyncio.sleep(0)
        for seq in (1, 2, 3):
            queue.put(item(seq), "")
        called: list[CaptureError | None] = []
        queue.call_when_room(10, called.append)
        answers.pop()(OK)
        assert (len(queue), called) == (2, [])
        answers.pop()(OK)
        assert (len(queue), called) == (1, [None])
        moving.cancel()


@pytest.mark.parametrize("full", [FULL, BrokerFull("frames", "out of memory")])
async def test_a_full_queue_behind_a_full_stream_overflows(full: Any) -> None:
    async with forwarding(full) as (queue, _, _):
        with pytest.raises(CaptureError) as caught:
            for seq in range(1, 5):
                await put(queue, item(seq))
        assert caught.value.code == "limit_forward_buffer_exceeded" and len(queue) == 3


async def test_the_queue_is_bounded_in_bytes_too() -> None:
    async with forwarding(FULL, max_forward_buffer_bytes=1000) as (queue, _, _):
        await put(queue, item(1, 600))
        with pytest.raises(CaptureError) as caught:
            await put(queue, item(2, 600))
        assert caught.value.code == "limit_forward_buffer_exceeded"


async def test_one_frame_larger_than_the_bound_still_passes_alone() -> None:
    async with forwarding(OK, max_forward_buffer_bytes=1000) as (queue, broker, _):
        await put(queue, item(1, 2000))
        await queue.flush(DEADLINE_S)
        assert broker.pushed == [1]


async def test_a_full_stream_that_drains_takes_the_waiting_frame() -> None:
    async with forwarding(FULL, FULL, OK) as (queue, broker, _):
        await put(queue, item(1))
        await queue.flush(DEADLINE_S)
        assert broker.pushed == [1]


async def test_a_broker_that_comes_back_in_time_loses_no_frame() -> None:
    away = BrokerUnavailable("frames", "connection refused")
    async with forwarding(away, away, OK) as (queue, broker, _):
        await put(queue, item(1))
        await put(queue, item(2))
        await queue.flush(DEADLINE_S)
        assert broker.pushed == [1, 2]


async def test_a_broker_that_stays_away_is_forward_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "BROKER_AWAY_S", 0.2)
    async with forwarding(BrokerUnavailable("frames", "connection refused")) as (queue, _, moving):
        await put(queue, item(1))
        for wait in (queue.flush(DEADLINE_S), moving):
            with pytest.raises(CaptureError) as caught:
                await wait
            assert caught.value.code == "forward_failed"


async def test_a_lost_answer_costs_a_client_with_a_full_queue_no_frame() -> None:
    async with forwarding(BrokerUnavailable("frames", "the answer was lost"), OK) as (queue, broker, _):
        for seq in range(1, 8):
            await put(queue, item(seq))
        await queue.flush(DEADLINE_S)
        assert broker.pushed == list(range(1, 8))


async def test_a_queue_that_is_full_because_the_broker_is_away_is_forward_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarder, "STALLED_S", 0.1)
    async with forwarding(BrokerUnavailable("frames", "connection refused")) as (queue, _, _):
        with pytest.raises(CaptureError) as caught:
            for seq in range(1, 5):
                await put(queue, item(seq))
        assert caught.value.code == "forward_failed"


async def test_a_broker_that_does_not_answer_a_push_is_forward_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "STALLED_S", 0.1)
    async with forwarding(OK) as (queue, broker, _):
        broker.gate.clear()
        with pytest.raises(CaptureError) as caught:
            for seq in range(1, 5):
                await put(queue, item(seq))
        assert caught.value.code == "forward_failed"


@pytest.mark.parametrize(
    ("reply", "code"),
    [(PushReply(gone="extraction_failed"), "extraction_failed"), (PushReply(conflict=True), "forward_failed")],
)
async def test_a_capture_that_is_gone_fails_with_its_own_code(reply: PushReply, code: str) -> None:
    async with forwarding(reply) as (queue, _, moving):
        await put(queue, item(1))
        with pytest.raises(CaptureError) as caught:
            await moving
        assert caught.value.code == code


async def test_discarded_frames_are_freed() -> None:
    async with forwarding(OK) as (queue, broker, _):
        broker.gate.clear()
        await put(queue, item(1))
        queue.discard()
        assert len(queue) == 0


async def test_a_frame_is_sent_at_once_and_the_next_one_as_soon_as_it_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Broker, "shares", True)
    async with forwarding(OK) as (queue, broker, _):
        await asyncio.sleep(0)  # so that the forwarder runs
        with mock.patch.object(Forwarder, "_push", side_effect=AssertionError("the task was needed")):
            for seq in range(1, 8):
                await put(queue, item(seq))
            await queue.flush(DEADLINE_S)
        assert broker.pushed == list(range(1, 8))


async def test_a_stopped_forwarder_sends_no_further_frame() -> None:
    async with forwarding(OK) as (queue, broker, moving):
        await asyncio.sleep(0)
        broker.gate.clear()
        await put(queue, item(1))
        await put(queue, item(2))
        await asyncio.sleep(0)
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
        broker.gate.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert 2 not in broker.pushed
        queue.discard()


async def test_an_answer_to_a_discarded_frame_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broker, "shares", True)
    async with forwarding(OK) as (queue, broker, _):
        await asyncio.sleep(0)
        broker.gate.clear()
        await put(queue, item(1))
        queue.discard()
        broker.gate.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(queue) == 0


def test_an_item_never_shows_its_payload() -> None:
    assert "SECRET" not in repr(item(1)._replace(payload=b"SECRET"))


async def test_a_wait_for_an_empty_queue_ends_if_the_forwarder_fails() -> None:
    async with forwarding(FULL) as (queue, _, _):
        await put(queue, item(1))
        waiting = asyncio.create_task(queue.flush(DEADLINE_S))
        await asyncio.sleep(0)
        queue.give_up("server_shutdown")
        with pytest.raises(CaptureError) as caught:
            await waiting
        assert caught.value.code == "server_shutdown"
