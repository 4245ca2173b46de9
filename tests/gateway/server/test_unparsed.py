"""Which frames the server parses by itself, and that it reads them as `websockets` does."""

from __future__ import annotations

import struct

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from gateway.server.unparsed import Unparsed

MOST_BYTES = 70_000
MASK = b"\x01\x20\xff\x7c"


def frame(size: int, *, head: int = 0x82, mask: bytes = MASK, form: str = "") -> bytes:
    """A frame whose payload is zeros, which masked are the mask; ``form`` is its length's, if not the shortest."""
    form = form or ("" if size < 126 else "!H" if size < 2**16 else "!Q")
    short = {"": size, "!H": 126, "!Q": 127}[form] | (0x80 if mask else 0)
    return bytes([head, short]) + (struct.pack(form, size) if form else b"") + mask + (mask * size)[:size]


@pytest.mark.parametrize("head", [0x81, 0x82])
@pytest.mark.parametrize(
    ("size", "form"),
    [(0, ""), (1, ""), (125, ""), (126, ""), (65_535, ""), (65_536, ""), (MOST_BYTES, ""), (5, "!H"), (5, "!Q")],
)
@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_frame_that_is_a_message_is_read_as_websockets_reads_it(head: int, size: int, form: str, pieces: int) -> None:
    data, next_one = frame(size, head=head, form=form), frame(3)
    unparsed = Unparsed()
    step = -(-len(data) // pieces)
    for begin in range(0, len(data), step):
        unparsed.append(data[begin : begin + step])
        left = len(data) - begin - step
        if left > 0:
            assert unparsed.take_message(MOST_BYTES) is None and unparsed.lacking_bytes in (0, left)
    unparsed.lacking_bytes = 0  # as the server does before it parses
    unparsed.append(next_one)
    parser = Protocol(SERVER)
    parser.receive_data(data)
    payload = unparsed.take_message(MOST_BYTES)
    assert payload is not None and unparsed.lacking_bytes == 0
    assert [Frame(Opcode.TEXT if unparsed.is_text else Opcode.BINARY, payload)] == parser.events_received()
    assert unparsed.cut(100) == next_one and not unparsed


@pytest.mark.parametrize("step", [1, 7, 90, 100, 130, 333, 2_000])
def test_messages_are_read_in_their_order_however_the_bytes_are_cut(step: int) -> None:
    sizes = [*range(90, 130), 3, 400, 0, 0, 7]
    data = b"".join(frame(size) for size in sizes)
    unparsed, read = Unparsed(), list[int]()
    for begin in range(0, len(data), step):
        unparsed.append(data[begin : begin + step])
        unparsed.lacking_bytes = 0
        while (payload := unparsed.take_message(MOST_BYTES)) is not None:
            read.append(len(payload))
    assert read == sizes and not unparsed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        frame(3, head=0x02),
        frame(3, head=0x80),
        frame(3, head=0xC2),
        frame(3, head=0x83),
        frame(3, head=0x88),
        frame(3, head=0x89),
        frame(3, mask=b""),
        frame(MOST_BYTES + 1),
        frame(MOST_BYTES + 1)[:14],
        *(frame(300)[:size] for size in range(1, 8)),
        frame(2**16)[:13],
    ],
)
def test_all_other_bytes_are_left_to_the_complete_parser(data: bytes) -> None:
    unparsed = Unparsed()
    unparsed.append(data)
    assert unparsed.take_message(MOST_BYTES) is None
    assert unparsed.lacking_bytes == 0
    assert unparsed.cut(len(data)) == data and not unparsed


def test_bytes_are_cut_in_the_order_in_which_they_came() -> None:
    unparsed = Unparsed()
    for piece in (b"abc", b"def", b"ghi"):
        unparsed.append(piece)
        assert unparsed.cut(2)
    assert len(unparsed.cut(2)) == 2 and unparsed.cut(9) == b"i"
    unparsed.append(b"x")
    unparsed.clear()
    assert len(unparsed) == 0
