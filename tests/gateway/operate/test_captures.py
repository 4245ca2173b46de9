"""Failed captures for the operator: kept by the extractor, tried again once, refused, dropped, withdrawn."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import fakeredis
import pytest

from contracts.broker import keys
from contracts.broker.script import run
from contracts.rules.paths import session_log_path
from contracts.state import failed
from contracts.state.dispatch import dispatch
from contracts.state.failed import FailedBounds
from gateway.operate.captures import FailedCaptures
from tests.contracts.storage.session_lines import line_bytes, start
from tests.gateway.operate.test_dead import page, show
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.workers.broker_capture import BrokerCapture, StoppingPipeline

KEPT_S = 600
BOUNDS = FailedBounds(KEPT_S, 1_000_000)


def _fail() -> None:
    raise RuntimeError


def let_it_fail(capture: BrokerCapture, bounds: FailedBounds = BOUNDS, *, at: int = 2) -> None:
    """Have the capture extracted until it counts as poison; each delivery fails at its frame ``at``."""
    dependencies = capture.dependencies("one", make_pipeline=partial(StoppingPipeline, at, _fail), keep=bounds)
    ends = [capture.run(dependencies)]
    while ends[-1] != "aborted":
        ends.append(capture.run(dependencies))
    assert capture.record().error_code == "extraction_failed"


@asynccontextmanager
async def failing(folder: Path, *, recorder: bool = False) -> AsyncIterator[tuple[Reached, BrokerCapture]]:
    """A gateway, and a closed capture of four frames on its brokers."""
    server = fakeredis.FakeServer()
    capture = BrokerCapture(
        fakeredis.FakeRedis(server=server, db=0), fakeredis.FakeRedis(server=server, db=1), folder / "data",
        uuid.uuid4().hex[:16],
    ).open()  # fmt: skip
    session_log_path(folder / "logs", capture.window.user_id, capture.session_id).parent.mkdir(parents=True)
    capture.push_greys(4).close()
    frames, events = fakeredis.FakeAsyncRedis(server=server, db=0), fakeredis.FakeAsyncRedis(server=server, db=1)
    async with reaching(folder, recorder=recorder, frames=frames, events=events) as gateway:
        yield gateway, capture


def address(capture: BrokerCapture) -> str:
    return f"/operate/dead/capture:{capture.capture_id}"


def frame_keys(capture: BrokerCapture) -> list[str]:
    names = keys.capture_keys(capture.capture_id)
    return [name for name in (names.frames, names.rows) if capture.frames.exists(name)]


async def test_a_failed_capture_is_kept_for_a_while_and_becomes_one_artifact_after_another_try(tmp_path: Path) -> None:
    async with failing(tmp_path) as (gateway, capture):
        await asyncio.to_thread(let_it_fail, capture)
        assert not capture.dispatched() and not capture.files()
        for name in keys.capture_keys(capture.capture_id):
            assert 0 < int(capture.frames.ttl(name)) <= KEPT_S  # type: ignore[arg-type]
        [item] = (listed := await page(gateway)).items
        assert (listed.total, item.id, item.kind) == (1, f"capture:{capture.capture_id}", "capture")
        assert item.detail.startswith("4 frames, 3 of them extracted; kept until ")
        assert (await show(gateway, item.id)).refusal == ""
        assert (await gateway.post(address(capture) + "/retry")).status_code == 200
        again = await gateway.post(address(capture) + "/retry")
        assert "It was put back into the stream at" in assert_refused(again, 404, "unknown_dead_letter")
        assert capture.record().outcome == ""
        assert await asyncio.to_thread(capture.run) == "published"
        assert (len(capture.published()), len(capture.files())) == (1, 1)
        assert capture.record().counts.extracted == 4
        assert not capture.dispatched() and (await page(gateway)).total == 0


async def test_it_can_fail_again_and_is_kept_again(tmp_path: Path) -> None:
    async with failing(tmp_path) as (gateway, capture):
        for _ in range(2):
            await asyncio.to_thread(partial(let_it_fail, capture, at=1))
            assert (await gateway.post(address(capture) + "/retry")).status_code == 200
        assert await asyncio.to_thread(capture.run) == "published"


@pytest.mark.parametrize("done", range(4))
async def test_a_try_that_was_cut_off_anywhere_can_be_repeated_and_extracts_once(tmp_path: Path, done: int) -> None:
    async with failing(tmp_path) as (gateway, capture):
        await asyncio.to_thread(let_it_fail, capture)
        frames, events, window = gateway.state.frames, gateway.state.events, capture.window
        item_id = f"capture:{capture.capture_id}"
        steps: list[Callable[[], Awaitable[Any]]] = [
            lambda: run(events, failed.take_back(window, item_id)),
            lambda: run(frames, failed.revive(capture.capture_id)),
            lambda: dispatch(frames, window),
        ]
        for step in steps[:done]:  # and then the gateway is killed
            await step()
        assert [item.id for item in (await page(gateway)).items] == [item_id]
        assert (await gateway.post(address(capture) + "/retry")).status_code == 200
        assert await asyncio.to_thread(capture.run) == "published"
        dependencies = capture.dependencies("two")
        while capture.dispatched():
            assert dependencies.dispatch.take() is None  # the second entry gives the capture to no extractor
        assert (len(capture.published()), len(capture.files())) == (1, 1)


async def _frame_gone(_: Reached, capture: BrokerCapture) -> None:
    capture.frames.xdel(keys.capture_keys(capture.capture_id).frames, "4-0")


async def _folder_gone(_: Reached, capture: BrokerCapture) -> None:
    shutil.rmtree(capture.features_dir)


async def _withdrawn(_: Reached, capture: BrokerCapture) -> None:
    capture.events.hset(keys.session(capture.session_id), "withdrawn", "1")


@pytest.mark.parametrize(
    ("fault", "said"), [(_frame_gone, "frames are gone"), (_folder_gone, "folder"), (_withdrawn, "was withdrawn")]
)
async def test_another_try_that_would_fail_is_refused_and_changes_nothing(
    tmp_path: Path, fault: Callable[[Reached, BrokerCapture], Awaitable[None]], said: str
) -> None:
    async with failing(tmp_path) as (gateway, capture):
        await asyncio.to_thread(let_it_fail, capture)
        await fault(gateway, capture)
        answer = await gateway.post(address(capture) + "/retry")
        assert said in assert_refused(answer, 409, "would_fail_again")
        assert (capture.record().outcome, capture.record().error_code) == ("aborted", "extraction_failed")
        assert (await page(gateway)).total == 1 and not capture.dispatched()


@pytest.mark.parametrize("how", ["drop", "capture", "session"])
async def test_a_drop_and_a_withdrawal_remove_the_frames(tmp_path: Path, how: str) -> None:
    async with failing(tmp_path, recorder=how == "session") as (gateway, capture):
        user_id, session_id = capture.window.user_id, capture.session_id
        log = session_log_path(tmp_path / "logs", user_id, session_id)
        log.write_bytes(line_bytes(start(user_id=user_id, session_id=session_id)))
        await asyncio.to_thread(let_it_fail, capture)
        assert frame_keys(capture)
        await FailedCaptures(gateway.state).withdrawn("another-user", [session_id], None)
        await FailedCaptures(gateway.state).withdrawn(user_id, ["sess_0000000000000000"], None)
        assert frame_keys(capture)
        asked = {
            "record_id": str(uuid.uuid4()),
            "user_id": user_id,
            "performer_id": "carer-1",
            "session_id": session_id,
        }
        if how == "drop":
            assert (await gateway.post(address(capture) + "/drop")).status_code == 200
        elif how == "capture":
            answer = await gateway.post("/library/withdraw", asked | {"capture_id": capture.capture_id})
            assert_refused(answer, 409, "capture_aborted")  # it is in no log, and now in no broker
        else:
            assert (await gateway.post("/library/withdraw", asked)).status_code == 202
        assert not frame_keys(capture) and (await page(gateway)).items == []
        assert_refused(await gateway.post(address(capture) + "/retry"), 404, "unknown_dead_letter")


async def test_a_capture_that_is_not_whole_or_too_large_is_not_kept(tmp_path: Path) -> None:
    for number, bounds in enumerate((BOUNDS, FailedBounds(KEPT_S, 10), FailedBounds())):
        async with failing(tmp_path / str(number)) as (gateway, capture):
            if bounds is BOUNDS:
                capture.frames.xdel(keys.capture_keys(capture.capture_id).frames, "4-0")
            await asyncio.to_thread(let_it_fail, capture, bounds)
            assert not frame_keys(capture) and (await page(gateway)).items == []
            assert not capture.dispatched()
