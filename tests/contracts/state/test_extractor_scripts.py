"""The extractor's steps in the frames role, rule by rule. Each on fakeredis, Valkey and Redis."""

from __future__ import annotations

import pytest

from contracts.broker import keys
from contracts.broker.roles import ensure_group_sync
from contracts.broker.script import Call
from contracts.rules.landmarks import Row
from contracts.state import captures, heartbeats
from contracts.state.frame import PushReply, TerminalEntry
from tests.contracts.scripting import Backend, ScriptedCapture, lives, row_of

ABORT = TerminalEntry("abort", error_code="client_disconnected")


@pytest.fixture
def three(capture: ScriptedCapture) -> ScriptedCapture:
    """An open capture with three frames of ten bytes."""
    assert capture.open()
    for seq in (1, 2, 3):
        capture.push(seq)
    return capture


def owner_steps(capture: ScriptedCapture, token: str) -> list[Call[bool]]:
    """The steps that only the owner of a capture may do."""
    capture_id = capture.capture_id
    return [
        captures.row(capture_id, token, 1, row_of(1), 10, restart=True, found={"pose": True}),
        captures.heartbeat(capture_id, token),
        captures.hand_back(capture_id, token),
        captures.finish_capture(capture_id, token),
    ]


# --- claim ---------------------------------------------------------------------------------------------


def test_a_claim_hands_out_what_is_needed_to_begin(three: ScriptedCapture) -> None:
    state = three.claimed("7-0")
    assert state.window == three.window
    assert (state.token, state.generation, state.deliveries) == ("7-0/1", 1, 1)
    assert (state.status, state.error_code, state.accepted, state.extracted) == ("open", "", 3, 0)
    assert state.tracker_restarts == ()
    assert set(state.found.values()) == {0}


def test_a_claim_hands_out_what_is_needed_to_go_on(three: ScriptedCapture) -> None:
    three.row(three.claimed().token, 1, found={"pose": True, "face": True})
    token = three.claimed().token
    three.row(token, 2, restart=True, found={"pose": True})
    three.end(ABORT)
    state = three.claimed()
    assert (state.status, state.error_code, state.accepted, state.extracted) == ("aborted", "client_disconnected", 3, 2)
    assert (state.generation, state.deliveries, state.tracker_restarts) == (3, 3, (2,))
    assert state.found == {"pose": 2, "left_hand": 0, "right_hand": 0, "face": 1}


def test_each_claim_voids_the_token_before_it(three: ScriptedCapture) -> None:
    first, second = three.claimed(), three.claimed()
    assert (first.token, second.token) == ("1-0/1", "1-0/2")
    assert (second.generation, second.deliveries) == (2, 2)
    assert not three.row(first.token, 1)
    assert three.row(second.token, 1)


def test_a_second_dispatch_entry_gets_nothing_and_takes_nothing(three: ScriptedCapture) -> None:
    token = three.claimed("1-0").token
    before = three.state()
    assert three.claim("2-0") is None
    assert three.state() == before
    assert three.row(token, 1)


def test_a_finished_capture_is_gone_for_every_dispatch_entry(three: ScriptedCapture) -> None:
    three.backend.run(captures.finish_capture(three.capture_id, three.claimed().token))
    before = three.state()
    assert three.claim() is None
    assert three.state() == before


def test_a_capture_without_a_state_is_gone_and_a_claim_creates_nothing(capture: ScriptedCapture) -> None:
    assert capture.claim() is None
    assert lives(capture) == ("none", "none", "none")


@pytest.mark.parametrize(("entry", "life"), [(None, "open"), (TerminalEntry("abort", error_code="x"), "ended")])
def test_a_claim_keeps_all_three_keys(three: ScriptedCapture, entry: TerminalEntry | None, life: str) -> None:
    three.row(three.claimed().token, 1)
    if entry:
        three.end(entry)
    three.forget_ttls()
    three.claimed()
    assert lives(three) == (life, life, life)


# --- row -----------------------------------------------------------------------------------------------


def test_a_row_takes_the_place_of_its_frame(three: ScriptedCapture) -> None:
    assert three.row(three.claimed().token, 1)
    assert three.entries() == ["2-0", "3-0"]
    assert three.rows() == [1]
    stored = three.backend.frames.hget(three.keys.rows, "1")
    assert isinstance(stored, bytes)
    assert Row.unpack(stored) == row_of(1)
    state = three.state()
    assert (state["extracted"], state["backlog_bytes"], state["bytes"]) == ("1", "20", "30")


def test_a_row_counts_the_parts_that_were_found(three: ScriptedCapture) -> None:
    token = three.claimed().token
    three.row(token, 1, found={"pose": True, "left_hand": True, "right_hand": False, "face": False})
    three.row(token, 2, found={"pose": True, "right_hand": True})
    three.row(token, 3, found={"face": True})
    state = three.state()
    found = {part: state.get(f"found_{part}") for part in ("pose", "left_hand", "right_hand", "face")}
    assert found == {"pose": "2", "left_hand": "1", "right_hand": "1", "face": "1"}


def test_a_row_is_stored_once_and_counted_once(three: ScriptedCapture) -> None:
    token = three.claimed().token
    three.row(token, 1, found={"pose": True})
    before = three.state()
    other = captures.row(three.capture_id, token, 1, row_of(9), 10, restart=True, found={"pose": True})
    assert three.backend.run(other)
    assert three.state() == before
    assert Row.unpack(three.backend.frames.hget(three.keys.rows, "1")) == row_of(1)  # type: ignore[arg-type]


def test_a_row_after_a_takeover_of_a_frame_that_has_one_only_removes_the_frame(three: ScriptedCapture) -> None:
    three.row(three.claimed().token, 1)
    token = three.claimed().token
    assert three.row(token, 1, restart=True)
    assert "tracker_restarts" not in three.state()


def test_a_restart_is_noted_with_the_first_row_of_each_takeover(three: ScriptedCapture) -> None:
    three.row(three.claimed().token, 1)
    assert "tracker_restarts" not in three.state()
    second = three.claimed().token
    three.row(second, 2, restart=True)
    three.row(second, 2, restart=True)  # repeated, as after a lost reply
    assert three.state()["tracker_restarts"] == "2"
    three.row(three.claimed().token, 3, restart=True)
    assert three.claimed().tracker_restarts == (2, 3)


@pytest.mark.parametrize(("ended", "life"), [(False, "open"), (True, "ended")])
def test_a_row_keeps_all_three_keys(three: ScriptedCapture, ended: bool, life: str) -> None:
    token = three.claimed().token
    three.row(token, 1)
    if ended:
        three.end()
    three.forget_ttls()
    three.row(token, 2)
    assert lives(three) == (life, life, life)


def test_the_first_row_gets_a_ttl(three: ScriptedCapture) -> None:
    three.row(three.claimed().token, 1)
    assert lives(three) == ("open", "open", "open")


def test_the_rows_of_a_closed_capture_can_still_be_stored(three: ScriptedCapture) -> None:
    token = three.claimed().token
    three.end()
    for seq in (1, 2, 3):
        assert three.row(token, seq)
    assert (three.entries(), three.rows()) == (["4-0"], [1, 2, 3])


# --- steps of the owner -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(4), ids=["row", "heartbeat", "release", "finish"])
@pytest.mark.parametrize("token", ["", "1-0/2", "2-0/1", "1-0/0"])
def test_a_foreign_token_changes_nothing(three: ScriptedCapture, step: int, token: str) -> None:
    three.row(three.claimed("1-0").token, 3)
    three.forget_ttls()
    before = (three.state(), three.entries(), three.rows(), lives(three))
    assert three.backend.run(owner_steps(three, token)[step]) is False
    assert (three.state(), three.entries(), three.rows(), lives(three)) == before


@pytest.mark.parametrize("step", range(4), ids=["row", "heartbeat", "release", "finish"])
def test_a_token_that_was_handed_back_changes_nothing(three: ScriptedCapture, step: int) -> None:
    token = three.claimed().token
    assert three.backend.run(captures.hand_back(three.capture_id, token))
    three.forget_ttls()
    before = (three.state(), three.entries(), lives(three))
    assert three.backend.run(owner_steps(three, token)[step]) is False
    assert (three.state(), three.entries(), lives(three)) == before


@pytest.mark.parametrize("step", range(3), ids=["row", "heartbeat", "release"])
def test_without_a_state_the_capture_has_no_owner_and_no_key_is_created(capture: ScriptedCapture, step: int) -> None:
    assert capture.backend.run(owner_steps(capture, "1-0/1")[step]) is False
    assert lives(capture) == ("none", "none", "none")


# --- heartbeat -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ended", "life"), [(False, "open"), (True, "ended")])
def test_a_heartbeat_keeps_all_three_keys_and_changes_nothing_else(
    three: ScriptedCapture, ended: bool, life: str
) -> None:
    token = three.claimed().token
    three.row(token, 1)
    if ended:
        three.end()
    three.forget_ttls()
    before = three.state()
    assert three.backend.run(captures.heartbeat(three.capture_id, token))
    assert lives(three) == (life, life, life)
    assert three.state() == before  # only the gateway writes its heartbeat


# --- hand_back -------------------------------------------------------------------------------------------


def test_a_capture_that_was_handed_back_is_claimed_as_if_it_had_not_been_delivered(three: ScriptedCapture) -> None:
    for generation in (1, 2, 3):
        state = three.claimed()
        assert (state.generation, state.deliveries) == (generation, 1)
        assert three.backend.run(captures.hand_back(three.capture_id, state.token))


def test_a_repeated_hand_back_counts_once(three: ScriptedCapture) -> None:
    three.claimed()
    token = three.claimed().token
    assert three.backend.run(captures.hand_back(three.capture_id, token))
    assert not three.backend.run(captures.hand_back(three.capture_id, token))
    assert three.state()["deliveries"] == "1"


# --- finish --------------------------------------------------------------------------------------------


def test_finish_drops_everything_and_leaves_the_state_for_a_minute(three: ScriptedCapture) -> None:
    token = three.claimed().token
    three.row(token, 1)
    three.end()
    assert three.backend.run(captures.finish_capture(three.capture_id, token))
    assert lives(three) == ("open", "none", "none")
    assert three.state()["status"] == "finished"


def test_a_late_push_learns_why_the_capture_ended(three: ScriptedCapture) -> None:
    token = three.claimed().token
    three.abort("extraction_failed")
    three.backend.run(captures.finish_capture(three.capture_id, token))
    assert three.push(4) == PushReply(gone="extraction_failed")
    assert lives(three) == ("open", "none", "none")


def test_finish_may_be_repeated(three: ScriptedCapture) -> None:
    token = three.claimed().token
    three.end()
    for _ in range(2):
        assert three.backend.run(captures.finish_capture(three.capture_id, token))
    assert three.state()["status"] == "finished"


def test_finish_without_a_state_drops_what_is_left_over(capture: ScriptedCapture) -> None:
    capture.backend.frames.xadd(capture.keys.frames, {"left": "over"}, id="1-0")
    capture.backend.frames.hset(capture.keys.rows, "1", "row")
    assert capture.backend.run(captures.finish_capture(capture.capture_id, "1-0/1"))
    assert lives(capture) == ("none", "none", "none")


# --- acknowledge ---------------------------------------------------------------------------------------


def test_an_acknowledged_dispatch_entry_is_gone_from_stream_and_group(backend: Backend, unique: str) -> None:
    ensure_group_sync(backend.frames, "frames", keys.CAPTURES, keys.EXTRACTOR_GROUP)
    mine, other = (
        backend.frames.xadd(keys.CAPTURES, {"capture_id": f"{unique}-{n}"}).decode()  # type: ignore[union-attr]
        for n in range(2)
    )
    backend.frames.xreadgroup(keys.EXTRACTOR_GROUP, unique, {keys.CAPTURES: ">"})
    assert pending(backend, unique) == [mine, other]
    for _ in range(2):  # repeated, as after a lost reply
        backend.run(captures.acknowledge(mine))
        assert pending(backend, unique) == [other]
        assert backend.frames.xrange(keys.CAPTURES, mine, mine) == []
    assert backend.frames.xrange(keys.CAPTURES, other, other) != []


def pending(backend: Backend, consumer: str) -> list[str]:
    answer = backend.frames.xpending_range(keys.CAPTURES, keys.EXTRACTOR_GROUP, "-", "+", 10, consumer)
    return [entry["message_id"].decode() for entry in answer]  # type: ignore[union-attr]


# --- alive ---------------------------------------------------------------------------------------------


def seen_ms(backend: Backend, name: str) -> float | None:
    return backend.frames.zscore(keys.EXTRACTORS, name)  # type: ignore[return-value]


def now_ms(backend: Backend) -> int:
    seconds, microseconds = backend.frames.time()  # type: ignore[misc]
    return int(seconds) * 1000 + int(microseconds) // 1000


def test_an_extractor_is_listed_with_the_brokers_time(backend: Backend, unique: str) -> None:
    before = now_ms(backend)
    backend.run(heartbeats.alive(unique))
    assert before <= (seen_ms(backend, unique) or 0) <= now_ms(backend)
    backend.frames.zadd(keys.EXTRACTORS, {unique: before - 5000})
    backend.run(heartbeats.alive(unique))
    assert (seen_ms(backend, unique) or 0) >= before


def test_silent_extractors_are_forgotten_and_named_once(backend: Backend, unique: str) -> None:
    now = now_ms(backend)
    silent, quiet = f"{unique}-silent", f"{unique}-quiet"
    backend.frames.zadd(keys.EXTRACTORS, {silent: now - 60_000, quiet: now - 1000})
    assert silent in backend.run(heartbeats.alive(unique))
    assert seen_ms(backend, silent) is None
    assert seen_ms(backend, quiet) == now - 1000
    assert backend.run(heartbeats.alive(unique)) == []


def test_an_extractor_is_never_named_as_silent_to_itself(backend: Backend, unique: str) -> None:
    backend.frames.zadd(keys.EXTRACTORS, {unique: 1})
    assert unique not in backend.run(heartbeats.alive(unique))
    assert seen_ms(backend, unique) is not None
