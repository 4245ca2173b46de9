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
_EXTENDED = {_MASKED | 126: struct.Struct("!H"), _MASKED | 127: struct.Struct("!Q")}
_MASK_BYTES = 4


class Unparsed:
    """A queue of bytes. ``lacking_bytes`` is how many bytes the frame lacks that `find_message` found last."""

    def __init__(self) -> None:
        self.lacking_bytes = 0
        self._data: bytes | bytearray = b""
        self._at = 0
        self._next, self._next_at = b"", 0
        self._begin = self._end = 0

    def __len__(self) -> int:
        return len(self._data) + len(self._next) - self._next_at

    def append(self, data: bytes) -> None:
        """Add bytes. Those after the end of a frame that lacked some are not copied: one read may have 250 KB, and
        buffers of that size cost a page fault for each 4 KiB."""
        if not self._data:
            self._data = data
            return
        rest = memoryview(self._data)[self._at :]
        if not self._next and 0 < self.lacking_bytes < len(data):
            self._data = b"".join((rest, memoryview(data)[: self.lacking_bytes]))
            self._next, self._next_at = data, self.lacking_bytes
        elif self._next or self._at or not isinstance(self._data, bytearray):
            self._data = bytearray().join((rest, memoryview(self._next)[self._next_at :], data))
            self._next, self._next_at = b"", 0
        else:
            rest.release()  # a bytearray with a view cannot grow
            self._data += data
        self._at = 0

    def cut(self, length: int) -> bytes | bytearray:
        """Remove and return the next bytes, at most ``length``."""
        piece = self._data[self._at : self._at + length]
        self._skip_to(self._at + length)
        return piece

    def clear(self) -> None:
        """Free all bytes."""
        self._data, self._at, self.lacking_bytes = b"", 0, 0
        self._next, self._next_at = b"", 0

    def finds_message(self, most_bytes: int) -> bool:
        """Whether the next bytes are a frame of a client that is a message by itself, with a payload of at most
        ``most_bytes``. Its head must have arrived; ``lacking_bytes`` says how much of the rest has not.

        Every error is among the other frames, and a complete parser must judge them."""
        data, at = self._data, self._at
        if len(data) < at + 2 or data[at] not in (_TEXT, _BINARY) or data[at + 1] < _MASKED:
            return False
        size, begin = data[at + 1] - _MASKED, at + 2
        if extended := _EXTENDED.get(data[at + 1]):
            if len(data) < begin + extended.size:
                return False
            (size,) = extended.unpack_from(data, begin)
            begin += extended.size
        begin += _MASK_BYTES
        if len(data) < begin or size > most_bytes:
            return False
        self._begin, self._end = begin, begin + size
        self.lacking_bytes = max(0, self._end - len(data))
        return True

    def cut_message(self) -> tuple[bool, bytes]:
        """Remove the message that `finds_message` found; it must lack nothing. Returns whether it is a text, and its
        payload."""
        is_text = self._data[self._at] == _TEXT
        with memoryview(self._data) as data:
            payload = apply_mask(data[self._begin : self._end], bytes(data[self._begin - _MASK_BYTES : self._begin]))
        self._skip_to(self._end)
        return is_text, payload

    def _skip_to(self, at: int) -> None:
        if at < len(self._data):
            self._at = at
        else:
            self._data, self._at = self._next, self._next_at
            self._next, self._next_at = b"", 0
