"""The bytes that a WebSocket's client has sent and the server has not parsed. No I/O.

Almost every message of a camera is one frame, and `Unparsed` reads such a frame by itself. `websockets` would copy its
bytes three times more, and step a generator for each of its parts.
"""

from __future__ import annotations

import struct

from websockets.frames import apply_mask  # type: ignore[attr-defined]

__all__ = ["Unparsed"]

# RFC 6455, 5.2: the FIN bit with the opcode, and without the reserved bits; the MASK bit with the length
_TEXT, _BINARY = 0x81, 0x82
_MASKED = 0x80
_EXTENDED = {126: struct.Struct("!H"), 127: struct.Struct("!Q")}
_MASK_BYTES = 4


class Unparsed:
    """A queue of bytes.

    Attributes:
        data: the buffer with the next bytes; empty if there are none.
        lacking_bytes: how many bytes the frame lacks that `take_message` last looked at.
        is_text: whether the message that it last returned is a text.
    """

    def __init__(self) -> None:
        self.lacking_bytes = 0
        self.is_text = False
        self.data: bytes | bytearray = b""
        self._at = 0
        self._next, self._next_at = b"", 0

    def __len__(self) -> int:
        return len(self.data) + len(self._next) - self._next_at

    def append(self, data: bytes) -> None:
        """Add bytes. Those after the end of a frame that lacked some are not copied: one read may have 250 KB, and
        buffers of that size cost a page fault for each 4 KiB."""
        if not self.data:
            self.data = data
            return
        rest = memoryview(self.data)[self._at :]
        if not self._next and 0 < self.lacking_bytes < len(data):
            self.data = b"".join((rest, memoryview(data)[: self.lacking_bytes]))
            self._next, self._next_at = data, self.lacking_bytes
        elif self._next or self._at or not isinstance(self.data, bytearray):
            self.data = bytearray().join((rest, memoryview(self._next)[self._next_at :], data))
            self._next, self._next_at = b"", 0
        else:
            rest.release()  # a bytearray with a view cannot grow
            self.data += data
        self._at = 0

    def cut(self, length: int) -> bytes | bytearray:
        """Remove and return the next bytes, at most ``length``."""
        piece = self.data[self._at : self._at + length]
        self._skip_to(self._at + length)
        return piece

    def clear(self) -> None:
        """Free all bytes."""
        self.data, self._at, self.lacking_bytes = b"", 0, 0
        self._next, self._next_at = b"", 0

    def take_message(self, most_bytes: int) -> bytes | None:
        """Remove the next frame, if it is a message by itself with a payload of at most ``most_bytes``, and return its
        payload; `is_text` says of which kind it was.

        None if it is no such frame, or has not arrived: then `lacking_bytes` says how much of it has not, if its head
        has. Every error is among the other frames, and a complete parser must judge them."""
        data, at, arrived = self.data, self._at, len(self.data)
        if arrived < at + 2:
            return None
        opcode, size, begin = data[at], data[at + 1] - _MASKED, at + 2 + _MASK_BYTES
        if (opcode != _BINARY and opcode != _TEXT) or size < 0:
            return None
        if size >= 126:
            extended = _EXTENDED[size]
            begin += extended.size
            if arrived < begin:
                return None
            (size,) = extended.unpack_from(data, at + 2)
        end = begin + size
        if arrived < begin or size > most_bytes:
            return None
        if arrived < end:
            self.lacking_bytes = end - arrived
            return None
        self.lacking_bytes = 0
        self.is_text = opcode == _TEXT
        payload = apply_mask(memoryview(data)[begin:end], data[begin - _MASK_BYTES : begin])
        self._skip_to(end)
        return payload

    def _skip_to(self, at: int) -> None:
        if at < len(self.data):
            self._at = at
        else:
            self.data, self._at = self._next, self._next_at
            self._next, self._next_at = b"", 0
