"""The capture protocol against an independent model, in generated sequences of steps."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.rules.codes import CAPTURE_CODES
from gateway.capture.actions import Complete, Finish
from gateway.capture.protocol import CaptureProtocol, State
from tests.attack.jpegs import picture
from tests.attack.model import GRACE_S, LIMITS, Model, Watched
from tests.support.messages import START, Client, at

RIGHT = picture(64, 48)
PICTURES = {
    "right": RIGHT, "progressive": picture(64, 48, progressive=True),
    "as long as allowed": picture(64, 48, size_bytes=2500),
    "large": picture(64, 48, size_bytes=1200), "too long": picture(64, 48, size_bytes=2501), "turned": picture(48, 64),
    "too wide": picture(72, 48), "without its end": RIGHT[:-2], "with a tail": RIGHT + b"tail",
    "cut": RIGHT[:300] + b"\xff\xd9", "markers alone": b"\xff\xd8\xff\xd9", "text": b"no picture", "empty": b"",
}  # fmt: skip
pictures = st.sampled_from(["right"] * 12 + list(PICTURES))
NONSENSE = ("", "{", "[1]", "null", "\ud800", '{"event":"capture.open"}', "x" * 70_000, "[" * 9000)
seldom = st.integers(0, 11).map(lambda number: number == 0)
alive = precondition(lambda self: self.model.state != "ended")
active = precondition(lambda self: self.model.state == "active")


class CaptureMachine(RuleBasedStateMachine):
    """Run each step in the protocol and in the model: the protocol's code must be one that the model allows.

    Most connections begin honestly, because a random sequence would end at its first steps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connect()

    def connect(self) -> None:
        self.now = 1000.0
        self.protocol = CaptureProtocol(LIMITS, self.now)
        self.watched = Watched()
        self.model = Model()
        self.client = Client(fps=10)
        self.held, self.held_s, self.announced_at = False, 0.0, 0.0
        self.opened_at = self.meta_at = self.connected_at = self.now

    # --- checking a step -----------------------------------------------------------------------

    def judge(self, actions: tuple[Any, ...], right: set[str]) -> bool:
        """Check the result of a step; returns whether the protocol accepted it."""
        ending = self.watched.take(actions)
        if right:
            assert isinstance(ending, Finish), f"{right} was due, nothing ended"
            assert ending.code in right
            self.model.state = "ended"
            return False
        assert not isinstance(ending, Finish), f"{ending} although nothing was broken"
        return True

    def text(self, text: str, record_id: str, right: set[str]) -> bool:
        right = right | self.model.on_text(record_id)
        taken = self.judge(self.protocol.receive(text, self.now), right)
        self.model.record_ids.add(record_id)
        return taken

    def record_id(self, repeated: bool) -> str:
        return sorted(self.model.record_ids)[0] if repeated and self.model.record_ids else str(uuid.uuid4())

    # --- what a client does -------------------------------------------------------------------------

    @precondition(lambda self: self.model.state == "idle")
    @rule(
        frames=st.sampled_from([0, 1, 4, 9, 10, 12, 12]), step_ms=st.sampled_from([100, 100, 60, 200, 350]),
        picture=st.sampled_from(["right", "right", "large"]),
    )  # fmt: skip
    def begin_honestly(self, frames: int, step_ms: int, picture: str) -> None:
        self.open(10, (64, 48))
        self.opened()
        while frames and self.model.state == "active":
            self.meta(skipped=0, step_ms=step_ms, picture=picture, repeated=False, changed=False)
            if self.model.state == "active":
                self.bytes_of(picture)
            frames -= 1

    @precondition(lambda self: self.model.state == "idle" or (self.model.state != "ended" and self.model.frames == 1))
    @rule(
        fps=st.sampled_from([1, 10, 10, 10, 11]),
        size=st.sampled_from([(64, 48)] * 5 + [(48, 64), (65, 48), (64, 49), (9999, 1)]),
    )
    def open(self, fps: int, size: tuple[int, int]) -> None:
        right = self.model.on_open(fps, *size)
        text = self.client.open(fps_target=fps, width=size[0], height=size[1])
        if self.text(text, self.client.record_id, right):
            self.model.state, self.model.fps, self.model.size, self.model.start = "opening", fps, size, START

    @alive
    @rule(
        skipped=st.sampled_from([0] * 12 + [-1, 1]), step_ms=st.sampled_from([100] * 8 + [0, 60, 1000, -1, 5000]),
        picture=pictures, repeated=seldom, changed=seldom,
    )  # fmt: skip
    def meta(self, skipped: int, step_ms: int, picture: str, repeated: bool, changed: bool) -> None:
        moment = (self.model.last or START) + timedelta(milliseconds=step_ms)
        seq, byte_length = max(1, self.model.frames + 1 + skipped), max(1, len(PICTURES[picture]))
        right = self.model.on_meta(seq, moment, byte_length, changed)
        record_id = self.record_id(repeated)
        changes: dict[str, Any] = {
            "record_id": record_id,
            "timestamp_frame": at((moment - START) / timedelta(seconds=1)),
        }
        changes |= {"user_id": "another-user"} if changed else {}
        if self.text(self.client.meta(seq, byte_length, **changes), record_id, right):
            self.model.announced = moment, byte_length
            self.meta_at = self.announced_at = self.now

    @alive
    @rule(picture=pictures)
    def bytes_of(self, picture: str) -> None:
        self.payload(PICTURES[picture])

    def payload(self, payload: bytes) -> None:
        right = self.model.on_bytes(payload)
        if self.judge(self.protocol.receive(payload, self.now), right):
            self.model.last, byte_length = cast(Any, self.model.announced)
            self.model.announced = None
            self.model.frames += 1
            self.model.total_bytes += byte_length

    @precondition(lambda self: self.model.state != "ended" and self.model.announced is not None)
    @rule(picture=pictures)
    def other_bytes_of_that_length(self, picture: str) -> None:
        length = cast(Any, self.model.announced)[1]
        self.payload(PICTURES[picture][:length].ljust(length, b"\xd9"))

    @active
    @rule(ms=st.sampled_from([-1, 0, 999, 1000, 1200, 3999, 4000, 4001]), repeated=seldom, changed=seldom)
    def close(self, ms: int, repeated: bool, changed: bool) -> None:
        right = self.model.on_close(START + timedelta(milliseconds=ms), changed)
        record_id = self.record_id(repeated)
        changes: dict[str, Any] = {"record_id": record_id}
        changes |= {"session_id": "sess_ffffffffffffffff"} if changed else {}
        if self.text(self.client.close(ms / 1000, **changes), record_id, right):
            assert isinstance(self.watched.ending, Complete)
            self.model.state = "ended"

    # --- what the endpoint does ---------------------------------------------------------------------

    @alive
    @rule()
    def opened(self) -> None:
        assert self.protocol.opened(self.now) == ()
        if self.model.state == "opening":
            self.model.state, self.held, self.held_s = "active", True, 0.0
            self.opened_at = self.meta_at = self.now

    @active
    @rule(held=st.booleans())
    def hold(self, held: bool) -> None:
        assert self.protocol.held(held, self.now) == ()
        self.held = held

    @active
    @rule(
        status=st.sampled_from(["active"] * 6 + ["session_closed", "consent_withdrawn", "session_invalid", "anything"])
    )
    def session_checked(self, status: str) -> None:
        code = status if status in ("session_closed", "consent_withdrawn") else "session_invalid"
        self.judge(self.protocol.session_checked(status), set() if status == "active" else {code})

    @alive
    @rule(seconds=st.sampled_from([0.05, 0.2, 0.5, 0.99, 1.0, 1.9, 2.5, 4.9]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.held_s += seconds if self.held else 0.0
        ending = self.watched.take(self.protocol.tick(self.now))
        assert not isinstance(ending, Complete)
        if ending is not None:
            self.assert_time_was_up(ending)
            self.model.state = "ended"
        else:
            self.assert_time_was_not_up()

    @active
    @rule(frames=st.integers(1, 4), seconds=st.sampled_from([0.5, 1.9]), held=st.booleans())
    def slow_frames(self, frames: int, seconds: float, held: bool) -> None:
        """A client that is never idle but slow."""
        for _ in range(frames):
            for step in (
                lambda: self.hold(held),
                lambda: self.meta(skipped=0, step_ms=100, picture="right", repeated=False, changed=False),
                lambda: self.payload(RIGHT),
                lambda: self.tick(seconds),
            ):
                if self.model.state == "active":
                    step()

    def assert_time_was_up(self, ending: Finish) -> None:
        """No time-out comes early."""
        state, slack_s = self.model.state, 1e-6
        match ending.code:
            case "open_timeout":
                assert state == "idle" and self.now - self.connected_at >= LIMITS.open_timeout_s - slack_s
            case "limit_duration_exceeded":
                assert self.now - self.opened_at >= LIMITS.max_duration_s + GRACE_S - slack_s
            case "protocol_violation" if self.model.announced:
                assert self.now - self.announced_at >= LIMITS.meta_timeout_s - slack_s
            case "protocol_violation":
                assert self.now - self.meta_at >= LIMITS.idle_timeout_s - slack_s
            case "limit_forward_buffer_exceeded":
                assert self.held and self.held_s >= LIMITS.max_wait_s - slack_s
            case other:
                raise AssertionError(f"{other} although only time passed")

    def assert_time_was_not_up(self) -> None:
        """Every time-out comes, at the latest after ``max_wait_s`` of standing still."""
        slack_s = 1e-6
        stood_s = min(self.held_s, LIMITS.max_wait_s) + slack_s
        if self.model.state == "idle":
            assert self.now - self.connected_at < LIMITS.open_timeout_s + slack_s
        if self.model.state == "active":
            assert self.now - self.opened_at < LIMITS.max_duration_s + GRACE_S + stood_s
            if self.model.announced:
                assert self.now - self.announced_at < LIMITS.meta_timeout_s + slack_s
            else:
                assert self.now - self.meta_at < LIMITS.idle_timeout_s + stood_s

    # --- how it ends --------------------------------------------------------------------------------

    @alive
    @rule(code=st.sampled_from(sorted(CAPTURE_CODES)), nonsense=st.sampled_from(NONSENSE), how=st.integers(0, 2))
    def end_otherwise(self, code: Any, nonsense: str, how: int) -> None:
        if how == 0 and self.model.state != "idle":
            self.judge(self.protocol.fail(code), {code})
        elif how == 1:
            due = {"protocol_violation"} if self.model.announced else {"invalid_json", "schema_error"}
            self.judge(self.protocol.receive(nonsense, self.now), due)
        else:
            self.judge(self.protocol.disconnected(), {"client_disconnected"})

    @precondition(lambda self: self.model.state == "ended")
    @rule(code=st.sampled_from(sorted(CAPTURE_CODES)))
    def nothing_comes_after_the_end(self, code: Any) -> None:
        protocol = self.protocol
        late = (
            protocol.receive(self.client.open(), self.now), protocol.receive("{", self.now),
            protocol.receive(RIGHT, self.now), protocol.opened(self.now), protocol.held(False, self.now),
            protocol.session_checked("session_closed"), protocol.tick(self.now + 999), protocol.fail(code),
            protocol.receive(self.client.close(), self.now), protocol.disconnected(),
        )  # fmt: skip
        assert not any(late)
        self.connect()

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        assert (self.protocol.state is State.ENDED) == (self.model.state == "ended")
        assert len(self.watched.forwarded) == self.protocol.frames == self.model.frames


TestCaptureMachine = CaptureMachine.TestCase
