"""Videos whose boxes claim more than a camera's video has."""

from __future__ import annotations

import struct

from tests.support.clips import grey_video

GOOD = grey_video(60, 30)


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def table(kind: bytes, count: int, *words: int) -> bytes:
    """A full box that claims ``count`` entries and has those given."""
    return box(kind, bytes(4), struct.pack(f">{1 + len(words)}I", count, *words))


def sizes(size: int, count: int, *words: int) -> bytes:
    return box(b"stsz", bytes(4), struct.pack(f">{2 + len(words)}I", size, count, *words))


def track(*tables: bytes, handler: bytes = b"vide") -> bytes:
    heading = box(b"hdlr", bytes(8), handler, bytes(13))
    return box(b"trak", box(b"mdia", heading, box(b"minf", box(b"stbl", *tables))))


def run(count: int, flags: int = 0, body: bytes = b"") -> bytes:
    return box(b"moof", box(b"traf", box(b"trun", struct.pack(">II", flags, count), body)))


def movie(*parts: bytes) -> bytes:
    """The good video with these parts in a second ``moov``."""
    return GOOD + box(b"moov", *parts)


def patched(kind: bytes, at: int, value: int) -> bytes:
    """The good video with another number ``at`` bytes after the name of a box."""
    where = GOOD.index(kind) + 4 + at
    return GOOD[:where] + struct.pack(">I", value) + GOOD[where + 4 :]


def constant_sizes(count: int) -> bytes:
    """The good video with a table of ``count`` pictures of one byte each."""
    where = GOOD.index(b"stsz") + 8
    return GOOD[:where] + struct.pack(">II", 1, count) + GOOD[where + 8 :]


TOO_MANY, LIES = "limit_frame_count_exceeded", "video_damaged"
MILLIONS = 80_000_000

HOSTILE_INDEXES: dict[str, tuple[bytes, str]] = {
    "80 million samples of one byte": (constant_sizes(MILLIONS), LIES),
    "80 million sizes": (patched(b"stsz", 8, MILLIONS), LIES),
    "80 million times": (patched(b"stts", 4, MILLIONS), LIES),
    "one time for 80 million samples": (patched(b"stts", 8, MILLIONS), TOO_MANY),
    "80 million chunks": (patched(b"stco", 4, MILLIONS), LIES),
    "80 million groups of chunks": (patched(b"stsc", 4, MILLIONS), LIES),
    "one offset for 80 million samples": (movie(track(table(b"ctts", 1, MILLIONS, 1))), TOO_MANY),
    "half a million samples twice": (
        movie(track(table(b"stts", 2, 400_000, 1, 400_000, 1))),
        TOO_MANY,
    ),
    "a run of 80 million without a field": (GOOD + run(MILLIONS), TOO_MANY),
    "a run of 80 million": (GOOD + run(MILLIONS, 0x100), LIES),
    "runs that add up": (GOOD + run(300_000) * 2, TOO_MANY),
    "17 tracks": (movie(*[track()] * 16), TOO_MANY),
    "a track where none is": (movie(box(b"udta", track(sizes(1, MILLIONS)))), LIES),
    "a track in what is beside": (
        movie(box(b"meta", bytes(4), box(b"hdlr", bytes(25)), track(sizes(1, MILLIONS)))),
        LIES,
    ),
    "sound that says it is pictures": (
        movie(track(table(b"stts", 1, 600_000, 1), sizes(1, 600_000))) + bytes(700_000),
        TOO_MANY,
    ),
    "sound of uneven times": (
        movie(track(table(b"stts", 1, 1000, 2), sizes(1, 600_000), handler=b"soun")) + bytes(700_000),
        TOO_MANY,
    ),
    "a compressed index": (GOOD + box(b"moov", box(b"cmov", bytes(100))), "not_a_video"),
    "boxes in boxes": (GOOD + b"".join(struct.pack(">I4s", 8 * (40 - n), b"moov") for n in range(40)), TOO_MANY),
}  # fmt: skip

SOUND = movie(track(table(b"stts", 1, 6_000_000, 1), sizes(1, 6_000_000), handler=b"soun")) + bytes(6_100_000)
"""The size of two minutes of uncompressed sound."""
