"""Frames with which workers ended, and which go to no further worker."""

from __future__ import annotations

from gateway.live import strikes
from gateway.live.strikes import STRIKES, Strikes


def test_only_a_frame_with_which_two_workers_ended_is_refused() -> None:
    seen = Strikes()
    assert not seen.are_out(b"killer")
    for times in range(1, STRIKES + 1):
        seen.add(b"killer")
        assert seen.are_out(b"killer") == (times == STRIKES)
    assert not seen.are_out(b"another")


def test_few_frames_are_remembered_the_latest_ones() -> None:
    seen = Strikes()
    for number in range(strikes._REMEMBERED + 1):
        for _ in range(STRIKES):
            seen.add(b"%d" % number)
    assert len(seen._counts) == strikes._REMEMBERED
    assert not seen.are_out(b"0") and seen.are_out(b"1")
