"""Takes whose connection is lost in every state of the protocol: each is recorded once, as an uncut one is."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contracts.rules.paths import artifact_path
from scripts.client import CaptureClient, CaptureOutcome
from scripts.clips.stream import stream_capture
from tests.conftest import BrokerPair, on_one
from tests.integration.stacks import USER, FaceClip, running, settings_for
from tests.scripts.client.served import ThreadedGateway, gateway_in_a_thread
from tests.support.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from tests.support.messages import jpeg
from tests.support.waiting import DEADLINE_S

FRAMES = 4
LAST = 2 * FRAMES
"""The last frame's bytes: message 0 is the open, 1 and 2 are the first frame's, `LAST` + 1 is the close."""

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
PICTURES = [jpeg() + bytes(number) for number in range(FRAMES)]
STATES = [(message, where) for message in range(-1, LAST + 2) for where in ("before", "within", "after")]
TAKES = 3 * len(STATES)
"""A third of them loses its second connection too, in a state that chance chooses."""

SIZE: dict[str, Any] = {"fps": 15, "width": 64, "height": 48, "start": START}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedGateway]:
    with gateway_in_a_thread(tmp_path_factory.mktemp("gateway")) as threaded:
        yield threaded


def port_of(gateway: ThreadedGateway) -> int:
    return int(gateway.url.rpartition(":")[2])


async def sent(client: CaptureClient, user: str, session: str, intent: str, **options: Any) -> CaptureOutcome:
    capture = client.session(user, session_id=session).capture(**SIZE, intent=intent, resend=True, **options)
    async with capture:
        await capture.send_all(PICTURES)
    return await capture.finish()


def taken(gateway: ThreadedGateway, user: str, session: str) -> list[dict[str, Any]]:
    """The events of the session's captures."""
    return [event for event in gateway.events(user, session) if "raw_features_ref" in event]


class Losses:
    """Chooses where the connections of one take after another are lost, from a seed: once, or twice in a row."""

    def __init__(self, proxy: CuttingProxy, seed: int) -> None:
        self.left: list[Cut] = []
        self.cut: Counter[tuple[int, str]] = Counter()
        self._proxy = proxy
        self._random = random.Random(seed)

    def plan(self, number: int) -> None:
        """Plan the losses of take ``number``: each state comes in turn."""
        message, where = STATES[number % len(STATES)]
        how = self._random.choice(["end", "reset"]) if number % 41 else "silence"
        self.left = [Cut(message, where, how)]
        if number % 3 == 0:
            self.left.append(Cut(*self._random.choice(STATES), self._random.choice(["end", "reset"])))

    def next(self, _: int) -> Cut | None:
        """Called for each WebSocket."""
        if not self.left:
            return None
        cut = self.left.pop(0)
        self.cut[cut.message, cut.where] += 1
        self._proxy.refuse = self._random.choice([0, 0, 1, 2])
        return cut


async def lose(
    gateway: ThreadedGateway, number: int, takes: Sequence[int], lost: Counter[tuple[int, str]]
) -> list[Any]:
    """Send these takes, one after the other, through a proxy of their own; returns their outcomes."""
    user = f"user-{number}"
    async with CaptureClient(gateway.url) as client:
        session = await client.start_session(user)
    async with cutting_proxy(port_of(gateway)) as proxy, CaptureClient(proxy.url) as client:
        losses = Losses(proxy, number)
        proxy.choose = losses.next
        outcomes = []
        for take in takes:
            losses.plan(take)
            outcomes.append(await sent(client, user, session, f"take-{take}"))
        lost.update(losses.cut)
    events = taken(gateway, user, session)
    assert sorted(e["annotation"]["intent"] for e in events) == sorted(f"take-{take}" for take in takes)
    for outcome in outcomes:
        (event,) = [event for event in events if event["capture_id"] == outcome.capture_id]
        assert event["annotation"].get("resend_of", "") == outcome.resend_of
        assert event["timestamp_start"] == "2026-01-31T12:00:00.000Z"
    return outcomes


async def test_takes_that_lose_their_connection_in_every_state_give_one_capture_each(
    gateway: ThreadedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.client.resending.OPEN_WITHIN_S", DEADLINE_S)
    async with CaptureClient(gateway.url) as client:
        session = await client.start_session("uncut")
        uncut = await sent(client, "uncut", session, "wave")
    lanes = 10
    lost: Counter[tuple[int, str]] = Counter()
    shares = [range(lane, TAKES, lanes) for lane in range(lanes)]
    results = await asyncio.gather(*(lose(gateway, lane, takes, lost) for lane, takes in enumerate(shares)))
    outcomes = [outcome for result in results for outcome in result]
    assert len({outcome.record_id for outcome in outcomes}) == TAKES
    assert uncut.features is not None
    assert {outcome.features.hash for outcome in outcomes} == {uncut.features.hash}
    assert lost.total() >= TAKES and set(lost) == set(STATES)
    assert {bool(outcome.resend_of) for outcome in outcomes} == {True, False}


@on_one("redis")
def test_the_artifacts_of_lost_connections_have_the_bytes_of_an_uncut_one(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    settings = settings_for(own_brokers, tmp_path, min_duration_s=0.3)
    clip, start = FaceClip(6), datetime(2026, 1, 31, 12, tzinfo=UTC)
    cuts = [None, Cut(0, "after", "reset"), Cut(6, "before", "end"), Cut(12, "after", "end"), Cut(13, "after", "end")]

    async def main() -> tuple[str, list[CaptureOutcome]]:
        async with running(settings) as stack:
            session_id = await stack.gateway.start_session(USER)
            async with cutting_proxy(int(stack.gateway.url.rpartition(":")[2])) as proxy:
                losses: list[Cut | None] = []
                proxy.choose = lambda _: losses.pop() if losses else None  # only a take's first connection is lost
                async with CaptureClient(proxy.url) as client:
                    send = partial(stream_capture, client, clip, user_id=USER, session_id=session_id)
                    outcomes = []
                    for cut in cuts:
                        losses.append(cut)
                        outcomes.append(await send(start=start, resend=True))
            report = stack.verify(session_id)
            assert report.ok and len(report.captures) == len(cuts) and proxy.cuts == len(cuts) - 1
            return session_id, outcomes

    session_id, outcomes = asyncio.run(main())
    resent = [bool(outcome.resend_of) for outcome in outcomes]
    # a reset may also cost the open itself; the take then keeps its ids
    assert (resent[0], resent[2:]) == (False, [True, True, False])
    files = [artifact_path(settings.data_root, USER, session_id, o.record_id).read_bytes() for o in outcomes]
    assert len(set(files)) == 1 and len(list((tmp_path / "data").rglob("*.npz"))) == len(cuts)
