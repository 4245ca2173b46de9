"""Check the claims of an MP4, QuickTime or 3GP file's index before FFmpeg reads it. The file may be hostile.

FFmpeg makes an entry of every sample that an index lists, before it reads one of them: 4,256 bytes that list
80 million took 2.8 GB. So the claims are added up first, box by box; what is in the boxes is not looked at otherwise.
Source: ISO/IEC 14496-12; QuickTime File Format for what is older.
"""

from __future__ import annotations

import io
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import BinaryIO, cast

from contracts.rules.errors import VideoError

__all__ = ["MAX_SAMPLES", "MAX_TRACKS", "check_index"]

MAX_SAMPLES = 500_000
"""Of all tracks together. Two minutes at 240 pictures a second, with sound, are 35,000."""

MAX_SOUND_SAMPLES = 64_000_000
"""Of a track of uncompressed sound, whose samples need no entries: two minutes at 192 kHz are 23 million."""

MAX_TRACKS = 16
MAX_BOXES = 400_000
"""A file with a fragment for each picture has about 200,000."""

_MAX_DEPTH = 8
_HOLD_BOXES = frozenset(
    {
        b"moov",
        b"trak",
        b"mdia",
        b"minf",
        b"stbl",
        b"moof",
        b"traf",
        b"mvex",
        b"edts",
        b"udta",
        b"dinf",
        b"tref",
        b"sinf",
    }
)
"""The boxes that may hold others: FFmpeg accepts a track in any of them."""

_DATA_HANDLERS = frozenset({b"url ", b"alis", b"rsrc"})
"""QuickTime's second ``hdlr`` of a track says where the data are, not their kind. FFmpeg skips it too."""

_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stps": 4, b"elst": 12}
_RUN_FIELDS = (0x100, 0x200, 0x400, 0x800)
_READ_BYTES = 4096


@dataclass(slots=True)
class _Track:
    """The facts that decide whether FFmpeg makes an entry for each sample: it does not for uncompressed sound."""

    is_sound: bool = False
    is_even: bool = False
    samples_of_one_size: int = 0


class _Index:
    """Adds up the claims of one file's boxes."""

    def __init__(self, file: BinaryIO, byte_length: int) -> None:
        self._file = file
        self._length = byte_length
        self._boxes = self._tracks = self._samples = 0
        self._track = _Track()

    def check(self, start: int, end: int, depth: int = 0) -> None:
        """Read the boxes from ``start`` to ``end``."""
        at = start
        while at + 8 <= end:
            self._boxes += 1
            if self._boxes > MAX_BOXES or depth > _MAX_DEPTH:
                raise _too_much("its index has too many parts")
            size, kind = struct.unpack(">I4s", self._bytes(at, 8))
            body = at + 8
            if size == 1:
                size, body = int.from_bytes(self._bytes(at + 8, 8), "big"), at + 16
            size = end - at if size == 0 else size
            if size < body - at:
                return  # FFmpeg stops reading here too
            self._check_box(kind, body, min(at + size, end), depth)
            at += size

    def _check_box(self, kind: bytes, body: int, end: int, depth: int) -> None:
        if kind == b"cmov":  # FFmpeg would unpack it to any size that it claims
            raise VideoError("not_a_video", "its index is compressed, as no camera does it")
        if kind == b"trak":
            self._check_track(body, end, depth)
        elif kind in _HOLD_BOXES:
            self.check(body, end, depth + 1)
        elif kind == b"meta":
            at = self._bytes(body, min(end - body, _READ_BYTES)).find(b"hdlr")
            self.check(body + at - 4 if at >= 4 else end, end, depth + 1)
        elif kind == b"hdlr":
            handler = self._bytes(body + 8, 4)
            if handler not in _DATA_HANDLERS:
                self._track.is_sound = handler == b"soun"
        elif kind in _ENTRY_BYTES:
            self._check_table(kind, body, end)
        elif kind in (b"stsz", b"stz2"):
            self._check_sizes(kind, body, end)
        elif kind == b"trun":
            self._check_run(body, end)

    def _check_track(self, body: int, end: int, depth: int) -> None:
        self._tracks += 1
        if self._tracks > MAX_TRACKS:
            raise _too_much(f"it has more than {MAX_TRACKS} tracks")
        before, self._track = self._track, _Track()
        self.check(body, end, depth + 1)
        track, self._track = self._track, before
        if not (track.is_sound and track.is_even and track.samples_of_one_size <= MAX_SOUND_SAMPLES):
            self._claim(track.samples_of_one_size, 0, 0)

    def _check_table(self, kind: bytes, body: int, end: int) -> None:
        count = self._number(body + 4)
        if count * _ENTRY_BYTES[kind] > end - body:
            raise _lies()
        if kind == b"stts":
            self._track.is_even = count == 1 and self._number(body + 12) == 1
        if kind in (b"stts", b"ctts") and not self._track.is_even:
            self._check_counts(body + 8, count)

    def _check_counts(self, at: int, count: int) -> None:
        """Each entry is for so many samples, and FFmpeg makes one for each."""
        if count <= MAX_SAMPLES:
            words = array("I", self._bytes(at, 8 * count))
            if sys.byteorder == "little":
                words.byteswap()
            count = sum(words[::2])
        if count > MAX_SAMPLES:
            raise _too_much("its index has too many samples")

    def _check_sizes(self, kind: bytes, body: int, end: int) -> None:
        size, count = self._number(body + 4), self._number(body + 8)
        if kind == b"stz2":
            self._claim(count, (count * (size & 0xFF) + 7) // 8, end - body)
        elif size == 0:
            self._claim(count, 4 * count, end - body)
        elif count * size > self._length:
            raise _lies()
        else:
            self._track.samples_of_one_size += count

    def _check_run(self, body: int, end: int) -> None:
        flags = self._number(body) & 0xFFFFFF
        count = self._number(body + 4)
        each = sum(4 for field in _RUN_FIELDS if flags & field)
        self._claim(count, each * count, end - body)

    def _claim(self, samples: int, needed_bytes: int, there_bytes: int) -> None:
        if needed_bytes > there_bytes:
            raise _lies()
        self._samples += samples
        if self._samples > MAX_SAMPLES:
            raise _too_much("its index has too many samples")

    def _bytes(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        data = self._file.read(size)
        return data if len(data) == size else data + bytes(size - len(data))

    def _number(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, 4), "big")


def check_index(file: BinaryIO, byte_length: int) -> None:
    """Refuse a file whose index claims more than a capture's video can have, or more than the file can hold.

    What is no MP4, QuickTime or 3GP is left to FFmpeg. The file is where it was afterwards.

    Raises:
        VideoError: ``limit_frame_count_exceeded``; ``video_damaged``, its tables are longer than it is; or
            ``not_a_video``.
    """
    buffered = io.BufferedReader(cast(io.RawIOBase, file), _READ_BYTES)
    try:
        _Index(buffered, byte_length).check(0, byte_length)
    finally:
        buffered.detach()
        file.seek(0)


def _too_much(what: str) -> VideoError:
    return VideoError("limit_frame_count_exceeded", what)


def _lies() -> VideoError:
    return VideoError("video_damaged", "its index lists more than the file has")
