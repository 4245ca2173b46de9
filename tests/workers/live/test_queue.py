"""Which session's frame a worker takes next. The tests count frames and measure no time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from contracts.rules.jpeg import MAX_SAMPLES
from tests.attack.jpegs import picture, with_scans
from tests.workers.broker_capture import grey_jpeg
from workers.live.queue import INFERENCE_COST, LiveQueue, frame_cost

EXPENSIVE, CHEAP = INFERENCE_COST + MAX_SAMPLES, INFERENCE_COST + 640 * 480


class Sessions:
    """Sessions that each send the next frame as soon as they have the answer to the last."""

    def __init__(self, costs: dict[str, int]) -> None:
        self.queue = LiveQueue()
        self.costs = costs
        self.served: list[str] = []
        self._numbers = iter(range(1, 1_000_000))
        for live_id in costs:
            self.send(live_id)

    def send(self, live_id: str) -> None:
        self.queue.add(f"{live_id}/{next(self._numbers)}".encode(), live_id, self.costs[live_id])

    def serve(self, times: int) -> None:
        for _ in range(times):
            entry_id = self.queue.next()
            assert entry_id is not None
            live_id = entry_id.decode().partition("/")[0]
            self.served.append(live_id)
            self.send(live_id)


def longest_wait(served: list[str], live_id: str) -> int:
    """The largest number of other sessions' frames between two frames of a session."""
    at = [number for number, one in enumerate(served) if one == live_id]
    return max(after - before - 1 for before, after in pairwise(at))


@pytest.mark.parametrize("others", [1, 10, 40])
def test_a_cheap_session_beside_many_expensive_ones_gets_its_share_of_the_time(others: int) -> None:
    sessions = Sessions({**{f"expensive-{number}": EXPENSIVE for number in range(others)}, "cheap": CHEAP})
    sessions.serve(100 * (others + 1))
    counts = Counter(sessions.served)
    taken = {live_id: counts[live_id] * cost for live_id, cost in sessions.costs.items()}
    assert taken["cheap"] > 0.8 * sum(taken.values()) / (others + 1)
    assert longest_wait(sessions.served, "cheap") <= others
    assert min(counts.values()) > 0, "the expensive sessions are served too"


def test_equal_sessions_are_served_in_the_order_of_their_frames() -> None:
    names = [f"session-{number}" for number in range(10)]
    sessions = Sessions(dict.fromkeys(names, CHEAP))
    sessions.serve(50)
    assert sessions.served == names * 5


def test_a_client_that_reconnects_for_each_frame_gets_no_more_than_one_that_stays() -> None:
    queue, served = LiveQueue(), Counter[str]()
    queue.add(b"stays/0", "stays", CHEAP)
    queue.add(b"again/0", "again-0", CHEAP)
    for number in range(1, 401):
        name = (queue.next() or b"").decode().partition("/")[0]
        served[name] += 1
        live_id = "stays" if name == "stays" else f"again-{number}"
        queue.add(f"{name}/{number}".encode(), live_id, CHEAP)
    assert 0 < served["again"] <= served["stays"] + 5


def test_the_cost_of_a_frame_is_known_from_its_scans() -> None:
    cheap = frame_cost(grey_jpeg(9, 640, 480))
    assert INFERENCE_COST < cheap <= INFERENCE_COST + 3 * 640 * 480
    assert frame_cost(picture(1920, 1080, progressive=True, subsampling=0)) == INFERENCE_COST + 14 * 1920 * 1080
    assert frame_cost(with_scans(picture(progressive=True), 64)) == 0, "it is refused at once"
    assert frame_cost(b"") == 0


def test_sessions_that_left_are_forgotten_and_their_frames_stay_until_their_turn() -> None:
    queue = LiveQueue()
    queue.add(b"1-0", "a", CHEAP)
    queue.add(b"2-0", "b", CHEAP)
    queue.keep({"b"})
    assert (len(queue), queue.last_id, list(queue._ends)) == (2, b"2-0", ["b"])
    assert [queue.next(), queue.next(), queue.next()] == [b"1-0", b"2-0", None]
    assert queue.last_id == b"0-0"
