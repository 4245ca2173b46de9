"""The gateway's steps in the frames role, rule by rule: open, push, watch, end. Each on fakeredis, Valkey and Redis."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.rules.limits import CaptureLimits
from contracts.state.captures import ENDED_TTL_S, Watch, watch
from contracts.state.frame import PushReply, TerminalEntry, decode_entry, push_frame
from tests.contracts.scripting import CLOSE, ScriptedCapture, frame, lives

ABORT = TerminalEntry("abort", error_code="client_disconnected")


@pytest.fixture
def opened(capture: ScriptedCapture) -> ScriptedCapture:
    """An open capture."""
    assert capture.open()
    return capture


# --- open ----------------------------------------------------------------------------------------------


def test_open_creates_the_state_and_nothing_else(capture: ScriptedCapture) -> None:
    assert capture.open()
    state = capture.state()
    assert state.pop("open") == capture.window.model_dump_json(exclude_none=True)
    assert state.pop("last_entry_ms") == state.pop("touched_ms")
    counts = {"accepted": "0", "bytes": "0", "backlog_bytes": "0", "extracted": "0"}
    assert state == {"status": "open", "format": "2", **counts}
    assert lives(capture) == ("open", "none", "none")


def test_open_repeated_is_done_already_and_changes_nothing(opened: ScriptedCapture) -> None:
    opened.push(1)
    before = opened.state()
    assert opened.open()
    assert opened.state() == before


def test_open_of_an_id_that_another_capture_has_is_refused_and_changes_nothing(opened: ScriptedCapture) -> None:
    before = opened.state()
    other = ScriptedCapture(opened.backend, opened.capture_id)
    assert other.window != opened.window
    assert not other.open()
    assert opened.state() == before


# --- push ----------------------------------------------------------------------------------------------


def test_frames_stand_in_the_stream_in_order_and_whole(opened: ScriptedCapture) -> None:
    assert opened.push(1, b"one") == PushReply(depth=1, backlog_bytes=3)
    assert opened.push(2, b"three") == PushReply(depth=2, backlog_bytes=8)
    assert opened.entries() == ["1-0", "2-0"]
    [_, (_, fields)] = opened.backend.frames.xrange(opened.keys.frames)  # type: ignore[misc]
    assert decode_entry(fields) == frame(opened.capture_id, 2, b"three")
    state = opened.state()
    assert (state["accepted"], state["bytes"], state["backlog_bytes"]) == ("2", "8", "8")


def test_a_push_is_a_heartbeat_of_the_gateway(opened: ScriptedCapture) -> None:
    opened.backend.frames.hset(opened.keys.state, mapping={"touched_ms": 1, "last_entry_ms": 1})
    opened.push(1)
    state = opened.state()
    assert int(state["touched_ms"]) == int(state["last_entry_ms"]) > 1


def test_push_keeps_state_and_frames_for_as_long_as_an_open_capture_lives(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.forget_ttls()
    opened.push(2)
    assert lives(opened) == ("open", "open", "none")


def test_a_repeated_push_is_done_already_and_changes_nothing(opened: ScriptedCapture) -> None:
    opened.push(1)
    first = opened.push(2)
    before = opened.state()
    assert opened.push(2) == first
    assert opened.state() == before
    assert opened.entries() == ["1-0", "2-0"]


def test_a_repeated_push_is_done_already_also_when_the_stream_is_full_or_the_frame_extracted(
    opened: ScriptedCapture,
) -> None:
    opened.limits = CaptureLimits(stream_max_frames=1)
    first = opened.push(1)
    assert opened.push(1) == first
    opened.row(opened.claimed().token, 1)
    again = opened.push(1)
    assert (again.full, again.conflict, again.gone, again.depth, again.extracted) == (False, False, "", 0, 1)
    assert opened.entries() == []


def test_a_seq_that_was_taken_with_another_size_is_a_conflict(opened: ScriptedCapture) -> None:
    opened.push(1, b"one")
    before = opened.state()
    assert opened.push(1, b"other").conflict
    assert (opened.state(), opened.entries()) == (before, ["1-0"])


def test_a_seq_that_was_taken_with_another_time_is_a_conflict(opened: ScriptedCapture) -> None:
    opened.push(1)
    item = frame(opened.capture_id, 1)
    later = item._replace(timestamp_frame=item.timestamp_frame + timedelta(milliseconds=1))
    assert opened.backend.run(push_frame(later, opened.limits)).conflict
    assert opened.entries() == ["1-0"]


@pytest.mark.parametrize("seq", [-1, 0, 1, 2, 5])
def test_a_seq_out_of_order_is_a_conflict_and_changes_nothing(opened: ScriptedCapture, seq: int) -> None:
    for taken in (1, 2, 3):
        opened.push(taken)
    before = opened.state()
    assert opened.push(seq).conflict
    assert (opened.state(), opened.entries()) == (before, ["1-0", "2-0", "3-0"])


@pytest.mark.parametrize("seq", [0, 2])
def test_the_first_seq_is_one(opened: ScriptedCapture, seq: int) -> None:
    assert opened.push(seq).conflict
    assert opened.entries() == []


def test_a_stream_with_its_number_of_frames_takes_none_until_one_is_extracted(opened: ScriptedCapture) -> None:
    opened.limits = CaptureLimits(stream_max_frames=2)
    opened.push(1)
    opened.push(2)
    before = opened.state()
    assert opened.push(3).full
    assert (opened.state(), opened.entries()) == (before, ["1-0", "2-0"])
    opened.row(opened.claimed().token, 1)
    assert not opened.push(3).full
    assert opened.entries() == ["2-0", "3-0"]


def test_a_stream_with_its_number_of_bytes_takes_none_until_one_is_extracted(opened: ScriptedCapture) -> None:
    opened.limits = CaptureLimits(stream_max_bytes=25)
    opened.push(1, bytes(10))
    assert opened.push(2, bytes(15)).backlog_bytes == 25  # exactly as many as allowed
    before = opened.state()
    assert opened.push(3, b"x").full
    assert (opened.state(), opened.entries()) == (before, ["1-0", "2-0"])
    opened.row(opened.claimed().token, 1, size=10)
    assert opened.push(3, b"x") == PushReply("", False, False, 2, 16, 1, True)


def test_a_single_frame_above_the_streams_bytes_is_taken_alone_and_not_full_for_ever(opened: ScriptedCapture) -> None:
    opened.limits = CaptureLimits(stream_max_bytes=10)
    assert opened.push(1, bytes(50)) == PushReply(depth=1, backlog_bytes=50)
    assert opened.push(2, b"x").full
    opened.row(opened.claimed().token, 1, size=50)
    assert not opened.push(2, bytes(50)).full


def test_a_push_returns_the_extracted_count_and_whether_an_extractor_has_the_capture(opened: ScriptedCapture) -> None:
    assert not opened.push(1).claimed
    token = opened.claimed().token
    assert opened.push(2) == PushReply("", False, False, 2, 20, 0, True)
    opened.row(token, 1)
    assert opened.push(3) == PushReply("", False, False, 2, 20, 1, True)


def test_after_its_close_a_capture_takes_no_frame(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.end()
    before = opened.state()
    assert opened.push(2) == PushReply(gone="protocol_violation")
    assert (opened.state(), opened.entries()) == (before, ["1-0", "2-0"])


def test_after_an_abort_a_push_returns_its_code(opened: ScriptedCapture) -> None:
    opened.abort("server_shutdown")
    assert opened.push(1) == PushReply(gone="server_shutdown")
    opened.backend.frames.hset(opened.keys.state, "status", "finished")
    assert opened.push(1) == PushReply(gone="server_shutdown")


def test_a_push_without_a_state_is_gone_and_creates_nothing(capture: ScriptedCapture) -> None:
    assert capture.push(1) == PushReply(gone="forward_failed")
    assert lives(capture) == ("none", "none", "none")


# --- watch ---------------------------------------------------------------------------------------------


def test_a_watch_returns_the_progress_of_the_capture(opened: ScriptedCapture) -> None:
    assert seen(opened) == Watch.at_open()
    for seq in (1, 2, 3):
        opened.push(seq)
    token = opened.claimed().token
    opened.row(token, 1, found={"pose": True, "face": True})
    opened.row(token, 2, found={"pose": True, "left_hand": True, "right_hand": False})
    now = seen(opened)
    assert (now.status, now.accepted, now.extracted, now.backlog_frames, now.claimed) == ("open", 3, 2, 1, True)
    assert now.backlog_bytes == 10
    assert now.found.model_dump() == {"pose": 2, "left_hand": 1, "right_hand": 0, "face": 1}


def test_a_watch_is_a_heartbeat_that_keeps_all_three_keys(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.push(2)
    opened.row(opened.claimed().token, 1)
    opened.forget_ttls()
    opened.untouched_for(5000)
    before = int(opened.state()["touched_ms"])
    seen(opened)
    assert int(opened.state()["touched_ms"]) > before
    assert lives(opened) == ("open", "open", "open")


@pytest.mark.parametrize("entry", [CLOSE, ABORT])
def test_watch_of_an_ended_capture_changes_nothing(opened: ScriptedCapture, entry: TerminalEntry) -> None:
    opened.push(1)
    opened.end(entry)
    opened.forget_ttls()
    before = opened.state()
    now = seen(opened)
    assert (now.status, now.error_code) == (before["status"], entry.error_code or "")
    assert now.backlog_frames == (1 if entry is CLOSE else 0)  # the terminal entry is no frame
    assert (opened.state(), lives(opened)) == (before, ("set by the test", "set by the test", "none"))


def test_watch_without_a_state_says_so_and_creates_nothing(capture: ScriptedCapture) -> None:
    assert capture.backend.run(watch(capture.capture_id)) is None
    assert lives(capture) == ("none", "none", "none")


def seen(capture: ScriptedCapture) -> Watch:
    answer = capture.backend.run(watch(capture.capture_id))
    assert answer is not None
    return answer


# --- end -----------------------------------------------------------------------------------------------


def test_a_close_keeps_rows_as_long_as_frames_for_an_extractor_that_is_still_to_come(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.push(2)
    opened.row(opened.claimed().token, 1)
    opened.forget_ttls()
    opened.end(CLOSE)
    assert all(ENDED_TTL_S - 60 < left_s <= ENDED_TTL_S for left_s in opened.ttls())


def test_a_close_is_the_next_entry_and_keeps_the_frames(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.push(2)
    assert opened.end() == ("closed", "")
    assert opened.entries() == ["1-0", "2-0", "3-0"]
    assert last_entry(opened) == CLOSE
    assert opened.state()["status"] == "closed"
    assert "error_code" not in opened.state()


def test_an_abort_drops_the_frames(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.push(2)
    assert opened.end(ABORT) == ("aborted", "client_disconnected")
    assert opened.entries() == ["3-0"]
    assert last_entry(opened) == ABORT
    state = opened.state()
    assert (state["status"], state["error_code"]) == ("aborted", "client_disconnected")


@pytest.mark.parametrize("entry", [CLOSE, ABORT])
def test_a_capture_without_frames_can_end(opened: ScriptedCapture, entry: TerminalEntry) -> None:
    opened.end(entry)
    assert opened.entries() == ["1-0"]


@pytest.mark.parametrize("entry", [CLOSE, ABORT])
def test_an_ended_capture_waits_an_hour_for_an_extractor(opened: ScriptedCapture, entry: TerminalEntry) -> None:
    opened.push(1)
    opened.end(entry)
    assert lives(opened) == ("ended", "ended", "none")


def test_an_end_is_accepted_even_if_the_stream_is_full(opened: ScriptedCapture) -> None:
    opened.limits = CaptureLimits(stream_max_frames=1, stream_max_bytes=1)
    opened.push(1)
    assert opened.push(2).full
    assert opened.end() == ("closed", "")
    assert opened.entries() == ["1-0", "2-0"]


@pytest.mark.parametrize(
    ("first", "then", "stands"),
    [
        (CLOSE, CLOSE, ("closed", "")),
        (CLOSE, ABORT, ("closed", "")),
        (ABORT, ABORT, ("aborted", "client_disconnected")),
        (ABORT, CLOSE, ("aborted", "client_disconnected")),
        (ABORT, TerminalEntry("abort", error_code="gateway_lost"), ("aborted", "client_disconnected")),
    ],
)
def test_the_first_end_is_kept(
    opened: ScriptedCapture, first: TerminalEntry, then: TerminalEntry, stands: tuple[str, str]
) -> None:
    opened.push(1)
    opened.end(first)
    state, entries = opened.state(), opened.entries()
    assert opened.end(then) == stands
    assert (opened.state(), opened.entries()) == (state, entries)
    assert last_entry(opened) == first


def test_the_end_of_a_finished_capture_returns_that_it_is_finished(opened: ScriptedCapture) -> None:
    opened.end()
    opened.backend.frames.hset(opened.keys.state, "status", "finished")
    assert opened.end(ABORT) == ("finished", "")


def test_an_abort_is_not_stopped_by_a_stray_entry(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.backend.frames.xadd(opened.keys.frames, {"who": "knows"}, id="999-0")
    assert opened.end(ABORT) == ("aborted", "client_disconnected")
    assert opened.entries() == ["2-0"]


def test_the_end_without_a_state_is_gone_and_creates_nothing(capture: ScriptedCapture) -> None:
    assert capture.end() == ("gone", "")
    assert capture.end(ABORT) == ("gone", "")
    assert capture.end(ABORT, idle_ms=10) == ("gone", "")
    assert lives(capture) == ("none", "none", "none")


def test_the_idle_rule_spares_a_capture_whose_gateway_sent_a_heartbeat(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.untouched_for(1000)
    before = opened.state()
    assert opened.end(ABORT, idle_ms=1_000_000) == ("busy", "")
    assert (opened.state(), opened.entries()) == (before, ["1-0"])


def test_the_idle_rule_ends_a_capture_whose_gateway_is_silent(opened: ScriptedCapture) -> None:
    opened.push(1)
    opened.untouched_for(10_000)
    assert opened.end(ABORT, idle_ms=10_000) == ("aborted", "client_disconnected")
    assert opened.entries() == ["2-0"]


def test_a_watch_counts_as_a_heartbeat_for_the_idle_rule(opened: ScriptedCapture) -> None:
    opened.untouched_for(1_000_000)
    seen(opened)
    assert opened.end(ABORT, idle_ms=900_000) == ("busy", "")


def test_the_idle_rule_does_not_replace_an_end(opened: ScriptedCapture) -> None:
    opened.end()
    assert opened.end(ABORT, idle_ms=1_000_000) == ("closed", "")


def last_entry(capture: ScriptedCapture) -> object:
    [(_, fields)] = capture.backend.frames.xrevrange(capture.keys.frames, count=1)  # type: ignore[misc]
    return decode_entry(fields)
