"""Workers that are away, silent or gone; a broker that is away, full or unfit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from contracts.broker.keys import LIVE_SESSIONS, LIVE_WORKERS, live_inbox, live_outbox
from contracts.broker.roles import AsyncBroker, BrokerFull
from contracts.broker.script import Call, run
from contracts.rules.errors import BrokerUnavailable, LiveRefusal
from contracts.state import live as live_lane
from contracts.state.live import Answer, WorkerSlot
from gateway.live import lane as lane_module
from gateway.live.lane import Outcome
from tests.gateway.live.served import TinyWorker, result_text, serving
from tests.gateway.live.test_frames import assert_ended
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import until


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait of the lane."""
    for name, value in {"ANSWER_WITHIN_S": 0.6, "RETRY_S": 0.02, "RENEW_S": 0.05}.items():
        monkeypatch.setattr(lane_module, name, value)


def test_the_deadline_of_a_frame_is_that_of_the_contract() -> None:
    assert lane_module.ANSWER_WITHIN_S == 10


@pytest.mark.usefixtures("soon")
async def test_without_a_worker_a_frame_is_a_pipeline_failure_within_the_deadline(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path, worker=False) as live:
        async with live.socket() as socket:
            await socket.send(jpeg(), jpeg())
            ended = await socket.ended()
            assert assert_ended(ended, "pipeline_failure") == "No worker answered in time."
        await live.no_session()
        assert await live.keys() == []


async def test_a_frame_waits_for_a_worker_to_start(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path, worker=False) as live:
        async with live.socket() as socket:
            await socket.send(jpeg())
            await until(
                lambda: live.lane._connections and next(iter(live.lane._connections.values())).step, "it was tried"
            )
            worker = TinyWorker(live.state.frames, "late")
            tasks = worker.tasks()
            assert (await socket.message())["frame_index"] == 0
        await live.nothing_left()
        await lane_module.cancel_all(tasks)


@pytest.mark.usefixtures("soon")
async def test_a_frame_whose_worker_falls_silent_fails_before_the_deadline(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "ANSWER_WITHIN_S", 60.0)
    async with serving(broker.url, tmp_path) as live:
        live.only_worker.hold()
        async with live.socket() as socket:
            await socket.send(jpeg())
            await until(lambda: live.only_worker.seen, "the worker has the frame")
            live.only_worker.mute = True
            await live.state.frames.zadd(LIVE_WORKERS, {live.only_worker.name: 1})
            ended = await socket.ended()
            assert assert_ended(ended, "pipeline_failure") == "The worker that had the frame has ended."
        live.only_worker.release()
        await live.nothing_left()


@pytest.mark.usefixtures("soon")
async def test_a_worker_that_never_answers_is_a_pipeline_failure_and_its_inbox_is_cleared(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path, worker=False) as live:
        await run(live.state.frames, live_lane.alive("deaf"))
        async with live.socket() as socket:
            await socket.send(jpeg())
            await until(lambda: next(iter(live.lane._connections.values())).sent, "the frame is in the inbox")
            assert live_inbox("deaf").encode() in await live.keys()
            assert_ended(await socket.ended(), "pipeline_failure")
        await live.no_session()
        assert await live.keys() == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("away", [0, 2], ids=["", "once the broker is back"])
async def test_a_frame_that_a_worker_did_not_take_before_it_ended_goes_to_another_one(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    monkeypatch.setattr(lane_module, "ANSWER_WITHIN_S", 60.0)
    async with serving(broker.url, tmp_path, worker=False) as live:
        await run(live.state.frames, live_lane.alive("ended"))
        async with live.socket() as socket:
            await socket.send(jpeg())
            await until(lambda: next(iter(live.lane._connections.values())).sent, "the frame is in the inbox")
            flaky = Flaky(monkeypatch, away, BrokerUnavailable, "live_drop")
            await live.state.frames.zrem(LIVE_WORKERS, "ended")
            await until(lambda: not flaky.left, "the broker was away")
            other = TinyWorker(live.state.frames, "other")
            tasks = other.tasks()
            assert "result" in await socket.message()
            assert len(other.seen) == 1
            assert (await socket.frame())["frame_index"] == 1
        await live.nothing_left()
        await lane_module.cancel_all(tasks)


@pytest.mark.usefixtures("soon")
async def test_a_frame_with_which_two_workers_ended_goes_to_no_third_one(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "ANSWER_WITHIN_S", 60.0)
    killer, honest = jpeg(), jpeg(seed=1)
    async with serving(broker.url, tmp_path) as live:
        worker = live.only_worker
        for times in range(1, 4):
            worker.hold()
            async with live.socket() as socket:
                await socket.send(killer)
                if times < 3:
                    await until(lambda times=times: len(worker.seen) == times, "the worker has the frame")
                    worker.mute = True
                    await live.state.frames.zrem(LIVE_WORKERS, worker.name)
                    assert_ended(await socket.ended(), "pipeline_failure")
                else:
                    assert_ended(await socket.ended(), "invalid_frame")
            worker.mute = False
            worker.release()
            await until(lambda: worker.free.is_set(), "the frame is in an inbox again")
        async with live.socket() as socket:
            assert "result" in await socket.frame(honest)
        assert [frame.payload for frame in worker.seen] == [killer, killer, honest]


@pytest.mark.usefixtures("soon")
async def test_a_session_whose_worker_left_between_two_frames_goes_to_another(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            assert (await socket.frame())["frame_index"] == 0
            [connection] = live.lane._connections.values()
            live.only_worker.mute = True
            await live.state.frames.zrem(LIVE_WORKERS, live.only_worker.name)
            await until(lambda: connection.slot is None, "the slot is released")
            other = TinyWorker(live.state.frames, "other")
            tasks = other.tasks()
            assert (await socket.frame())["frame_index"] == 1
            assert [frame.frame_index for frame in other.seen] == [1]
        await live.nothing_left()
        await lane_module.cancel_all(tasks)


@pytest.mark.usefixtures("soon")
async def test_slots_are_renewed_while_the_connection_is_open(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        frames = live.state.frames
        async with live.socket() as socket:
            await socket.frame()
            [connection] = live.lane._connections.values()
            assert connection.slot is not None
            await frames.zadd(LIVE_SESSIONS, {connection.slot.member: 1})  # the slot has lapsed
            loop = asyncio.get_running_loop()
            deadline = loop.time() + 10
            while (await frames.zscore(LIVE_SESSIONS, connection.slot.member) or 1) < 2:
                assert loop.time() < deadline, "the slot is not renewed"
                await asyncio.sleep(0.01)
        await live.nothing_left()


@pytest.mark.usefixtures("soon")
async def test_a_late_renewal_does_not_restore_a_slot_that_was_released(broker: BrokerProcess, tmp_path: Path) -> None:
    given, reached, go_on = run, asyncio.Event(), asyncio.Event()

    async def slow(broker: AsyncBroker, call: Call[Any]) -> Any:
        if call.name == "live_renew":
            reached.set()
            await go_on.wait()
        return await given(broker, call)

    async with serving(broker.url, tmp_path) as live:
        with mock.patch.object(lane_module, "run", slow):
            async with live.socket() as socket:
                await socket.frame()
                await reached.wait()
            await until(
                lambda: live.lane._renewing._waiters or not live.state.live_sessions,
                "the slot is being released",
            )
            go_on.set()
            await live.no_session()
        assert await live.keys() == []


@pytest.mark.usefixtures("soon")
async def test_a_session_that_left_or_moved_during_a_renewal_gets_no_error_of_its_old_worker(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path, worker=False, lane=False) as live:
        lane = live.lane
        left, moved, stays = (lane.enter(name, "pose", [].append) for name in ("left", "moved", "stays"))
        for connection in (left, moved, stays):
            connection.slot = WorkerSlot("gone", connection.live_id)
        await lane._renewing.acquire()
        renewal = asyncio.create_task(lane._renew())
        given = run

        async def meanwhile(broker: AsyncBroker, call: Call[Any]) -> Any:
            answer = await given(broker, call)
            lane._connections.pop("left")
            moved.slot = WorkerSlot("new", "moved")
            return answer

        with mock.patch.object(lane_module, "run", meanwhile):
            lane._renewing.release()
            await renewal
        assert (left.slot, moved.slot, stays.slot) == (WorkerSlot("gone", "left"), WorkerSlot("new", "moved"), None)
        for connection in (moved, stays):
            await lane.leave(connection)
        assert await live.keys() == []


async def test_answers_to_closed_sessions_are_deleted_and_ignored(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:
        frames, gateway = live.state.frames, live.lane.gateway
        live.only_worker.hold()
        async with live.socket() as socket:
            await socket.send(jpeg())
            await until(lambda: live.only_worker.seen, "the worker has the frame")
            live_id = live.only_worker.seen[0].live_id
            for answer in (Answer("stranger", 0, b"{}"), Answer(live_id, 5, b"{}")):
                await run(frames, live_lane.put_answer(gateway, answer))
            await frames.xadd(live_outbox(gateway), {"nonsense": b"\xff"})
            await frames.xadd(live_outbox(gateway), {"format": "99", "live_id": live_id})  # of a newer release
            await frames.xadd(live_outbox(gateway), {"live_id": live_id, "error": "invented"})
            for _ in range(3):  # more than once
                await run(frames, live_lane.put_answer(gateway, Answer(live_id, 0, result_text("pose", "first"))))
            assert (await socket.message())["result"]["detections"][0]["label"] == "first"
            live.only_worker.release()
            assert (await socket.frame())["frame_index"] == 1
        await live.nothing_left()


async def test_while_the_broker_is_full_frames_are_dropped_and_later_processed_again(
    own_broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(own_broker.url, tmp_path) as live:
        async with live.socket() as socket:
            assert "result" in await socket.frame()
            with own_broker.client() as client:
                client.config_set("maxmemory", 1)
                assert await socket.frame() == {"frame_index": 1, "dropped": True}
                assert await socket.frame() == {"frame_index": 2, "dropped": True}
                client.config_set("maxmemory", "256mb")
            live.only_worker.seen.clear()
            assert "result" in await socket.frame()
        await live.nothing_left()


class Flaky:
    """A broker that is away for the next calls of some scripts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, error: type[BrokerUnavailable], after: str) -> None:
        self.left, given = times, lane_module.run

        async def flaky(broker: AsyncBroker, call: Call[Any]) -> Any:
            if self.left and call.name == after:
                self.left -= 1
                raise error("frames", "it is away")
            return await given(broker, call)

        monkeypatch.setattr(lane_module, "run", flaky)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("step", ["live_join", "live_put", "live_renew"])
async def test_a_broker_that_is_away_for_a_moment_loses_no_frame(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    flaky = Flaky(monkeypatch, 2, BrokerUnavailable, step)
    async with serving(broker.url, tmp_path) as live:
        async with live.socket() as socket:
            assert "result" in await socket.frame()
            await until(lambda: not flaky.left, "the broker was away")
            assert "result" in await socket.frame()
        await live.nothing_left()


@pytest.mark.usefixtures("soon")
async def test_a_full_broker_that_has_no_room_for_a_slot_drops_the_frame(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Flaky(monkeypatch, 1, BrokerFull, "live_join")
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        assert await socket.frame() == {"frame_index": 0, "dropped": True}
        assert "result" in await socket.frame()


async def test_a_broker_that_is_killed_is_a_pipeline_failure_and_the_lane_comes_back(
    own_broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "ANSWER_WITHIN_S", 1.0)
    async with serving(own_broker.url, tmp_path) as live:
        async with live.socket() as socket:
            assert "result" in await socket.frame()
            own_broker.kill()
            await socket.send(jpeg())
            assert_ended(await socket.ended(), "pipeline_failure")
        await live.no_session()
        own_broker.start()
        await until(lambda: live.only_worker.sessions == set(), "the worker is there again")
        async with live.socket() as socket:
            assert "result" in await socket.frame()
        await live.nothing_left()


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("field", ["refusal", "frames_unfit"])
async def test_a_broker_that_is_not_known_to_be_volatile_gets_no_picture(
    broker: BrokerProcess, tmp_path: Path, field: str
) -> None:
    async with serving(broker.url, tmp_path) as live:
        setattr(live.state, field, "appendonly is on")
        async with live.socket() as socket:
            await socket.send(jpeg())
            assert "appendonly" not in assert_ended(await socket.ended(), "pipeline_failure")
        assert not live.only_worker.seen
        setattr(live.state, field, "")
        async with live.socket() as socket:
            assert "result" in await socket.frame()


@pytest.mark.parametrize("step", ["live_join", "live_put"])
async def test_a_client_that_leaves_in_the_middle_of_a_step_leaves_no_key(
    broker: BrokerProcess, tmp_path: Path, step: str
) -> None:
    """The connection ends while its live_join or live_put is being sent."""
    given = run
    async with serving(broker.url, tmp_path, worker=False) as live:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def slow(broker: AsyncBroker, call: Call[Any]) -> Any:
            if call.name == step:
                reached.set()
                await go_on.wait()
            return await given(broker, call)

        await run(live.state.frames, live_lane.alive("deaf"))
        with mock.patch.object(lane_module, "run", slow):
            async with live.socket() as socket:
                await socket.send(jpeg())
                await reached.wait()
            await until(lambda: not live.lane._connections, "the connection ends")
            go_on.set()
            await live.no_session()
        assert await live.keys() == []


async def test_leaving_while_the_broker_is_away_is_logged_and_ends(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(broker.url, tmp_path, worker=False, lane=False) as live:
        connection = live.lane.enter("left", "pose", [].append)
        connection.slot, connection.sent = WorkerSlot("deaf", "left"), ("a3cp:{live:deaf}:in", b"1-0")
        Flaky(monkeypatch, 2, BrokerUnavailable, "live_drop")
        await live.lane.leave(connection)
        assert connection.sent is None and not live.lane._connections
        await live.lane.leave(connection)  # a repeat changes nothing


async def test_a_session_gets_each_frame_s_outcome_once_and_none_after_it_left(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with serving(broker.url, tmp_path) as live:
        outcomes: list[Outcome] = []
        connection = live.lane.enter("one", "pose", outcomes.append)
        live.lane.submit(connection, 0, jpeg())
        await until(lambda: outcomes, "the outcome arrives")
        live.only_worker.respond = lambda frame: Answer(frame.live_id, frame.frame_index, b"No.", "pipeline_failure")
        live.lane.submit(connection, 1, jpeg())
        await until(lambda: len(outcomes) == 2, "the outcome arrives")
        result, refusal = outcomes
        assert result == result_text("pose")
        assert isinstance(refusal, LiveRefusal) and (refusal.code, refusal.detail) == ("pipeline_failure", "No.")
        again: dict[bytes, bytes] = {b"live_id": b"one", b"frame_index": b"1", b"error": b"", b"text": b"Again."}
        live.lane._deliver(again)
        assert len(outcomes) == 2
        live.lane.submit(connection, 2, jpeg())
        await live.lane.leave(connection)
        await live.nothing_left()
        assert len(outcomes) == 2


async def test_a_gateway_that_stops_deletes_its_outbox(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path, worker=False, lane=False) as live:
        task = asyncio.create_task(live.lane.run())
        await asyncio.sleep(0)
        await lane_module.cancel_all([task])
        await run(live.state.frames, live_lane.put_answer(live.lane.gateway, Answer("stranger", 0, b"{}")))
        assert await live.keys() == [live_outbox(live.lane.gateway).encode()]
        task = asyncio.create_task(live.lane.run())
        await asyncio.sleep(0)
        await lane_module.cancel_all([task])
        assert await live.keys() == []


@pytest.mark.usefixtures("soon")
async def test_a_frame_that_is_answered_before_it_moves_is_not_sent_again(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(broker.url, tmp_path) as live:
        connection: Any = SimpleNamespace(frame="frame", sent=("inbox", "1-0"), live_id="live", pipeline_id="pose")

        async def answered(*_: Any) -> int:
            connection.frame = None  # the answer was in the outbox
            return 0

        with monkeypatch.context() as patch:
            patch.setattr(lane_module, "run", answered)
            await live.lane._move(connection, "frame", None)  # type: ignore[arg-type]
        assert not live.lane._suspects._counts


@pytest.mark.usefixtures("soon")
async def test_an_outbox_that_cannot_be_read_is_deleted_and_counted(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live, live.socket() as socket:
        assert "result" in await socket.frame()
        await live.state.frames.delete(live_outbox(live.lane.gateway))
        await live.state.frames.set(live_outbox(live.lane.gateway), "no stream")
        noted = live.state.metrics.background
        with mock.patch.object(noted, "note", wraps=noted.note) as note:
            await until(lambda: note.called, "the error is counted")
        assert "result" in await socket.frame()
