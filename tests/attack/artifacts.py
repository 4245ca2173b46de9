"""Bytes that a compromised worker could leave as an artifact, with their right hash in the event."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from contracts.rules.landmarks import DIMS
from tests.recorder.samples import arrays, npz

__all__ = ["GOOD", "HOSTILE_ARTIFACTS", "hostile_artifact"]

GOOD = npz(arrays(3))


def npy(header: bytes, body: bytes = b"", *, version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + body


def archive(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as there:
        for name, data in members.items():
            there.writestr(zipfile.ZipInfo(f"{name}.npy"), data, method)
    return buffer.getvalue()


def many_members(count: int) -> bytes:
    """An archive of empty members. `zipfile` would take seconds for tens of thousands."""
    one = archive({"00000": b""})
    directory = one.index(b"PK\x01\x02")
    member, entry = one[:directory], one[directory:-22]
    names = [b"%05d" % number for number in range(count)]
    members = b"".join(member.replace(b"00000", name) for name in names)
    entries = b"".join(
        entry[:42] + struct.pack("<L", number * len(member)) + entry[46:].replace(b"00000", name)
        for number, name in enumerate(names)
    )
    end = {"here": count, "entries": count, "size": len(entries), "offset": len(members)}
    return with_end(members + entries + one[-22:], **end)


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as there:
        return {name.removesuffix(".npy"): there.read(name) for name in there.namelist()}


def changed(**members: bytes) -> bytes:
    return archive({**members_of(GOOD), **members})


def claims(shape: str, body: bytes = b"", dtype: str = "<f4") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return npy(header, body)


def with_end(data: bytes, **fields: int) -> bytes:
    """Another end of the directory."""
    names = ["disk", "first_disk", "here", "entries", "size", "offset", "comment"]
    values = dict(zip(names, struct.unpack("<4H2LH", data[-18:]), strict=True))
    return data[:-18] + struct.pack("<4H2LH", *{**values, **fields}.values())


def with_local_header(data: bytes, at: int, new: bytes) -> bytes:
    """The directory's first entry with other bytes ``at`` that place in it."""
    where = data.index(b"PK\x01\x02") + at
    return data[:where] + new + data[where + len(new) :]


HUGE = 10**12

_MADE: Mapping[str, Callable[[], bytes]] = {
    "10^12 rows": lambda: changed(features=claims(f"({HUGE}, {DIMS})")),
    "10^12 rows of nothing": lambda: changed(features=claims(f"({HUGE}, 0)")),
    "rows of 10^12": lambda: changed(features=claims(f"(0, {HUGE})")),
    "more digits than a number has": lambda: changed(features=claims(f"({'9' * 50}, {DIMS})")),
    "a text of 10^9 letters": lambda: changed(meta=claims("()", dtype="<U999999999")),
    "an unterminated header": lambda: changed(features=npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3")),
    "a header of brackets": lambda: changed(features=npy(b"(" * 60_000)),
    "a header longer than its member": lambda: changed(features=npy(b"")[:8] + b"\xff\xff"),
    "a header that is cut": lambda: changed(features=b"\x93NUMPY\x01\x00\x01"),
    "version 3": lambda: changed(features=npy(b"", version=b"\x03\x00")),
    "objects": lambda: changed(features=claims("(3,)", bytes(24), "|O")),
    "a pickle": lambda: changed(features=b"cos\nsystem\n(S'true'\ntR."),
    "a record": lambda: changed(
        features=npy(b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }\n", bytes(12))
    ),
    "text that is no unicode": lambda: changed(meta=claims("()", b"\xff\xff\xff\xff", "<U1")),
    "half a surrogate": lambda: changed(meta=claims("()", b"\x00\xd8\x00\x00", "<U1")),
    "truth values of 7": lambda: changed(decoded=claims("(3,)", b"\7\7\7", "|b1")),
    "no dtype": lambda: changed(features=claims("(3, 1662)", bytes(3 * 4 * DIMS), "")),
    "a deflate bomb": lambda: archive({**members_of(GOOD), "features": bytes(3_000_000)}, zipfile.ZIP_DEFLATED),
    "a bzip2 bomb": lambda: archive({**members_of(GOOD), "features": bytes(3_000_000)}, zipfile.ZIP_BZIP2),
    "an LZMA bomb": lambda: archive({**members_of(GOOD), "features": bytes(3_000_000)}, zipfile.ZIP_LZMA),
    "60,000 members": lambda: many_members(60_000),
    "17 members": lambda: archive({**members_of(GOOD), **{f"m{number}": GOOD for number in range(11)}}),
    "a directory that says less": lambda: with_end(
        archive({f"m{number}": b"" for number in range(60)}), here=1, entries=1
    ),
    "a directory that says more": lambda: with_end(GOOD, here=16, entries=16),
    "a directory elsewhere": lambda: with_end(GOOD, offset=2**32 - 1),
    "a directory of everything": lambda: with_end(GOOD, size=len(GOOD) - 22, offset=0),
    "a comment": lambda: with_end(GOOD, comment=40) + bytes(40),
    "an encrypted member": lambda: with_local_header(GOOD, 8, b"\1\0"),
    "an unknown method": lambda: with_local_header(GOOD, 10, b"\x63\0"),
    "a member longer than the file": lambda: with_local_header(GOOD, 20, struct.pack("<2L", 2**31, 2**31)),
    "a wrong checksum": lambda: with_local_header(GOOD, 16, bytes(4)),
    "a version from the future": lambda: with_local_header(GOOD, 6, b"\xff\0"),
    "a member of the same bytes as another": lambda: with_local_header(GOOD, 42, struct.pack("<L", len(GOOD) // 2)),
    "cut": lambda: GOOD[: len(GOOD) // 2],
    "cut at its end": lambda: GOOD[:-1],
    "an end alone": lambda: b"PK\x05\x06" + bytes(18),
    "a ZIP64 file": lambda: GOOD[:-22] + b"PK\x06\x07" + bytes(16) + GOOD[-22:],
    "zeros": lambda: bytes(5000),
    "nothing": lambda: b"",
    "one array": lambda: npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", bytes(4)),
    "fewer members": lambda: archive({"features": members_of(GOOD)["features"]}),
    "times that run backwards": lambda: npz({**arrays(3), "timestamps_ms": np.array([5, -1, 2**62], "<i8")}),
}

HOSTILE_ARTIFACTS = tuple(_MADE)
"""Their names."""


@cache
def hostile_artifact(name: str) -> bytes:
    """One of `HOSTILE_ARTIFACTS`, made when a test first needs it: each process of the tests imports this module."""
    return _MADE[name]()
