"""The rule that says when a client may send the next frame."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.messages.capture import CaptureProgress, Found
from scripts.client.pace import Pace, StreamState


def at(sent: int, **progress: Any) -> StreamState:
    said: dict[str, Any] = {
        "status": "extracting",
        "accepted": sent,
        "extracted": sent,
        "backlog": 0,
        "slow_down": False,
    } | progress
    return StreamState(sent, progress=CaptureProgress(capture_id="c", found=Found(), **said))


@pytest.mark.parametrize(
    ("state", "waited_s", "since_sent_s", "allowed"),
    [
        (StreamState(), 0, 0, False),  # the gateway has not said that the capture is open
        (StreamState(), 100, 100, False),
        (at(0), 0, 0, True),
        (at(10), 0, 0, True),
        (at(10, slow_down=True), 0, 100, False),
        (at(50, accepted=21), 0, 0, True),
        (at(50, accepted=20), 0, 0, False),  # as far as the client knows, 30 frames are on their way
        (at(0, status="waiting"), 30, 30, False),
        (at(0, status="waiting"), 41, 41, True),  # the capture has no extractor yet
        (at(1, status="waiting"), 43, 1.5, False),
        (at(1, status="waiting"), 43, 2.5, True),
    ],
)
def test_frames_go_while_the_stream_is_at_most_half_full(
    state: StreamState, waited_s: float, since_sent_s: float, allowed: bool
) -> None:
    assert Pace().allows(state, waited_s=waited_s, since_sent_s=since_sent_s) is allowed


def test_a_shorter_backlog_may_be_asked_for() -> None:
    pace = Pace(backlog_frames=20)
    assert pace.allows(at(40, extracted=21), waited_s=0, since_sent_s=0)
    assert not pace.allows(at(40, extracted=20), waited_s=0, since_sent_s=0)
