"""One connection that one thread keeps for itself: frames come and go over it whole, and its end is told once."""

from __future__ import annotations

import pytest

from contracts.broker.keys import live_inbox, live_outbox
from contracts.broker.own_connection import OwnConnection
from contracts.broker.script import run_sync
from contracts.rules.errors import BrokerUnavailable
from contracts.state import live
from contracts.state.live import Answer, LiveFrame
from tests.conftest import BrokerPair


def test_frames_are_read_in_order_answered_and_deleted(brokers: BrokerPair, unique: str) -> None:
    inbox = live_inbox(unique)
    sent = [LiveFrame("a", index, "pose", unique, b"\x00\xff\r\n" * 1000) for index in range(3)]
    with brokers.frames.client() as frames:
        own = OwnConnection(frames)
        assert own.entries(inbox, b"0-0", 2, 1) == own.entries(inbox, b"0-0", 2, None) == []
        for frame in sent:
            run_sync(frames, live.put_frame(unique, frame))
        frames.script_flush()  # a broker that restarted knows no script
        first = own.entries(inbox, b"0-0", 2, 1)
        rest = own.entries(inbox, first[-1][0], 2, None)
        assert [LiveFrame.decode(fields) for _, fields in first + rest] == sent
        for frame, (entry_id, _) in zip(sent, first + rest, strict=True):
            answer = Answer("a", frame.frame_index, b"{}")
            own.run_together(live.put_answer(unique, answer), live.drop(inbox, [entry_id]))
        assert not frames.exists(inbox)
        assert frames.xlen(live_outbox(unique)) == 3


def test_a_lost_connection_is_told_once_and_then_there_is_another(own_brokers: BrokerPair, unique: str) -> None:
    with own_brokers.frames.client() as frames, own_brokers.frames.client() as its_own:
        own = OwnConnection(its_own)
        assert own.entries(live_inbox(unique), b"0-0", 1, 1) == []
        run_sync(frames, live.put_frame(unique, LiveFrame("a", 0, "pose", unique, b"x")))
        frames.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(BrokerUnavailable):
            own.entries(live_inbox(unique), b"0-0", 1, 1)
        assert len(own.entries(live_inbox(unique), b"0-0", 1, 1)) == 1
