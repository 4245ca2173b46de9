"""Captures by the client with an event loop, on a whole gateway."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from contracts.broker.script import run
from contracts.state import records
from scripts.client import (
    Capture,
    CaptureAborted,
    CaptureClient,
    CaptureStalled,
    ClientError,
    Frame,
    GatewayAway,
    GatewayRefused,
    Session,
    StreamState,
    UsageError,
)
from scripts.client import (
    capture as capture_module,
)
from scripts.client import (
    client as client_module,
)
from scripts.client.pace import Pace
from scripts.client.window import Window
from tests.scripts.client.served import ThreadedGateway, gateway_in_a_thread
from tests.support.messages import jpeg

SIZE: dict[str, Any] = {"fps": 15, "width": 64, "height": 48}


@asynccontextmanager
async def session_of(threaded: ThreadedGateway, user_id: str) -> AsyncIterator[tuple[CaptureClient, Session]]:
    async with CaptureClient(threaded.url) as client, client.session(user_id) as session:
        yield client, session


async def test_leaving_the_block_means_recorded(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (client, session):
        async with session.capture(**SIZE, intent="wave", capture_id=unique) as capture:
            for _ in range(200):  # more than the stream holds
                await capture.send(jpeg())
        outcome = await capture.finish()
        assert (outcome.status, outcome.accepted, outcome.extracted, outcome.found.face) == ("recorded", 200, 200, 200)
        assert outcome.features is not None and outcome.features.shape == [200, 1662]
        assert outcome.recorded_at is not None and outcome.fps > 1 and capture.state.extracted == 200
        report = await client.capture(unique)
        assert report is not None and (report.record_id, report.status) == (capture.record_id, "recorded")
        again = await client.outcome(unique)
        assert (again.features, again.record_id) == (outcome.features, capture.record_id), "it is the same outcome"
    (session_id,) = {
        path.stem for path in threaded.gateway.state.settings.log_root.rglob("*.jsonl") if unique in str(path)
    }
    started, event, ended = threaded.events(unique, session_id)
    assert (started["event"], ended["event"]) == ("session.start", "session.end")
    assert (event["annotation"], event["capture_id"]) == ({"intent": "wave"}, unique)


async def later(frames: list[Frame]) -> AsyncIterator[Frame]:
    for frame in frames:
        await asyncio.sleep(0)
        yield frame


@pytest.mark.parametrize("make", [list, iter, later])
async def test_frames_may_come_from_anything_with_or_without_times(
    threaded: ThreadedGateway, unique: str, make: Callable[[list[Frame]], Any]
) -> None:
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    frames: list[Frame] = [jpeg(), (jpeg(), timedelta(seconds=1)), (jpeg(), start + timedelta(seconds=2))]
    async with session_of(threaded, unique) as (_, session):
        async with session.capture(**SIZE, start=start) as capture:
            await capture.send_all(make(frames))
            await capture.close(timedelta(seconds=5))
        outcome = await capture.finish()
        assert outcome.accepted == 3
        (event,) = [e for e in threaded.events(unique, session.session_id) if e.get("capture_id") == capture.capture_id]
        assert (event["timestamp_start"], event["timestamp_end"]) == (
            "2026-01-31T12:00:00.000Z",
            "2026-01-31T12:00:05.000Z",
        )


async def test_nothing_is_sent_before_an_extractor_is_free_and_progress_says_so(
    threaded: ThreadedGateway, unique: str
) -> None:
    states: list[StreamState] = []
    async with session_of(threaded, unique) as (_, session):
        threaded.extractor.busy = True
        try:
            async with session.capture(**SIZE, on_progress=states.append) as capture:
                sending = asyncio.create_task(capture.send_all([jpeg()] * 30))
                await asyncio.sleep(0.05)
                assert capture.state.waiting and not sending.done() and capture.state.sent == 0
                threaded.extractor.busy = False
                await sending
        finally:
            threaded.extractor.busy = False
    assert all(state.sent == 0 for state in states if state.waiting)
    assert [state.sent for state in states] == sorted(state.sent for state in states)
    assert (states[-1].sent, states[-1].extracted, states[-1].closed) == (30, 30, True)


class Clock:
    """A clock that replaces the system's for the client's capture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed_s = 0.0
        mine = SimpleNamespace(monotonic=lambda: time.monotonic() + self.passed_s)
        monkeypatch.setattr(capture_module, "time", mine)


def sent_times(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Milliseconds since the start of every frame that is announced from now on."""
    times: list[int] = []
    real = Window.frame

    def frame(window: Window, when: Any, byte_length: int) -> Any:
        meta = real(window, when, byte_length)
        times.append(round((meta.timestamp_frame - window.open.timestamp_start) / timedelta(milliseconds=1)))
        return meta

    monkeypatch.setattr(Window, "frame", frame)
    return times


async def test_a_cameras_capture_begins_when_an_extractor_has_time(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, times = Clock(monkeypatch), sent_times(monkeypatch)
    async with session_of(threaded, unique) as (_, session):
        threaded.extractor.busy = True
        capture = session.capture(**SIZE, camera=True)
        try:
            entering = asyncio.create_task(capture.__aenter__())
            while not capture.state.progress:
                await asyncio.sleep(0.01)
            clock.passed_s += 12  # meanwhile the only extractor is busy
            assert not entering.done()
        finally:
            threaded.extractor.busy = False
        await entering
        for _ in range(10):
            await capture.send(jpeg())
            clock.passed_s += 0.1
        assert (await capture.finish()).recorded
        await capture.__aexit__(None, None, None)
    assert times[0] == 0
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert all(100 <= step < 12_000 for step in steps), "a tenth of a second, and what this machine took; no queue"


async def test_a_frame_that_waits_for_room_keeps_the_time_at_which_it_was_taken(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, times = Clock(monkeypatch), sent_times(monkeypatch)
    closed = asyncio.Event()

    class Gate(Pace):
        def allows(self, state: StreamState, **since: float) -> bool:
            return state.sent < 3 or closed.is_set()

    async with (
        session_of(threaded, unique) as (_, session),
        session.capture(**SIZE, camera=True, pace=Gate()) as capture,
    ):
        for _ in range(3):
            await capture.send(jpeg())
            clock.passed_s += 0.1
        waiting = asyncio.create_task(capture.send(jpeg()))
        await asyncio.sleep(0)
        clock.passed_s += 20
        asked = asyncio.create_task(capture.ready())
        await asyncio.sleep(0)
        assert not waiting.done() and not asked.done()
        closed.set()
        await waiting
        await asked
        await capture.send(jpeg())
    assert times[3] - times[2] < 20_000, "as it was taken"
    assert times[4] - times[3] >= 20_000, "as it was performed: nothing was taken meanwhile"


async def test_a_camera_for_which_no_extractor_is_free_gets_an_error(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "READY_WITHIN_S", 0.05)
    async with session_of(threaded, unique) as (_, session):
        threaded.extractor.busy = True
        try:
            with pytest.raises(CaptureStalled, match=r"makes no progress \(waiting\)"):
                async with session.capture(**SIZE, camera=True):
                    raise AssertionError
        finally:
            threaded.extractor.busy = False


async def test_an_exception_in_the_block_aborts_the_capture_and_is_raised(
    threaded: ThreadedGateway, unique: str
) -> None:
    async with session_of(threaded, unique) as (client, session):
        with pytest.raises(ZeroDivisionError):
            async with session.capture(**SIZE, capture_id=unique) as capture:
                await capture.send(jpeg())
                raise ZeroDivisionError
        outcome = await client.outcome(unique)
        assert (outcome.status, outcome.error_code, outcome.features) == ("aborted", "client_disconnected", None)
        with pytest.raises(CaptureAborted, match="client_disconnected"):
            await capture.finish()


async def test_an_aborted_capture_may_be_closed_and_aborted_again(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (client, session):
        async with session.capture(**SIZE) as capture:
            await capture.send(jpeg())
            await capture.abort()
            await capture.abort()
            with pytest.raises(CaptureAborted):
                await capture.send(jpeg())
        assert (await client.outcome(capture.capture_id)).error_code == "client_disconnected"


async def test_a_refusal_at_open_is_raised_where_the_block_begins(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (client, session):
        async with session.capture(**SIZE, capture_id=unique) as capture:
            await capture.send_all([jpeg()] * 15)
        entered = False
        for changes, code in (
            ({"capture_id": unique}, "duplicate_capture"),
            ({"record_id": capture.record_id}, "duplicate_capture"),
            ({"width": 5000}, "limit_resolution_exceeded"),
            ({"fps": 99}, "limit_fps_exceeded"),
        ):
            with pytest.raises(CaptureAborted) as error:
                async with session.capture(**(SIZE | changes)):
                    entered = True
            assert (error.value.code, error.value.worth_repeating, entered) == (code, False, False)
            assert error.value.fix and str(error.value).endswith(error.value.fix)
        stranger = client.session(unique, session_id="sess_" + "0" * 16)
        with pytest.raises(CaptureAborted, match="session_invalid: This user has no session with this id"):
            async with stranger, stranger.capture(**SIZE):
                entered = True
        assert (await client.outcome(unique)).recorded, "the first one is as it was"


async def test_a_capture_without_a_frame_is_an_error_and_is_aborted(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (client, session):
        with pytest.raises(UsageError, match=r"^no frame was sent"):
            async with session.capture(**SIZE, capture_id=unique):
                pass
        assert (await client.outcome(unique)).error_code == "client_disconnected"


UNKNOWN = jpeg().replace(b"\x03\x01\x11\0", b"\x03\x01\x31\0", 1)
"""A subsampling that libjpeg-turbo does not know: only it says so."""


@pytest.mark.parametrize(
    ("frame", "code"), [(UNKNOWN, "invalid_frame"), (b"", "limit_duration_too_short")], ids=["header", "short"]
)
async def test_a_broken_rule_is_raised_with_its_code(
    threaded: ThreadedGateway, unique: str, frame: bytes, code: str
) -> None:
    async with session_of(threaded, unique) as (_, session):
        with pytest.raises(CaptureAborted) as error:
            async with session.capture(**SIZE) as capture:
                if frame:
                    for _ in range(1000):
                        await capture.send(frame)
                else:
                    await capture.send(jpeg())
        assert error.value.code == code
        assert "\n" not in str(error.value)
        with pytest.raises(CaptureAborted):
            await capture.finish()


async def test_a_frame_that_would_be_refused_is_not_sent_and_the_capture_goes_on(
    threaded: ThreadedGateway, unique: str
) -> None:
    async with session_of(threaded, unique) as (_, session):
        async with session.capture(**SIZE) as capture:
            await capture.send_all([jpeg(), jpeg() + b"\0\0\0"])
            for wrong in (jpeg(32, 32), jpeg()[:-2], b"\xff\xd8 no JPEG"):
                with pytest.raises(UsageError, match="this frame is"):
                    await capture.send(wrong)
            await capture.send_all([jpeg() + b"\r\n"] * 4)
        assert (await capture.finish()).accepted == 6


async def test_a_closed_capture_need_not_be_waited_for(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (_, session):
        async with session.capture(**SIZE) as capture:
            await capture.send_all([jpeg()] * 10)
            await capture.close()
            await capture.close()
            for wrong in (capture.send(jpeg()), capture.__aenter__()):
                with pytest.raises(UsageError):
                    await wrong
        assert (await capture.finish()).recorded
        assert await capture.finish() is await capture.finish()


def break_connection(capture: Capture) -> None:
    assert capture._socket._websocket is not None
    capture._socket._websocket.transport.abort()


async def test_the_record_is_asked_when_the_connection_breaks_after_the_close(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session_of(threaded, unique) as (_, session):
        async with session.capture(**SIZE) as capture:
            await capture.send_all([jpeg()] * 10)
            send = capture._socket.send

            async def send_and_break(*messages: Any) -> None:
                await send(*messages)
                break_connection(capture)

            monkeypatch.setattr(capture._socket, "send", send_and_break)
            await asyncio.sleep(0)
            with pytest.raises(GatewayAway, match="may or may not be complete"):
                await capture.close()
        outcome = await capture.finish()
        assert outcome.recorded and outcome.accepted == 10


async def test_a_connection_lost_during_a_capture_is_an_error_that_says_so(
    threaded: ThreadedGateway, unique: str
) -> None:
    async with session_of(threaded, unique) as (client, session):
        with pytest.raises(GatewayAway, match="was lost: the capture ends after 1 frames; send it again"):
            async with session.capture(**SIZE) as capture:
                await capture.send(jpeg())
                break_connection(capture)
                await capture.send_all(itertools.repeat(jpeg()))
        assert (await client.outcome(capture.capture_id)).error_code == "client_disconnected"


async def test_an_error_of_the_progress_callback_ends_the_capture(threaded: ThreadedGateway, unique: str) -> None:
    def fail(state: StreamState) -> None:
        if state.sent:
            raise ZeroDivisionError

    async with session_of(threaded, unique) as (client, session):
        with pytest.raises(ZeroDivisionError):
            async with session.capture(**SIZE, on_progress=fail) as capture:
                await capture.send_all([jpeg()] * 10)
        assert (await client.outcome(capture.capture_id)).error_code == "client_disconnected"


async def test_frames_of_several_tasks_go_one_by_one(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (_, session):
        async with session.capture(**SIZE) as capture:
            await asyncio.gather(*(capture.send(jpeg(seed=number % 3)) for number in range(60)))
        assert (await capture.finish()).accepted == 60


async def test_the_wait_for_a_capture_that_is_not_extracted_ends(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "STANDSTILL_S", 0.1)
    async with session_of(threaded, unique) as (client, session):
        threaded.extractor.busy = True
        threaded.gateway.app.state.brokers.missing = ("The frames broker is full of sand.",)
        try:
            async with session.capture(**SIZE) as capture:
                with pytest.raises(
                    CaptureStalled, match=f"{capture.capture_id} makes no progress .waiting.: The frames broker is"
                ) as told:
                    await client.outcome(capture.capture_id)
                assert told.value.missing == ("The frames broker is full of sand.",)
                await capture.abort()
        finally:
            threaded.extractor.busy = False
        for unknown in ("no-such", "../no-such", ""):
            with pytest.raises(UsageError, match=f"knows no capture '{unknown}'"):
                await client.outcome(unknown)


# --- sessions, and the gateway itself -------------------------------------------------------------------


async def test_a_session_repeated_with_its_record_id_is_the_same(threaded: ThreadedGateway, unique: str) -> None:
    first, last = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
    async with CaptureClient(threaded.url) as client:
        started = [await client.start_session(unique, record_id=first, session_notes="n") for _ in range(2)]
        (session_id,) = set(started)
        assert await client.session_status(unique, session_id) == "active"
        assert await client.session_status("another-user", session_id) == "invalid"
        assert await client.session_status("../u", session_id) == "invalid"
        for _ in range(2):
            await client.end_session(unique, session_id, record_id=last)
        assert await client.session_status(unique, session_id) == "closed"
        with pytest.raises(GatewayRefused, match=r"400 session_closed.*already closed") as error:
            await client.end_session(unique, session_id)
        assert (error.value.status, error.value.code) == (400, "session_closed")
        assert len(threaded.events(unique, session_id)) == 2


async def test_a_request_whose_answer_was_lost_is_repeated(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    async with CaptureClient(threaded.url) as client:
        http = client._connection._http
        request = http.request

        async def lossy(*arguments: Any, **options: Any) -> httpx.Response:
            answer = await request(*arguments, **options)
            sent.append(options["json"])
            if len(sent) == 1:
                raise httpx.ReadError("the answer was lost")
            return answer

        monkeypatch.setattr(http, "request", lossy)
        session_id = await client.start_session(unique)
        assert len(sent) == 2 and sent[0] == sent[1]
        assert [event["event"] for event in threaded.events(unique, session_id)] == ["session.start"]


async def test_a_session_is_ended_whatever_happened_in_it_and_a_named_one_is_not(
    threaded: ThreadedGateway, unique: str
) -> None:
    async with CaptureClient(threaded.url) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.session(unique) as session:
                raise ZeroDivisionError
        assert await client.session_status(unique, session.session_id) == "closed"
        session_id = await client.start_session(unique)
        async with client.session(unique, session_id=session_id) as named:
            assert named.session_id == session_id
        assert await client.session_status(unique, session_id) == "active"
        with pytest.raises(ZeroDivisionError) as error:
            async with client.session(unique) as session:
                await client.end_session(unique, session.session_id)
                raise ZeroDivisionError
        assert "was not ended" in error.value.__notes__[0], "one error does not hide the other"
        with pytest.raises(UsageError, match="not started"):
            client.session(unique).capture(**SIZE)
        with pytest.raises(UsageError, match=r"^user_id: "):
            await client.start_session("../u")


async def test_a_gateway_that_is_away_is_one_sentence_at_once() -> None:
    async with CaptureClient("http://127.0.0.1:1") as client:
        session = client.session("u", session_id="sess_" + "0" * 16)
        for step in (
            client.start_session("u"),
            client.capture("c"),
            session.capture(**SIZE).__aenter__(),
            client.live().__aenter__(),
        ):
            with pytest.raises(GatewayAway, match=r"does not answer .*is `a3cp up` running"):
                await step


async def test_an_address_of_no_gateway_is_an_error_that_says_so(threaded: ThreadedGateway) -> None:
    async with CaptureClient(threaded.url + "/livez") as client:
        for step in (client.pipelines(), client.capture("c"), client.outcome("c")):
            with pytest.raises(GatewayRefused, match="404"):  # and it is not an unknown capture
                await step
        with pytest.raises(GatewayRefused):
            async with client.live():
                raise AssertionError


def test_a_token_is_needed_and_never_shown(tmp_path: Path) -> None:
    with gateway_in_a_thread(tmp_path, api_token="the-secret-token") as threaded:

        async def main() -> None:
            async with CaptureClient(threaded.url, "the-wrong-token") as client:
                session = client.session("u", session_id="sess_" + "0" * 16)
                for step in (client.start_session("u"), session.capture(**SIZE).__aenter__()):
                    with pytest.raises(GatewayRefused, match="set A3CP_API_TOKEN, or token=") as error:
                        await step
                    assert error.value.status == 401 and "the-wrong" not in str(error.value)
                assert "the-wrong" not in repr(client) + repr(session)
            async with (
                CaptureClient(threaded.url, "the-secret-token") as client,
                client.session("u") as session,
                session.capture(**SIZE) as capture,
            ):
                await capture.send_all([jpeg()] * 10)
            assert capture.state.extracted == 10

        asyncio.run(main())


async def test_after_a_restart_of_the_gateway_the_outcome_is_still_available(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session_of(threaded, unique) as (client, session):
        async with session.capture(**SIZE) as capture:
            await capture.send_all([jpeg()] * 10)
            await capture.close()
        answers: Iterator[ClientError] = iter(
            [GatewayAway("away"), *(GatewayRefused(status, "", "") for status in (502, 503, 504))]
        )
        asked = client.capture

        async def sometimes(capture_id: str) -> Any:
            for error in answers:
                raise error
            return await asked(capture_id)

        monkeypatch.setattr(client, "capture", sometimes)
        assert (await client.outcome(capture.capture_id)).recorded
        monkeypatch.setattr(client_module, "AWAY_S", 0.1)
        for last in (GatewayAway("away for good"), GatewayRefused(503, "broker_unavailable", "for good")):
            answers = itertools.repeat(last)
            with pytest.raises(type(last), match="for good"):
                await client.outcome(capture.capture_id)


async def test_a_capture_aborted_by_another_says_so_at_the_end(threaded: ThreadedGateway, unique: str) -> None:
    async with session_of(threaded, unique) as (_, session):
        threaded.extractor.busy = True
        try:
            capture = session.capture(**SIZE, pace=None)
            async with capture:
                aborting = records.abort(unique, capture.capture_id, "extraction_failed")
                await asyncio.to_thread(threaded.run, run(threaded.gateway.state.events, aborting))
                assert (await capture._wait_for_outcome(capture.capture_id)).error_code == "extraction_failed"
                await capture.abort()
        finally:
            threaded.extractor.busy = False
