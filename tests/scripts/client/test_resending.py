"""Takes whose connection is lost: what is kept, what is sent again, and what ends the attempts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.messages.http import ClientLimits
from contracts.rules.codes import CODES
from contracts.rules.limits import CaptureLimits
from scripts.client import (
    CaptureAborted,
    CaptureClient,
    GatewayAway,
    GatewayRefused,
    Session,
    StreamState,
    SyncCaptureClient,
    UsageError,
)
from scripts.client import delivery as delivery_module
from scripts.client import resending as resending_module
from scripts.client.take import Take, is_loss, may_send_again
from tests.scripts.client.served import ThreadedGateway
from tests.support.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from tests.support.messages import at, jpeg
from tests.support.waiting import until

SIZE: dict[str, Any] = {"fps": 15, "width": 64, "height": 48, "resend": True}
MIDDLE = Cut(4, "after", "end")
"""After the second frame's bytes."""


@dataclass
class Lossy:
    """A session through a proxy that loses the first connection, and a client that reaches the gateway directly."""

    proxy: CuttingProxy
    session: Session
    direct: CaptureClient
    threaded: ThreadedGateway

    def events(self) -> list[dict[str, Any]]:
        user, session = self.session.user_id, self.session.session_id
        return [event for event in self.threaded.events(user, session) if "raw_features_ref" in event]


@asynccontextmanager
async def lossy(threaded: ThreadedGateway, user: str, *cuts: Cut | None) -> AsyncIterator[Lossy]:
    async with (
        cutting_proxy(int(threaded.url.rpartition(":")[2])) as proxy,
        CaptureClient(threaded.url) as direct,
        CaptureClient(proxy.url) as client,
    ):
        proxy.choose = lambda number: cuts[number - 1] if number <= len(cuts) else None
        session_id = await direct.start_session(user)
        yield Lossy(proxy, client.session(user, session_id=session_id), direct, threaded)


async def test_what_is_recorded_while_the_network_is_away_is_sent_when_it_is_back(
    threaded: ThreadedGateway, unique: str
) -> None:
    states: list[StreamState] = []
    async with lossy(threaded, unique, MIDDLE) as lost:
        capture = lost.session.capture(**SIZE, intent="wave", on_progress=states.append)
        async with capture:
            first_id = capture.capture_id
            await capture.send(jpeg())
            lost.proxy.refuse = 10**6
            while not states[-1].lost:
                await capture.send(jpeg())
            kept = [asyncio.create_task(capture.send(jpeg())) for _ in range(5)]
            await asyncio.wait_for(asyncio.gather(*kept), 60)  # nothing waits for the network
            lost.proxy.refuse = 0
            await until(lambda: capture.capture_id != first_id, "the take is sent again")
            await capture.send_all([jpeg()] * 3)
            frames = len(capture._take.frames)  # type: ignore[attr-defined]
        outcome = await capture.finish()
        assert outcome.recorded and (outcome.accepted, outcome.resend_of) == (frames, first_id)
        assert await capture.finish() == outcome
        (event,) = lost.events()
        assert event["annotation"] == {"intent": "wave", "resend_of": first_id}
        first = await lost.direct.outcome(first_id)
        assert (first.status, first.error_code) == ("aborted", "client_disconnected")
        assert not capture._take.frames, "a take that is safe is in no memory"  # type: ignore[attr-defined]


async def test_a_take_without_a_meaning_names_its_first_attempt_too(threaded: ThreadedGateway, unique: str) -> None:
    async with lossy(threaded, unique, MIDDLE) as lost:
        async with lost.session.capture(**SIZE, capture_id=unique) as capture:
            await capture.send_all([jpeg()] * 4)
        (event,) = lost.events()
        assert event["annotation"] == {"intent": "", "resend_of": unique}


@pytest.mark.parametrize("cut", [Cut(9, "after", "end"), Cut(9, "after", "reset")])
async def test_a_take_whose_close_arrived_is_not_sent_again(threaded: ThreadedGateway, unique: str, cut: Cut) -> None:
    async with lossy(threaded, unique, cut) as lost:
        async with lost.session.capture(**SIZE, capture_id=unique) as capture:
            await capture.send_all([jpeg()] * 4)
        outcome = await capture.finish()
        assert (outcome.recorded, outcome.capture_id, outcome.resend_of) == (True, unique, "")
        assert (lost.proxy.sockets, len(lost.events())) == (1, 1)


@pytest.mark.parametrize("first", [True, False])
async def test_an_open_that_arrives_late_records_the_take_once(
    threaded: ThreadedGateway, unique: str, first: bool
) -> None:
    async with lossy(threaded, unique, Cut(0, "after", "late")) as lost:

        def choose(number: int) -> Cut | None:
            if number == 1:
                return Cut(0, "after", "late")
            if first:
                lost.proxy.release.set()
            return None

        lost.proxy.choose = choose
        async with lost.session.capture(**SIZE, capture_id=unique) as capture:
            lost.proxy.release.set()
            await capture.send_all([jpeg()] * 4)
        outcome = await capture.finish()
        assert outcome.recorded and len(lost.events()) == 1
        if not first:
            assert outcome.capture_id == unique, "the gateway did not know the first open: the ids were still free"


async def test_a_reason_that_would_stay_ends_the_attempts(threaded: ThreadedGateway, unique: str) -> None:
    async with lossy(threaded, unique, MIDDLE) as lost:
        await lost.direct.end_session(unique, lost.session.session_id)
        with pytest.raises(CaptureAborted) as refused:
            async with lost.session.capture(**SIZE):
                raise AssertionError
        assert refused.value.code == "session_closed" and lost.proxy.sockets == 1


async def test_a_session_that_ends_while_the_network_is_away_ends_the_attempts(
    threaded: ThreadedGateway, unique: str
) -> None:
    async with lossy(threaded, unique, MIDDLE) as lost:
        with pytest.raises(CaptureAborted) as refused:
            async with lost.session.capture(**SIZE) as capture:
                await capture.send(jpeg())
                await lost.direct.end_session(unique, lost.session.session_id)
                while True:
                    await capture.send(jpeg())
                    await asyncio.sleep(0.01)
        assert refused.value.code == "session_closed" and lost.events() == []


@pytest.mark.parametrize("lost", [True, False])
async def test_a_block_that_raises_ends_the_attempts(threaded: ThreadedGateway, unique: str, lost: bool) -> None:
    async with lossy(threaded, unique, MIDDLE if lost else None) as away:
        states: list[StreamState] = []
        with pytest.raises(ZeroDivisionError):
            async with away.session.capture(**SIZE, on_progress=states.append) as capture:
                await capture.send_all([jpeg()] * 3)
                while lost and not states[-1].lost:  # it is a call of send that finds the loss
                    await capture.send(jpeg())
                if lost:
                    await until(lambda: away.proxy.sockets > 1, "the take is sent again")
                raise ZeroDivisionError
        with pytest.raises(CaptureAborted, match="client_disconnected"):
            await capture.finish()
        assert lost or (await away.direct.outcome(capture.capture_id)).error_code == "client_disconnected"
        assert away.events() == []


async def test_a_gateway_that_stays_away_is_an_error_after_some_time(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "AGAIN_WITHIN_S", 0.5)
    monkeypatch.setattr(resending_module, "OPEN_WITHIN_S", 0.5)
    async with lossy(threaded, unique, MIDDLE) as lost:
        with pytest.raises(GatewayAway):
            async with lost.session.capture(**SIZE) as capture:
                await capture.send(jpeg())
                lost.proxy.refuse = 10**6
                while True:
                    await capture.send(jpeg())
                    await asyncio.sleep(0.01)
        with pytest.raises(GatewayAway):
            async with lost.session.capture(**SIZE):
                raise AssertionError


async def test_a_full_take_can_still_be_kept(threaded: ThreadedGateway, unique: str) -> None:
    async with lossy(threaded, unique) as lost:
        async with lost.session.capture(**SIZE) as capture:
            limits = capture._take.limits  # type: ignore[attr-defined]
            assert limits == ClientLimits.of(threaded.gateway.state.settings.capture), "the gateway's, not the default"
            await capture.send_all([jpeg()] * 4)
            capture._take.limits = limits.model_copy(update={"max_frames": 4})  # type: ignore[attr-defined]
            with pytest.raises(UsageError, match="the take is full"):
                await capture.send(jpeg())
        assert (await capture.finish()).accepted == 4


def test_a_program_without_an_event_loop_loses_nothing_either(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        lost = SyncLoss(threaded)
        with SyncCaptureClient(lost.url) as away:
            capture = away.session(unique, session_id=session.session_id).capture(**SIZE)
            with capture:
                capture.send_all([jpeg()] * 4)
            outcome = capture.finish()
        lost.close()
        assert outcome.recorded and outcome.resend_of


class SyncLoss:
    """A proxy in the gateway's event loop that loses the first connection."""

    def __init__(self, threaded: ThreadedGateway) -> None:
        self._threaded = threaded
        self._proxy = cutting_proxy(int(threaded.url.rpartition(":")[2]))
        proxy: CuttingProxy = threaded.run(self._proxy.__aenter__())
        proxy.choose = lambda number: MIDDLE if number == 1 else None
        self.url = proxy.url

    def close(self) -> None:
        self._threaded.run(self._proxy.__aexit__(None, None, None))


def test_a_take_is_bounded_by_the_gateways_limits() -> None:
    limits = ClientLimits.of(CaptureLimits(max_frames=2, max_total_bytes=10))
    take = Take(limits)
    take.check_room(10)
    take.add(at(0), b"12345678")
    take.check_room(2)
    with pytest.raises(UsageError, match="10 bytes"):
        take.check_room(3)
    take.add(at(1), b"9")
    with pytest.raises(UsageError, match="2 frames"):
        take.check_room(1)
    take.forget()
    take.check_room(10)


def test_only_what_another_attempt_may_change_is_worth_one() -> None:
    again = {code for code in CODES if may_send_again(code)}
    assert again >= {
        "forward_failed", "server_shutdown", "client_disconnected", "gateway_lost", "frames_lost", "too_many_captures",
        "frames_broker_full", "brokers_unready", "limit_forward_buffer_exceeded", "protocol_violation",
    }  # fmt: skip
    assert not again & {
        "session_closed", "session_invalid", "consent_withdrawn", "consent_required", "limit_duration_exceeded",
        "invalid_frame", "extraction_failed", "duplicate_capture", "schema_error", "event_too_large",
    }  # fmt: skip
    assert is_loss(GatewayAway("")) and is_loss(GatewayRefused(503, "forward_failed", ""))
    assert not is_loss(GatewayRefused(401, "unauthorized", "")) and not is_loss(UsageError(""))
