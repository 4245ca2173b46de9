"""Which frames the gateway no longer sends to any worker."""

from __future__ import annotations

from gateway.live import suspect_frames
from gateway.live.suspect_frames import MAX_CRASHES, SuspectFrames


def test_only_a_frame_with_which_two_workers_ended_is_refused() -> None:
    seen = SuspectFrames()
    assert not seen.is_refused(b"killer")
    for times in range(1, MAX_CRASHES + 1):
        seen.add(b"killer")
        assert seen.is_refused(b"killer") == (times == MAX_CRASHES)
    assert not seen.is_refused(b"another")


def test_only_the_latest_thousand_frames_are_remembered() -> None:
    seen = SuspectFrames()
    for number in range(suspect_frames._REMEMBERED + 1):
        for _ in range(MAX_CRASHES):
            seen.add(b"%d" % number)
    assert len(seen._counts) == suspect_frames._REMEMBERED
    assert not seen.is_refused(b"0") and seen.is_refused(b"1")
