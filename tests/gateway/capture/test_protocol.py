"""Every rule of the capture protocol, without a socket, a clock or a broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contracts.rules.limits import CaptureLimits
from gateway.capture.actions import Action, CheckSession, Complete, Finish, Forward, Open
from gateway.capture.protocol import CaptureProtocol, State
from tests.support.messages import START, Client, at, jpeg

LIMITS = CaptureLimits()


class Pump:
    """A protocol with a client and a hand-driven clock."""

    def __init__(self, **limits: Any) -> None:
        self.client = Client()
        self.now = 100.0
        self.protocol = CaptureProtocol(CaptureLimits(**limits), self.now)

    def text(self, text: str) -> Sequence[Action]:
        return self.protocol.receive(text, self.now)

    def bytes(self, payload: bytes) -> Sequence[Action]:
        return self.protocol.receive(payload, self.now)

    def tick(self, seconds: float) -> Sequence[Action]:
        self.now += seconds
        return self.protocol.tick(self.now)

    def opened(self, *, held: bool = False, **changes: Any) -> Pump:
        actions = self.text(self.client.open(**changes))
        assert [type(action) for action in actions] == [Open], actions
        assert self.protocol.opened(self.now) == ()
        self.protocol.held(held, self.now)
        return self

    def frame(self, seq: int, payload: bytes = b"", **changes: Any) -> Sequence[Action]:
        payload = payload or jpeg()
        first = self.text(self.client.meta(seq, len(payload), **changes))
        return first or self.bytes(payload)

    def frames(self, count: int) -> Pump:
        for seq in range(self.protocol.frames + 1, self.protocol.frames + count + 1):
            assert [type(action) for action in self.frame(seq)] == [Forward]
        return self


def aborts(actions: Sequence[Action], code: str) -> None:
    """An abort JSON with ``code``, then close 1000."""
    assert actions == (Finish(code, 1000, sends_abort=True, opened=True),)  # type: ignore[arg-type]


def refuses(actions: Sequence[Action], code: str, close_code: int = 1008, *, opened: bool = False) -> None:
    """No JSON, a close code with the reason."""
    assert actions == (Finish(code, close_code, sends_abort=False, opened=opened),)  # type: ignore[arg-type]


@pytest.mark.parametrize(("people", "opens"), [(None, True), ({"u1", "ben"}, True), ({"ben"}, False), (set(), False)])
def test_a_recorder_opens_captures_of_their_own_people_only(people: set[str] | None, opens: bool) -> None:
    protocol = CaptureProtocol(LIMITS, 100.0, None if people is None else frozenset(people))
    actions = protocol.receive(Client().open(user_id="u1"), 100.0)
    if opens:
        assert [type(action) for action in actions] == [Open]
    else:
        aborts(actions, "session_invalid")


# --- open and states -----------------------------------------------------------------------------------


def test_open_from_idle_asks_for_the_capture_and_becomes_active_once_it_is_open() -> None:
    pump = Pump()
    (action,) = pump.text(pump.client.open())
    assert isinstance(action, Open) and action.message.capture_id == pump.client.capture_id
    assert pump.protocol.state is State.OPENING
    pump.protocol.opened(pump.now)
    assert pump.protocol.state is State.ACTIVE


def test_second_open_aborts_the_capture() -> None:
    pump = Pump().opened()
    aborts(pump.text(pump.client.open(record_id="3f2504e0-4f89-41d3-9a0c-0305e82c3301")), "protocol_violation")


@pytest.mark.parametrize("kind", ["meta", "close", "bytes"])
def test_anything_before_open_closes_without_an_abort(kind: str) -> None:
    pump = Pump()
    send: dict[str, Callable[[], Sequence[Action]]] = {
        "meta": lambda: pump.text(pump.client.meta(1)),
        "close": lambda: pump.text(pump.client.close()),
        "bytes": lambda: pump.bytes(jpeg()),
    }
    refuses(send[kind](), "protocol_violation")


@pytest.mark.parametrize(
    ("text", "code", "close_code"),
    [
        ("{", "invalid_json", 1003),
        ("", "invalid_json", 1003),
        ('{"a": NaN}', "invalid_json", 1003),
        ("5", "schema_error", 1008),
        ("[]", "schema_error", 1008),
        ("{}", "schema_error", 1008),
        ('{"event":"capture.pause"}', "schema_error", 1008),
        ("x" * 70_000, "schema_error", 1008),
        ('{"event":"capture.open","fps_target":1e400}', "schema_error", 1008),
        ('{"event":"capture.open","width":' + "9" * 5000 + "}", "schema_error", 1008),
        ('{"event":"capture.open","capture_id":"\\ud800"}', "schema_error", 1008),
        ("[" * 60_000, "invalid_json", 1003),
    ],
)
@pytest.mark.parametrize("active", [False, True])
def test_text_that_is_no_control_message_closes_without_an_abort(
    text: str, code: str, close_code: int, active: bool
) -> None:
    pump = Pump().opened() if active else Pump()
    refuses(pump.text(text), code, close_code, opened=active)


@pytest.mark.parametrize(
    "changes",
    [
        {"capture_id": ...},
        {"user_id": ...},
        {"session_id": ...},
        {"record_id": ...},
        {"timestamp_start": ...},
        {"capture_id": "../x"},
        {"user_id": ".hidden"},
        {"user_id": "a" * 129},
        {"session_id": "sess_XYZ"},
        {"record_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {"schema_version": "2.0.0"},
        {"fps_target": 0},
        {"fps_target": 15.0},
        {"fps_target": "15"},
        {"fps_target": True},
        {"width": 0},
        {"encoding": "png"},
        {"annotation": {"intent": "x" * 257}},
        {"annotation": {"mood": "x"}},
        {"progress": 1},
        {"timestamp_start": "yesterday"},
        {"unknown_field": 1},
    ],
)
def test_an_open_that_breaks_the_schema_is_closed_with_1008(changes: dict[str, Any]) -> None:
    pump = Pump()
    refuses(pump.text(pump.client.open(**changes)), "schema_error")


@pytest.mark.parametrize("changes", [{"annotation": {"intent": "x" * 256}}, {"progress": True}, {"is_demo": False}])
def test_the_optional_fields_of_open_are_taken(changes: dict[str, Any]) -> None:
    Pump().opened(**changes)


def test_after_its_end_the_protocol_answers_nothing() -> None:
    pump = Pump().opened()
    aborts(pump.bytes(jpeg()), "protocol_violation")
    assert pump.text(pump.client.open()) == pump.bytes(b"") == pump.tick(1000) == pump.protocol.disconnected() == ()


# --- limits at open ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fps_target": 16}, "limit_fps_exceeded"),
        ({"width": 641, "height": 480}, "limit_resolution_exceeded"),
        ({"width": 640, "height": 481}, "limit_resolution_exceeded"),
        ({"width": 481, "height": 640}, "limit_resolution_exceeded"),
        ({"width": 480, "height": 641}, "limit_resolution_exceeded"),
    ],
)
def test_a_limit_at_open_closes_without_an_abort(changes: dict[str, Any], code: str) -> None:
    pump = Pump()
    refuses(pump.text(pump.client.open(**changes)), code)


def test_an_open_that_succeeds_too_late_starts_no_capture() -> None:
    pump = Pump()
    pump.text(pump.client.open())
    pump.protocol.disconnected()
    assert pump.protocol.opened(pump.now) == ()
    assert pump.protocol.state is State.ENDED


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (640, 360), (1, 1)])
def test_either_orientation_within_the_limit_is_opened(size: tuple[int, int]) -> None:
    Pump().opened(width=size[0], height=size[1])


@pytest.mark.parametrize("code", ["session_invalid", "session_closed", "consent_withdrawn", "forward_failed"])
def test_an_open_with_a_refused_session_is_answered_by_an_abort(code: Any) -> None:
    pump = Pump()
    pump.text(pump.client.open())
    aborts(pump.protocol.fail(code), code)


@pytest.mark.parametrize(
    ("code", "close_code"),
    [
        ("duplicate_capture", 1008),
        ("too_many_captures", 1013),
        ("frames_broker_full", 1013),
        ("brokers_unready", 1013),
        ("internal_error", 1011),
    ],
)
def test_a_capture_that_is_refused_at_open_is_not_aborted(code: Any, close_code: int) -> None:
    pump = Pump()
    pump.text(pump.client.open())
    refuses(pump.protocol.fail(code), code, close_code, opened=True)


# --- sequencing ----------------------------------------------------------------------------------------


def test_a_forwarded_frame_has_every_field() -> None:
    pump = Pump().opened()
    (action,) = pump.frame(1)
    assert isinstance(action, Forward)
    item = action.item
    assert (item.capture_id, item.seq, item.timestamp_frame) == (pump.client.capture_id, 1, START)
    assert (item.payload, item.byte_length) == (jpeg(), len(jpeg()))
    assert (item.encoding, item.width, item.height) == ("jpeg", 64, 48)
    assert (item.user_id, item.session_id) == (pump.client.user_id, pump.client.session_id)


@pytest.mark.parametrize("seq", [-1, 0, 1, 3, 4, 1000])
def test_a_wrong_seq_aborts(seq: int) -> None:
    pump = Pump().opened().frames(1)
    aborts(pump.text(pump.client.meta(seq)), "protocol_violation")


@pytest.mark.parametrize("kind", ["meta", "open", "close", "not json", "{}"])
def test_a_text_message_instead_of_a_frame_s_bytes_aborts(kind: str) -> None:
    pump = Pump().opened().frames(1)
    assert pump.text(pump.client.meta(2)) == ()
    texts = {"meta": pump.client.meta(3), "open": pump.client.open(), "close": pump.client.close()}
    aborts(pump.text(texts.get(kind, kind)), "protocol_violation")


def test_bytes_without_a_meta_abort() -> None:
    aborts(Pump().opened().frames(1).bytes(jpeg()), "protocol_violation")


@pytest.mark.parametrize("delta", [-1, 1])
def test_bytes_of_another_length_than_announced_abort(delta: int) -> None:
    pump = Pump().opened()
    assert pump.text(pump.client.meta(1, len(jpeg()) + delta)) == ()
    aborts(pump.bytes(jpeg()), "protocol_violation")


def test_close_without_any_frame_aborts() -> None:
    pump = Pump().opened()
    aborts(pump.text(pump.client.close()), "protocol_violation")


@pytest.mark.parametrize("field", ["capture_id", "user_id"])
@pytest.mark.parametrize("kind", ["meta", "close"])
def test_changed_identifiers_abort(field: str, kind: str) -> None:
    pump = Pump().opened().frames(1)
    change = {field: "another-user"}
    text = pump.client.meta(2, **change) if kind == "meta" else pump.client.close(**change)
    aborts(pump.text(text), "protocol_violation")


def test_a_changed_session_aborts() -> None:
    pump = Pump().opened()
    aborts(pump.text(pump.client.meta(1, session_id="sess_ffffffffffffffff")), "protocol_violation")


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_a_record_id_used_twice_aborts_however_it_is_spelled(spelling: Callable[[str], str]) -> None:
    pump = Pump().opened()
    aborts(pump.text(pump.client.meta(1, record_id=spelling(pump.client.record_id))), "protocol_violation")


def test_a_record_id_of_an_earlier_frame_aborts() -> None:
    pump, taken = Pump().opened(), "7d444840-9dc0-41d1-b245-5ffdce74fad2"
    assert [type(action) for action in pump.frame(1, record_id=taken)] == [Forward]
    aborts(pump.text(pump.client.meta(2, record_id=taken)), "protocol_violation")


def test_a_record_id_of_a_frame_is_not_the_close_s_too() -> None:
    pump, taken = Pump().opened(), "7d444840-9dc0-41d1-b245-5ffdce74fad2"
    assert [type(action) for action in pump.frame(1, record_id=taken)] == [Forward]
    aborts(pump.text(pump.client.close(record_id=taken)), "protocol_violation")


# --- time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seq", "frame_s"),
    [(1, -0.001), (2, -0.001)],
)
def test_a_frame_whose_time_runs_backwards_aborts(seq: int, frame_s: float) -> None:
    pump = Pump().opened().frames(seq - 1)
    aborts(pump.text(pump.client.meta(seq, timestamp_frame=at(frame_s))), "protocol_violation")


def test_two_frames_of_the_same_moment_are_taken() -> None:
    pump = Pump().opened().frames(1)
    assert [type(action) for action in pump.frame(2, timestamp_frame=at(0))] == [Forward]


@pytest.mark.parametrize("end_s", [-1.0, 1.9])
def test_a_close_before_the_start_or_the_last_frame_aborts(end_s: float) -> None:
    pump = Pump().opened()
    assert [type(a) for a in pump.frame(1, timestamp_frame=at(2.0))] == [Forward]
    aborts(pump.text(pump.client.close(end_s)), "protocol_violation")


@pytest.mark.parametrize(
    ("end_s", "code"),
    [(1.999, "limit_duration_too_short"), (120.001, "limit_duration_exceeded")],
)
def test_an_event_time_duration_out_of_bounds_aborts_at_close(end_s: float, code: str) -> None:
    pump = Pump().opened().frames(1)
    aborts(pump.text(pump.client.close(end_s)), code)


@pytest.mark.parametrize("end_s", [2.0, 120.0])
def test_a_duration_on_its_bound_completes(end_s: float) -> None:
    pump = Pump().opened().frames(1)
    (action,) = pump.text(pump.client.close(end_s))
    assert isinstance(action, Complete)
    assert pump.protocol.state is State.ENDED


def test_times_with_an_offset_are_compared_as_moments() -> None:
    pump = Pump().opened(timestamp_start="2026-01-31T14:00:00+02:00").frames(2)
    (action,) = pump.text(pump.client.close(0, timestamp_end="2026-01-31T12:00:03"))
    assert action == Complete(START.replace(second=3))


def test_ingest_time_is_limited_with_a_grace_of_five_seconds() -> None:
    pump = Pump(idle_timeout_s=1000).opened()
    pump.protocol.session_checked("active")
    assert all(not isinstance(action, Finish) for action in pump.tick(124.9))
    aborts(pump.tick(0.2), "limit_duration_exceeded")


# --- limits on frames ----------------------------------------------------------------------------------


def test_a_frame_larger_than_the_limit_aborts_at_its_meta() -> None:
    pump = Pump(max_frame_bytes=1000).opened()
    assert pump.text(pump.client.meta(1, 1000)) == ()
    pump = Pump(max_frame_bytes=1000).opened()
    aborts(pump.text(pump.client.meta(1, 1001)), "limit_frame_bytes_exceeded")


def test_one_frame_too_many_aborts() -> None:
    pump = Pump(max_frames=3).opened().frames(3)
    aborts(pump.text(pump.client.meta(4)), "limit_frame_count_exceeded")


def test_the_total_of_bytes_is_limited() -> None:
    pump = Pump(max_total_bytes=2 * len(jpeg())).opened().frames(2)
    aborts(pump.text(pump.client.meta(3, 1)), "limit_total_bytes_exceeded")


def test_frames_may_run_one_second_ahead_of_fps_target_and_no_further() -> None:
    pump = Pump().opened()
    for seq in range(1, 16):
        assert [type(a) for a in pump.frame(seq, timestamp_frame=at(0))] == [Forward]
    aborts(pump.text(pump.client.meta(16, timestamp_frame=at(0))), "limit_fps_exceeded")


def test_the_fps_limit_is_that_of_this_capture() -> None:
    pump = Pump()
    pump.client.fps = 5
    pump.opened()
    for seq in range(1, 6):
        assert [type(a) for a in pump.frame(seq, timestamp_frame=at(0))] == [Forward]
    aborts(pump.text(pump.client.meta(6, timestamp_frame=at(0.199))), "limit_fps_exceeded")


def test_the_defaults_allow_a_whole_capture_at_full_rate() -> None:
    assert LIMITS.max_frames == 1815
    pump = Pump().opened().frames(1800)
    (action,) = pump.text(pump.client.close(120.0))
    assert isinstance(action, Complete) and pump.protocol.frames == 1800


# --- frames that are no JPEG ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [b"not a jpeg", jpeg()[2:], jpeg()[:-2], b"\xff\xd8\xff\xd9", jpeg(48, 64), jpeg(64, 40), b"\x89PNG" + jpeg()],
    ids=["text", "no SOI", "no EOI", "empty", "turned", "smaller", "png head"],
)
def test_a_payload_that_is_not_the_declared_jpeg_aborts(payload: bytes) -> None:
    aborts(Pump().opened().frame(1, payload), "invalid_frame")


def test_an_image_over_the_resolution_limit_aborts_whatever_was_declared() -> None:
    big = jpeg(656, 480)
    aborts(Pump(max_frame_bytes=1_000_000).opened(width=640, height=480).frame(1, big), "limit_resolution_exceeded")


# --- time-outs -----------------------------------------------------------------------------------------


def test_a_client_that_never_opens_is_closed() -> None:
    pump = Pump()
    assert pump.tick(9.9) == ()
    refuses(pump.tick(0.1), "open_timeout")


def test_bytes_that_do_not_follow_their_meta_abort_after_two_seconds() -> None:
    pump = Pump().opened()
    pump.text(pump.client.meta(1))
    assert pump.tick(1.9) == ()
    aborts(pump.tick(0.1), "protocol_violation")


def test_a_client_that_sends_no_frame_for_five_seconds_is_aborted() -> None:
    pump = Pump(recheck_s=1000).opened().frames(1)
    assert pump.tick(4.9) == ()
    aborts(pump.tick(0.1), "protocol_violation")


def test_a_frame_restarts_the_idle_clock() -> None:
    pump = Pump(recheck_s=1000).opened()
    for _ in range(5):
        assert pump.tick(4.0) == ()
        pump.frames(1)


def test_nothing_times_out_within_the_limits() -> None:
    pump = Pump(recheck_s=1000).opened().frames(1)
    assert pump.tick(1.0) == ()
    assert pump.protocol.state is State.ACTIVE


def test_while_the_capture_is_being_opened_no_clock_runs() -> None:
    pump = Pump()
    pump.text(pump.client.open())
    assert pump.tick(500) == ()


# --- held back -----------------------------------------------------------------------------------------


def test_the_idle_clock_stands_still_while_the_capture_is_held_back() -> None:
    pump = Pump(recheck_s=1000).opened(held=True)
    assert pump.tick(30) == ()
    pump.protocol.held(False, pump.now)
    assert pump.tick(4.9) == ()
    aborts(pump.tick(0.1), "protocol_violation")


def test_the_ingest_clock_stands_still_while_the_capture_is_held_back() -> None:
    pump = Pump(idle_timeout_s=1000, recheck_s=10_000).opened(held=True)
    assert pump.tick(50) == ()
    pump.protocol.held(False, pump.now)
    assert pump.tick(124.9) == ()
    aborts(pump.tick(0.1), "limit_duration_exceeded")


def test_the_clocks_stand_still_for_max_wait_at_most_and_then_forward_failed_ends_the_capture() -> None:
    pump = Pump(recheck_s=1000, max_wait_s=60).opened(held=True)
    assert pump.tick(64.9) == ()
    aborts(pump.tick(0.1), "limit_forward_buffer_exceeded")


def test_the_time_held_back_adds_up() -> None:
    pump = Pump(recheck_s=1000, max_wait_s=10).opened(held=True)
    for _ in range(3):
        pump.now += 4
        pump.protocol.held(False, pump.now)
        pump.frames(1)
        pump.protocol.held(True, pump.now)
    assert pump.tick(4.9) == ()
    aborts(pump.tick(0.1), "limit_forward_buffer_exceeded")


def test_bytes_are_due_in_time_even_while_the_capture_is_held_back() -> None:
    pump = Pump().opened(held=True)
    pump.text(pump.client.meta(1))
    aborts(pump.tick(2.0), "protocol_violation")


# --- session recheck -----------------------------------------------------------------------------------


def test_the_session_is_checked_again_every_five_seconds() -> None:
    pump = Pump(idle_timeout_s=1000).opened()
    assert pump.tick(4.9) == ()
    assert pump.tick(0.1) == (CheckSession(),)
    assert pump.tick(4.9) == ()
    assert pump.tick(0.1) == (CheckSession(),)


@pytest.mark.parametrize("status", ["session_invalid", "session_closed", "consent_withdrawn"])
def test_a_session_that_ended_aborts_its_capture(status: str) -> None:
    pump = Pump().opened().frames(1)
    aborts(pump.protocol.session_checked(status), status)


def test_a_session_that_is_still_open_changes_nothing() -> None:
    pump = Pump().opened().frames(1)
    assert pump.protocol.session_checked("active") == ()
    assert pump.protocol.state is State.ACTIVE


# --- ends from outside ---------------------------------------------------------------------------------


def test_shutdown_aborts_an_active_capture_with_1012() -> None:
    assert Pump().opened().protocol.fail("server_shutdown") == (
        Finish("server_shutdown", 1012, sends_abort=True, opened=True),
    )


def test_shutdown_closes_an_idle_connection_with_1012() -> None:
    assert Pump().protocol.fail("server_shutdown") == (
        Finish("server_shutdown", 1012, sends_abort=False, opened=False),
    )


def test_a_client_that_is_gone_gets_no_message_and_its_capture_ends() -> None:
    gone = Pump().opened().frames(1).protocol.disconnected()
    assert gone == (Finish("client_disconnected", 1000, sends_abort=False, opened=True),)


@pytest.mark.parametrize(
    "code", ["forward_failed", "extraction_failed", "gateway_lost", "limit_forward_buffer_exceeded"]
)
def test_a_fault_downstream_aborts_the_capture_with_its_code(code: Any) -> None:
    aborts(Pump().opened().frames(1).protocol.fail(code), code)


# --- the happy path ------------------------------------------------------------------------------------


def test_open_frames_close_forwards_every_frame_in_order_and_completes() -> None:
    pump = Pump().opened()
    items = [action.item for seq in range(1, 46) for action in pump.frame(seq) if isinstance(action, Forward)]
    assert [item.seq for item in items] == list(range(1, 46))
    assert pump.text(pump.client.close(3.0)) == (Complete(START.replace(second=3)),)
    assert pump.protocol.frames == 45


def test_a_close_that_fails_ends_the_capture_with_the_code_of_the_failure() -> None:
    protocol = Pump().opened().protocol
    assert protocol.incomplete("forward_failed") == Finish("forward_failed", 1000, sends_abort=True, opened=True)
    assert protocol.incomplete("server_shutdown") == Finish("server_shutdown", 1012, sends_abort=True, opened=True)
    assert protocol.incomplete("internal_error") == Finish("internal_error", 1011, sends_abort=False, opened=True)
