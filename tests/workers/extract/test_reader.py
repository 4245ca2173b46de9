from __future__ import annotations

import pytest

from contracts.broker.keys import capture_keys
from contracts.rules.errors import BrokerUnavailable, StreamBroken
from contracts.state.frame import ForwardItem, TerminalEntry
from tests.workers.broker_capture import BrokerCapture
from workers.extract.reader import COUNT, FrameReader, RawEntry, in_order


def raw(capture: BrokerCapture, seq: int) -> RawEntry:
    encoded = capture.item(seq, b"jpeg").encode()
    values = [value.encode() if isinstance(value, str) else value for value in encoded]
    return b"%d-0" % seq, dict(zip(values[::2], values[1::2], strict=True))


def abort(seq: int) -> RawEntry:
    return b"%d-0" % seq, {b"event": b"abort", b"error_code": b"client_disconnected"}


def close(seq: int) -> RawEntry:
    return b"%d-0" % seq, {b"event": b"close", b"timestamp_end": b"2026-01-31T12:00:01.000Z"}


def test_entries_come_in_order_and_the_terminal_entry_last(capture: BrokerCapture) -> None:
    entries = in_order([raw(capture, 4), raw(capture, 5), close(6)], capture.capture_id, 3)
    assert [entry.seq for entry in entries] == [4, 5, 6]
    assert isinstance(entries[0].item, ForwardItem)
    assert isinstance(entries[-1].item, TerminalEntry)


@pytest.mark.parametrize("after_seq", [0, 1, 3, 4])
def test_a_gap_or_a_repeat_is_an_error(capture: BrokerCapture, after_seq: int) -> None:
    with pytest.raises(StreamBroken, match=f"entry {after_seq + 1} is due, the next is 3"):
        in_order([raw(capture, 3)], capture.capture_id, after_seq)


def test_a_gap_before_the_close_is_an_error(capture: BrokerCapture) -> None:
    with pytest.raises(StreamBroken):
        in_order([raw(capture, 1), close(3)], capture.capture_id, 0)


def test_an_abort_is_honoured_whatever_the_ids(capture: BrokerCapture) -> None:
    for entries in ([abort(9)], [raw(capture, 1), abort(9)], [raw(capture, 5), abort(9)]):
        (entry,) = in_order(entries, capture.capture_id, 0)
        assert isinstance(entry.item, TerminalEntry)
        assert (entry.seq, entry.item.event) == (9, "abort")


@pytest.mark.parametrize("field, value", [(b"seq", b"2"), (b"seq", b"x"), (b"capture_id", b"other")])
def test_an_entry_that_is_not_what_its_id_says_is_an_error(capture: BrokerCapture, field: bytes, value: bytes) -> None:
    entry_id, fields = raw(capture, 1)
    with pytest.raises(StreamBroken):
        in_order([(entry_id, {**fields, field: value})], capture.capture_id, 0)


@pytest.mark.parametrize("missing", [b"payload", b"timestamp_frame", b"byte_length"])
def test_an_entry_that_cannot_be_read_is_an_error_that_quotes_no_payload(
    capture: BrokerCapture, missing: bytes
) -> None:
    entry_id, fields = raw(capture, 1)
    with pytest.raises(StreamBroken) as caught:
        in_order([(entry_id, {k: v for k, v in fields.items() if k != missing})], capture.capture_id, 0)
    assert "jpeg" not in str(caught.value)


def test_reading_goes_on_where_it_was_and_takes_a_few_at_a_time(capture: BrokerCapture) -> None:
    capture.push_greys(COUNT + 2).close()
    reader = FrameReader(capture.frames, capture.capture_id, 1, 10)
    seqs = [[entry.seq for entry in reader.read()] for _ in range(3)]
    assert seqs == [[2, 3, 4, 5], [6, 7], []]


def test_a_read_that_failed_may_be_repeated(capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    capture.push_greys(2)
    reader = FrameReader(capture.frames, capture.capture_id, 0, 10)
    with monkeypatch.context() as patch:
        patch.setattr(capture.frames, "xread", lambda *_, **__: (_ for _ in ()).throw(ConnectionError("gone")))
        with pytest.raises(BrokerUnavailable):
            reader.read()
    assert [entry.seq for entry in reader.read()] == [1, 2]


def test_a_broken_entry_does_not_move_the_reader(capture: BrokerCapture) -> None:
    capture.push_greys(1)
    capture.frames.xadd(capture_keys(capture.capture_id).frames, {"capture_id": "x"}, id="2-0")
    reader = FrameReader(capture.frames, capture.capture_id, 0, 10)
    for _ in range(2):
        with pytest.raises(StreamBroken, match="entry 2-0"):
            reader.read()
