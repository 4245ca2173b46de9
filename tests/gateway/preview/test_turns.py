"""The order in which requests for pictures are drawn. The tests count turns and measure no time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.preview import routes
from gateway.preview.artifact import Recorded
from gateway.preview.turns import DRAWN_AT_ONCE, Turn, Turns
from tests.gateway.preview.test_preview import published, row, settled
from tests.gateway.reached import Reached, reaching
from tests.support.waiting import DEADLINE_S

# --- the order --------------------------------------------------------------------------------------------


def begun(turns: list[Turn]) -> list[int]:
    return [number for number, turn in enumerate(turns) if turn.begun.is_set()]


def order(queue: Turns, turns: list[Turn]) -> list[int]:
    """Serve all turns, one after the other; returns the order in which they began."""
    seen = begun(turns)
    at = 0
    while at < len(seen):
        queue.leave(turns[seen[at]])
        seen += [number for number in begun(turns) if number not in seen]
        at += 1
    assert (queue.drawn, queue.waiting) == (0, 0)
    return seen


def test_a_few_pictures_are_drawn_at_once_and_animations_never_take_every_slot() -> None:
    queue = Turns()
    moving = [queue.join("a", "c", is_moving=True) for _ in range(8)]
    assert begun(moving) == [0]
    sheets = [queue.join("a", "c", is_moving=False) for _ in range(3)]
    assert begun(sheets) == [0]
    queue.leave(sheets[0])
    assert (begun(sheets), begun(moving)) == ([0, 1], [0])


def test_sheets_go_before_animations_that_came_first() -> None:
    queue = Turns()
    turns = [queue.join("a", "c", is_moving=True) for _ in range(4)]
    turns += [queue.join("b", "d", is_moving=False) for _ in range(3)]
    assert order(queue, turns) == [0, 4, 5, 6, 1, 2, 3]


def test_clients_are_served_in_turn() -> None:
    queue = Turns()
    turns = [queue.join("a", f"c{number}", is_moving=True) for number in range(8)]
    turns.append(queue.join("b", "d", is_moving=True))
    assert order(queue, turns).index(8) == 1


def test_captures_of_one_client_are_served_in_turn() -> None:
    queue = Turns()
    turns = [queue.join("a", "c", is_moving=False) for _ in range(8)]
    turns.append(queue.join("a", "d", is_moving=False))
    assert order(queue, turns).index(8) == DRAWN_AT_ONCE


def test_a_turn_that_is_cancelled_while_it_waits_never_begins() -> None:
    queue = Turns()
    turns = [queue.join("a", f"c{number}", is_moving=True) for number in range(40)]
    for turn in turns[1:]:
        queue.leave(turn)
    queue.leave(turns[0])
    assert begun(turns) == [0]
    assert (queue.drawn, queue.waiting, queue._served) == (0, 0, {})


# --- requests ---------------------------------------------------------------------------------------------


class Asked:
    """One request for a picture by a client that may leave."""

    def __init__(self, gateway: Reached, address: str) -> None:
        self._left = asyncio.Event()
        self._said = False
        self.status: int | None = None
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": address, "raw_path": address.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "headers": [(b"host", b"127.0.0.1:8000")],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        }  # fmt: skip
        self.task = asyncio.ensure_future(gateway.app(scope, self._receive, self._send))

    def leave(self) -> None:
        self._left.set()

    async def _receive(self) -> dict[str, Any]:
        if not self._said:
            self._said = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]


class Drawn:
    """An animation that is drawn until the test ends it or its client leaves."""

    def __init__(self) -> None:
        self.begun = self.given_up = 0
        self.may_end = threading.Event()
        self.has_begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def draw(self, _: Recorded, check: routes.Check) -> bytes:
        self.begun += 1
        self._loop.call_soon_threadsafe(self.has_begun.set)
        try:
            while not self.may_end.wait(0.005):
                check()
        except routes.NotWanted:
            self.given_up += 1
            raise
        return b"GIF"


async def _capture(gateway: Reached) -> str:
    made, _ = await published(gateway, row(pose=(0.5, 0.5)))
    await settled(gateway, made)
    return made.capture_id


@asynccontextmanager
async def drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Reached, Drawn, str]]:
    """A gateway with one capture, whose address comes with it, and whose animations the test ends."""
    drawn = Drawn()
    monkeypatch.setattr(routes, "_animation", drawn.draw)
    async with reaching(tmp_path, recorder=False) as gateway, asyncio.timeout(DEADLINE_S):
        yield gateway, drawn, f"/captures/{await _capture(gateway)}"


@pytest.mark.parametrize("abandoned", [40])
async def test_requests_whose_clients_have_left_are_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abandoned: int
) -> None:
    async with drawing(tmp_path, monkeypatch) as (gateway, drawn, address):
        moving = f"{address}/animation.gif"
        first = Asked(gateway, moving)
        await drawn.has_begun.wait()
        others = [Asked(gateway, moving) for _ in range(abandoned)]
        await asyncio.sleep(0)
        for one in others:
            one.leave()
        await asyncio.gather(*(one.task for one in others))
        drawn.may_end.set()
        await first.task
        assert (first.status, drawn.begun) == (200, 1)
        sheet = await gateway.client.get(f"{address}/preview.png")
        assert sheet.status_code == 200


async def test_a_picture_whose_client_leaves_is_drawn_no_further_and_the_next_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with drawing(tmp_path, monkeypatch) as (gateway, drawn, address):
        moving = f"{address}/animation.gif"
        first = Asked(gateway, moving)
        await drawn.has_begun.wait()
        second = Asked(gateway, moving)
        drawn.has_begun.clear()
        first.leave()
        await first.task
        assert drawn.given_up == 1
        await drawn.has_begun.wait()
        drawn.may_end.set()
        await second.task
        assert (second.status, drawn.begun) == (200, 2)


async def test_a_sheet_does_not_wait_for_animations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with drawing(tmp_path, monkeypatch) as (gateway, drawn, address):
        moving = [Asked(gateway, f"{address}/animation.gif") for _ in range(8)]
        await drawn.has_begun.wait()
        assert (await gateway.client.get(f"{address}/preview.png")).status_code == 200
        assert drawn.begun == 1, "none of the animations has ended"
        drawn.may_end.set()
        await asyncio.gather(*(one.task for one in moving))
        assert drawn.begun == 8


async def test_an_artifact_that_cannot_be_drawn_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Recorded, __: routes.Check) -> bytes:
        raise ValueError("x1 must be greater than or equal to x0")

    monkeypatch.setattr(routes, "_animation", fail)
    async with reaching(tmp_path, recorder=False) as gateway:
        answer = await gateway.client.get(f"/captures/{await _capture(gateway)}/animation.gif")
        assert (answer.status_code, answer.json()["error"]) == (500, "artifact_unreadable")
