"""Every row of the contract's tables of limits, errors and close codes, through a real WebSocket."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.websockets import WebSocket
from structlog.testing import capture_logs

from contracts.broker import keys
from contracts.broker.roles import Role
from contracts.broker.script import run
from contracts.rules.errors import BrokerFull, BrokerUnavailable
from contracts.rules.landmarks import DIMS, Row
from contracts.state import captures, dispatch, records
from contracts.state.frame import TerminalEntry
from gateway import tasks
from gateway.capture import endpoint, lifecycle
from gateway.capture.protocol import CaptureProtocol
from tests.gateway.capture.served import Ended, Served, Socket, serving
from tests.support.messages import Client, at, jpeg
from tests.support.waiting import DEADLINE_S, until

Scenario = Callable[[Served, Socket, Client], Awaitable[None]]


def play(scenario: Scenario, *, session: bool = True, **limits: Any) -> tuple[Ended, Any, Any]:
    """Run one client to its end; returns its close, the durable record and the stream's entries."""

    async def main() -> tuple[Ended, Any, Any]:
        async with serving(**limits) as served:
            if session:
                await served.session()
            client = Client()
            async with served.socket() as socket:
                await scenario(served, socket, client)
                ended = await socket.ended()
            await until(lambda: _nothing_open(served), "the connection is cleaned up")
            return ended, await served.record(client), await served.entries(client)

    return asyncio.run(main())


async def _nothing_open(served: Served) -> bool:
    return served.state.active_captures == 0


def assert_aborted(result: tuple[Ended, Any, Any], code: str, close_code: int = 1000) -> None:
    """The client got the abort and the reason, and the capture has its terminal entry and its outcome."""
    ended, record, entries = result
    assert (ended.code, ended.reason) == (close_code, code)
    assert ended.code == close_code
    assert code in (ended.reason, *(message["error_code"] for message in ended.aborts))
    assert (record.outcome, record.error_code) == ("aborted", code)
    assert entries[-1][1][b"event"] == b"abort" and entries[-1][1][b"error_code"] == code.encode()


def assert_refused(result: tuple[Ended, Any, Any], code: str, close_code: int) -> None:
    """The socket closed without an abort message, and the brokers hold no key of the capture."""
    ended, record, entries = result
    assert (ended.code, ended.reason, ended.aborts) == (close_code, code, [])
    assert record is None and entries == []


# --- the happy path ------------------------------------------------------------------------------------


def test_a_whole_capture_is_in_the_broker_when_the_socket_closes_with_1000() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 40)
        await socket.send(client.close())

    ended, record, entries = play(scenario)
    assert (ended.code, ended.reason, ended.messages) == (1000, "", [])
    assert [entry_id for entry_id, _ in entries] == [f"{seq}-0".encode() for seq in range(1, 42)]
    assert all(fields[b"payload"] == jpeg() for _, fields in entries[:-1])
    assert entries[-1][1] == {b"event": b"close", b"timestamp_end": at(3).encode()}
    assert record.outcome == "" and record.status(claimed=False) == "waiting"


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The types of the messages that the endpoints' tasks receive."""
    types: list[str] = []
    receive = WebSocket.receive

    async def noted(websocket: WebSocket) -> Any:
        message = await receive(websocket)
        types.append(message["type"])
        return message

    monkeypatch.setattr(WebSocket, "receive", noted)
    return types


def test_frames_are_handled_without_waking_the_receiving_task(received: list[str]) -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await until(lambda: served.state.frames.exists(keys.CAPTURES), "the capture is open", unless=socket.closed)
        for seq in range(1, 41):
            await socket.frame(client, seq)
            await until(lambda seq=seq: _has_frames(served, client, seq), "the frame is stored")  # type: ignore[misc]
        await socket.send(client.close())

    ended, _, entries = play(scenario)
    assert (ended.code, len(entries)) == (1000, 41)
    assert received.count("websocket.receive") < 10, "the open, and the first frame if it comes while the open ends"


async def _has_frames(served: Served, client: Client, seq: int) -> bool:
    return len(await served.entries(client)) == seq


def test_frames_keep_their_order_if_each_has_to_wait_for_room_and_wake_no_task(received: list[str]) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 40)
        await socket.send(client.close())

    ended, _, entries = play(scenario, max_forward_buffer_frames=1)
    assert ended.code == 1000
    assert [entry_id for entry_id, _ in entries] == [f"{seq}-0".encode() for seq in range(1, 42)]
    assert received.count("websocket.receive") < 10


async def test_a_capture_is_dispatched_once_it_is_open() -> None:
    async with serving() as served, served.socket() as socket:
        await served.session()
        client = Client()
        await socket.send(client.open())
        await until(lambda: served.state.frames.xlen(keys.CAPTURES), "a dispatch entry", unless=socket.closed)
        ((_, fields),) = await served.state.frames.xrange(keys.CAPTURES)
        assert fields[b"capture_id"] == client.capture_id.encode()
        assert await served.state.frames.exists(keys.capture_keys(client.capture_id).state)


def test_an_abort_carries_the_ids_of_its_open_and_the_base_fields() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        scenario.client = client  # type: ignore[attr-defined]
        await socket.send(client.open(), jpeg())

    ended, _, _ = play(scenario)
    client = scenario.client  # type: ignore[attr-defined]
    (abort,) = ended.aborts
    assert abort.pop("timestamp").endswith("Z")
    assert abort == {
        "schema_version": "1.0.1",
        "record_id": client.record_id,
        "user_id": client.user_id,
        "session_id": client.session_id,
        "source": "camera_feed_worker",
        "event": "capture.abort",
        "capture_id": client.capture_id,
        "error_code": "protocol_violation",
    }


# --- limits --------------------------------------------------------------------------------------------

LIMIT_ROWS: list[tuple[str, dict[str, Any], Callable[[Client], list[str | bytes]]]] = [
    ("limit_duration_exceeded", {}, lambda c: [c.open(), c.meta(1), jpeg(), c.close(120.001)]),
    ("limit_duration_exceeded", {"max_duration_s": 2.0, "min_duration_s": 0.1, "idle_timeout_s": 60},
     lambda c: [c.open(), c.meta(1), jpeg()]),
    ("limit_duration_too_short", {}, lambda c: [c.open(), c.meta(1), jpeg(), c.close(1.999)]),
    ("limit_fps_exceeded", {},
     lambda c: [c.open(), *(m for s in range(1, 17) for m in (c.meta(s, timestamp_frame=at(0)), jpeg()))][:-1]),
    ("limit_resolution_exceeded", {"max_frame_bytes": 10**6},
     lambda c: [c.open(width=640, height=480), c.meta(1, len(jpeg(656, 480))), jpeg(656, 480)]),
    ("limit_frame_count_exceeded", {"max_frames": 1}, lambda c: [c.open(), c.meta(1), jpeg(), c.meta(2)]),
    ("limit_frame_bytes_exceeded", {}, lambda c: [c.open(), c.meta(1, 300_001)]),
    ("limit_total_bytes_exceeded", {"max_total_bytes": 4000}, lambda c: [c.open(), c.meta(1), jpeg(), c.meta(2)]),
    ("protocol_violation", {"meta_timeout_s": 0.2}, lambda c: [c.open(), c.meta(1)]),
    ("protocol_violation", {"idle_timeout_s": 0.2, "max_wait_s": 0.1}, lambda c: [c.open()]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "limits", "messages"), LIMIT_ROWS)
def test_a_limit_broken_in_an_open_capture_aborts_it(
    code: str,
    limits: dict[str, Any],
    messages: Callable[[Client], list[str | bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.capture.protocol.INGEST_GRACE_S", 0.1)
    monkeypatch.setattr(endpoint, "TICK_S", 0.02)
    monkeypatch.setattr(endpoint, "WATCH_S", 0.02)

    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        first, *rest = messages(client)
        await socket.send(first)
        await until(lambda: served.record(client), "the capture is open", unless=socket.closed)
        await until(
            lambda: served.state.frames.exists(keys.capture_keys(client.capture_id).state),
            "its state",
            unless=socket.closed,
        )
        await served.claim(client)  # an extractor has the capture, so it is not held back
        await socket.send(*rest)

    assert_aborted(play(scenario, **limits), code)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("limit_fps_exceeded", {"fps_target": 16}),
        ("limit_resolution_exceeded", {"width": 641, "height": 480}),
        ("limit_resolution_exceeded", {"width": 480, "height": 641}),
    ],
)
def test_a_limit_that_is_broken_at_open_is_refused_with_1008(code: str, changes: dict[str, Any]) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(**changes))

    assert_refused(play(scenario), code, 1008)


def test_a_stream_without_room_makes_the_forwarder_wait_and_then_the_buffer_overflows() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 12)

    result = play(scenario, stream_max_frames=4)
    assert_aborted(result, "limit_forward_buffer_exceeded")


def test_a_stream_without_room_in_bytes_overflows_the_buffer_too() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 12)

    assert_aborted(play(scenario, stream_max_bytes=4 * len(jpeg())), "limit_forward_buffer_exceeded")


def test_close_waits_for_room_for_max_wait_s_and_then_aborts() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 5)
        await socket.send(client.close())

    assert_aborted(play(scenario, stream_max_frames=3, max_wait_s=0.3), "limit_forward_buffer_exceeded")


def test_close_waits_until_there_is_room_and_then_completes() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 5)
        await socket.send(client.close())
        await until(lambda: _depth(served, client, 3), "the stream is full", unless=socket.closed)
        state = await served.claim(client)
        row = Row(0, True, bytes(4 * DIMS))
        for seq in (1, 2, 3):
            await run(
                served.state.frames,
                captures.row(client.capture_id, state.token, seq, row, len(jpeg()), restart=False, found={}),
            )

    ended, _, entries = play(scenario, stream_max_frames=3)
    assert (ended.code, ended.messages) == (1000, [])
    assert [entry_id for entry_id, _ in entries] == [b"4-0", b"5-0", b"6-0"]


async def _depth(served: Served, client: Client, depth: int) -> bool:
    return bool(len(await served.entries(client)) >= depth)


def test_a_client_that_is_held_back_is_not_idle() -> None:
    """While no extractor has the capture, the idle clock stands still, for at most max_wait_s."""

    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())

    result = play(scenario, idle_timeout_s=0.2, max_wait_s=1.0)
    assert_aborted(result, "limit_forward_buffer_exceeded")


def test_a_client_that_never_opens_is_closed_with_1008() -> None:
    async def scenario(_served: Served, _socket: Socket, _client: Client) -> None:
        return

    assert_refused(play(scenario, open_timeout_s=0.3), "open_timeout", 1008)


@pytest.mark.parametrize("limit", ["max_captures", "max_captures_per_user"])
def test_one_capture_too_many_is_refused_with_1013(limit: str) -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        async with served.socket() as other:
            first = Client()
            await other.send(first.open())
            await until(lambda: served.state.frames.xlen(keys.CAPTURES), "the first is open", unless=other.closed)
            await socket.send(client.open())
            await socket.ended()

    assert_refused(play(scenario, **{limit: 1}), "too_many_captures", 1013)


async def test_a_socket_that_closed_leaves_room_for_the_next() -> None:
    async with serving(max_captures=1, max_captures_per_user=1) as served:
        await served.session()
        for _ in range(3):
            client = Client()
            async with served.socket() as socket:
                await socket.send(client.open(), client.meta(1), jpeg(), client.close())
                assert (await socket.ended()).code == 1000
            await until(lambda: _nothing_open(served), "the socket is gone")


def test_a_frames_broker_short_of_memory_refuses_with_1013() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())

    assert_refused(play(scenario, memory_share=0.71), "frames_broker_full", 1013)


def test_a_misconfigured_broker_refuses_captures_with_1013() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        served.state.refusal = "the frames broker is refused"
        await socket.send(client.open())

    assert_refused(play(scenario), "brokers_unready", 1013)


# --- protocol violations -------------------------------------------------------------------------------

VIOLATIONS: dict[str, Callable[[Client], list[str | bytes]]] = {
    "wrong seq": lambda c: [c.meta(1), jpeg(), c.meta(3)],
    "seq not from 1": lambda c: [c.meta(0)],
    "second open": lambda c: [c.open(record_id=str(uuid.uuid4()))],
    "bytes without meta": lambda c: [jpeg()],
    "text when bytes are due": lambda c: [c.meta(1), "not even json"],
    "length mismatch": lambda c: [c.meta(1, 5), jpeg()],
    "time running backwards": lambda c: [c.meta(1, timestamp_frame=at(-1))],
    "close with a frame pending": lambda c: [c.meta(1), c.close()],
    "close with no frame": lambda c: [c.close()],
    "changed identifiers": lambda c: [c.meta(1, user_id="another-user")],
    "record_id used twice": lambda c: [c.meta(1, record_id=c.record_id)],
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_protocol_violation_aborts(name: str) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), *VIOLATIONS[name](client))

    assert_aborted(play(scenario), "protocol_violation")


@pytest.mark.parametrize("payload", [b"not a jpeg", jpeg()[:-2], jpeg(48, 64)])
def test_a_frame_that_is_no_jpeg_aborts(payload: bytes) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1, len(payload)), payload)

    assert_aborted(play(scenario), "invalid_frame")


@pytest.mark.parametrize("name", ["meta", "close", "bytes"])
def test_anything_before_open_is_closed_with_1008(name: str) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send({"meta": client.meta(1), "close": client.close(), "bytes": jpeg()}[name])

    assert_refused(play(scenario), "protocol_violation", 1008)


# --- close codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "close_code"),
    [("{", "invalid_json", 1003), ('{"event":"capture.pause"}', "schema_error", 1008), ("[]", "schema_error", 1008)],
)
def test_text_that_is_no_control_message_closes_and_an_open_capture_gets_its_end(
    text: str, code: str, close_code: int
) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), text)

    ended, record, entries = play(scenario)
    assert (ended.code, ended.reason, ended.aborts) == (close_code, code, [])
    assert (record.outcome, record.error_code) == ("aborted", code)
    assert entries[-1][1][b"event"] == b"abort"


def test_text_that_is_not_json_before_open_is_closed_with_1003() -> None:
    async def scenario(_served: Served, socket: Socket, _client: Client) -> None:
        await socket.send("}")

    assert_refused(play(scenario), "invalid_json", 1003)


def test_an_open_with_an_unknown_session_aborts() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())

    ended, record, entries = play(scenario, session=False)
    assert (ended.code, ended.reason) == (1000, "session_invalid")
    assert [message["error_code"] for message in ended.aborts] == ["session_invalid"]
    assert record is None and entries == []


def test_an_open_with_another_user_s_session_aborts() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(user_id="user-2"))

    ended, record, _ = play(scenario)
    assert [message["error_code"] for message in ended.aborts] == ["session_invalid"]
    assert record is None


def test_an_open_with_a_closed_session_aborts() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await served.end_session()
        await socket.send(client.open())

    ended, _, _ = play(scenario)
    assert (ended.code, [message["error_code"] for message in ended.aborts]) == (1000, ["session_closed"])


def test_a_session_that_is_closed_during_a_capture_aborts_it_even_if_the_client_is_silent() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: served.record(client), "the capture is open", unless=socket.closed)
        await served.end_session()

    assert_aborted(play(scenario, recheck_s=0.2), "session_closed")


def test_a_session_that_is_lost_during_a_capture_aborts_it() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: served.record(client), "the capture is open", unless=socket.closed)
        await served.state.events.delete(keys.session(client.session_id))

    assert_aborted(play(scenario, recheck_s=0.2), "session_invalid")


@pytest.mark.parametrize("same", ["capture_id", "record_id"])
def test_a_capture_id_or_a_window_is_never_opened_twice(same: str) -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        async with served.socket() as other:
            first = Client(capture_id=client.capture_id if same == "capture_id" else "")
            first.record_id = client.record_id if same == "record_id" else first.record_id
            await other.send(first.open(), first.meta(1), jpeg(), first.close())
            assert (await other.ended()).code == 1000
        await socket.send(client.open())

    ended, record, _ = play(scenario)
    assert (ended.code, ended.reason, ended.aborts) == (1008, "duplicate_capture", [])
    # the first capture is unchanged
    assert record is None or record.outcome == ""


def test_shutdown_aborts_active_captures_and_closes_with_1012() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: _depth(served, client, 1), "the frame is in the broker", unless=socket.closed)
        served.state.draining.set()

    assert_aborted(play(scenario), "server_shutdown", 1012)


def test_a_capture_that_a_shutdown_meets_while_it_is_opened_has_the_code_that_its_client_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opening = asyncio.Event()

    async def never(*_: Any) -> None:
        opening.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(lifecycle, "_dispatch", never)

    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await opening.wait()
        served.state.draining.set()

    ended, record, _ = play(scenario)
    assert (ended.code, ended.reason) == (1012, "server_shutdown")
    assert (record.outcome, record.error_code) == ("aborted", "server_shutdown")


def test_shutdown_ends_a_capture_whose_last_frames_do_not_fit_into_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FLUSH_WITHIN_S", 0.1)

    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 4)
        await socket.send(client.close())
        await until(lambda: _depth(served, client, 3), "the stream is full", unless=socket.closed)
        served.state.draining.set()

    assert_aborted(play(scenario, stream_max_frames=3), "server_shutdown", 1012)


def test_shutdown_closes_an_idle_connection_with_1012() -> None:
    async def scenario(served: Served, _socket: Socket, _client: Client) -> None:
        served.state.draining.set()

    assert_refused(play(scenario), "server_shutdown", 1012)


def test_an_internal_error_closes_with_1011_and_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any) -> Any:
        raise ZeroDivisionError("a secret")

    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await until(lambda: served.state.frames.xlen(keys.CAPTURES), "the capture is open", unless=socket.closed)
        monkeypatch.setattr(CaptureProtocol, "receive", explode)
        await socket.send(client.meta(1), jpeg())

    ended, record, _ = play(scenario)
    assert (ended.code, ended.reason, ended.messages) == (1011, "internal_error", [])
    assert (record.outcome, record.error_code) == ("aborted", "internal_error")


# --- failures downstream ---------------------------------------------------------------------------


def test_an_extractor_that_gave_the_capture_up_aborts_it_with_its_code() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: _depth(served, client, 1), "the frame is in the broker", unless=socket.closed)
        entry = TerminalEntry("abort", error_code="extraction_failed")
        await run(served.state.frames, captures.end_stream(client.capture_id, entry))
        await socket.frame(client, 2)

    assert_aborted(play(scenario), "extraction_failed")


def test_an_extractor_that_gave_the_capture_up_aborts_a_silent_client_too() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: _depth(served, client, 1), "the frame is in the broker", unless=socket.closed)
        entry = TerminalEntry("abort", error_code="extraction_failed")
        await run(served.state.frames, captures.end_stream(client.capture_id, entry))

    assert_aborted(play(scenario), "extraction_failed")


def test_a_frames_broker_that_lost_the_capture_aborts_it() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: _depth(served, client, 1), "the frame is in the broker", unless=socket.closed)
        await served.state.frames.delete(*keys.capture_keys(client.capture_id))
        await socket.frame(client, 2)

    ended, record, _ = play(scenario)
    assert (ended.code, [message["error_code"] for message in ended.aborts]) == (1000, ["forward_failed"])
    assert (record.outcome, record.error_code) == ("aborted", "forward_failed")


def test_a_client_gets_the_first_outcome_of_its_capture() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(), client.meta(1), jpeg())
        await until(lambda: _depth(served, client, 1), "the frame is in the broker", unless=socket.closed)
        await run(served.state.events, records.abort(client.user_id, client.capture_id, "frames_lost"))
        await served.state.frames.delete(*keys.capture_keys(client.capture_id))
        await socket.frame(client, 2)

    ended, record, _ = play(scenario)
    assert (ended.code, [message["error_code"] for message in ended.aborts]) == (1000, ["frames_lost"])
    assert (record.outcome, record.error_code) == ("aborted", "frames_lost")


def test_an_open_without_the_events_broker_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(broker: Any, call: Any, within_s: float) -> Any:
        raise BrokerUnavailable("events", "connection refused")

    monkeypatch.setattr(lifecycle, "_run", away)

    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())

    ended, record, _ = play(scenario)
    assert (ended.code, [message["error_code"] for message in ended.aborts]) == (1000, ["forward_failed"])
    assert record is None


@pytest.mark.parametrize(
    ("role", "code", "close_code"), [("frames", "frames_broker_full", 1013), ("events", "forward_failed", 1000)]
)
def test_a_broker_that_fills_up_during_the_open_refuses_with_its_own_code(
    role: Role, code: str, close_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise BrokerFull(role, "OOM command not allowed")

    monkeypatch.setattr(dispatch, "dispatch", full)

    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())

    ended, record, _ = play(scenario)
    assert ended.code == close_code
    assert code in (ended.reason, *(message["error_code"] for message in ended.aborts))
    assert (record.outcome, record.error_code) == ("aborted", code)


@pytest.mark.parametrize("state", ["idle", "open", "pending", "after a frame"])
async def test_the_capture_of_a_client_that_vanishes_is_aborted(state: str) -> None:
    async with serving() as served:
        await served.session()
        client = Client()
        async with served.socket() as socket:
            if state != "idle":
                await socket.send(client.open())
                await until(
                    lambda: served.state.frames.xlen(keys.CAPTURES), "the capture is open", unless=socket.closed
                )
            if state == "pending":
                await socket.send(client.meta(1))
            if state == "after a frame":
                await socket.frame(client, 1)
                await until(lambda: _depth(served, client, 1), "the frame is in the broker", unless=socket.closed)
            socket.connection.transport.abort()
        await until(lambda: _nothing_open(served), "the connection is cleaned up")
        record = await served.record(client)
        if state == "idle":
            assert record is None
            return
        assert record is not None and (record.outcome, record.error_code) == ("aborted", "client_disconnected")
        assert record.counts.accepted == (1 if state == "after a frame" else 0)
        entries = await served.entries(client)
        assert [fields.get(b"event") for _, fields in entries] == [b"abort"]  # the frames are deleted too
        assert await served.state.events.zcard(keys.user_captures(client.user_id)) == 0


async def test_a_client_that_vanishes_after_its_close_loses_nothing() -> None:
    async with serving() as served:
        await served.session()
        client = Client()
        async with served.socket() as socket:
            await socket.send(client.open())
            await socket.frames(client, 1, 3)
            await socket.send(client.close())
            socket.connection.transport.close()  # the frames that arrived are still forwarded
        await until(lambda: _depth(served, client, 4), "the close entry")
        record = await served.record(client)
        assert record is not None and record.outcome == ""


# --- progress ------------------------------------------------------------------------------------------


def test_no_progress_is_sent_unless_the_client_asked_for_it() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open())
        await socket.frames(client, 1, 3)
        await socket.send(client.close())

    assert play(scenario)[0].messages == []


def test_progress_is_waiting_at_first_and_then_counts_the_extracted_frames() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(progress=True))
        first = await socket.message()
        assert first == {
            "event": "capture.progress",
            "capture_id": client.capture_id,
            "status": "waiting",
            "accepted": 0,
            "extracted": 0,
            "backlog": 0,
            "slow_down": False,
            "found": {"pose": 0, "left_hand": 0, "right_hand": 0, "face": 0},
        }
        await socket.frames(client, 1, 3)
        state = await served.claim(client)
        await until(lambda: _depth(served, client, 3), "the frames are in the broker", unless=socket.closed)
        row = Row(0, True, bytes(4 * DIMS))
        await run(
            served.state.frames,
            captures.row(client.capture_id, state.token, 1, row, len(jpeg()), restart=False, found={"face": True}),
        )
        while socket.messages[-1]["extracted"] != 1:
            await socket.message()
        last = socket.messages[-1]
        assert (last["status"], last["accepted"], last["backlog"], last["slow_down"]) == ("extracting", 3, 2, False)
        assert last["found"] == {"pose": 0, "left_hand": 0, "right_hand": 0, "face": 1}
        await socket.send(client.close())

    assert play(scenario)[0].code == 1000


def test_progress_tells_the_client_to_slow_down_while_the_stream_is_over_half_full() -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(progress=True))
        await socket.message()
        await socket.frames(client, 1, 4)
        while not (await socket.message())["slow_down"]:
            pass
        assert socket.messages[-1]["accepted"] >= 4
        await socket.send(client.close())

    assert play(scenario, stream_max_frames=6)[0].code == 1000


def test_the_endpoint_checks_a_silent_client_at_least_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    periods_s: list[float] = []
    ticked: list[None] = []
    add = tasks.Ticks.add

    def noted(ticks: tasks.Ticks, period_s: float, call: Callable[[], None]) -> None:
        periods_s.append(period_s)
        add(ticks, period_s, call)
        add(ticks, period_s, lambda: ticked.append(None))

    monkeypatch.setattr(tasks.Ticks, "add", noted)

    async def scenario(_served: Served, socket: Socket, _client: Client) -> None:
        await until(lambda: len(ticked) > 2, "it ticks", unless=socket.closed)
        await socket.send("{}")  # which ends it

    play(scenario, open_timeout_s=DEADLINE_S)
    assert len(periods_s) == 1 and 0 < periods_s[0] <= 1.0


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"width": 640.0}, "width"), ({"unknown": 1}, "unknown"), ({"fps_target": "15"}, "fps_target")],
)
def test_the_log_names_the_field_that_breaks_the_schema(changes: dict[str, Any], field: str) -> None:
    async def scenario(_served: Served, socket: Socket, client: Client) -> None:
        await socket.send(client.open(**changes))

    with capture_logs() as lines:
        ended, _, _ = play(scenario)
    assert (ended.code, ended.reason) == (1008, "schema_error")
    [line] = [line for line in lines if line["event"] == "capture refused"]
    assert field in line["why"] and "640" not in line["why"]


def test_a_session_of_a_newer_release_refuses_captures_with_1013() -> None:
    async def scenario(served: Served, socket: Socket, client: Client) -> None:
        await served.state.events.hset(keys.session(client.session_id), "format", "3")  # type: ignore[misc]
        await socket.send(client.open())

    assert_refused(play(scenario), "brokers_unready", 1013)
