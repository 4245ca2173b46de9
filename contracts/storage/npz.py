"""Read the arrays of an artifact from its bytes, which may be hostile. It does no I/O, needs no numpy, and decompresses
nothing.

A compromised worker can write any bytes below DATA_ROOT and give their correct hash. So every claim of an array's
header is compared with the bytes that are present before memory is allocated.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from dataclasses import dataclass

from contracts.rules.errors import ArtifactError

__all__ = ["NpyArray", "read_npz"]

_MOST_MEMBERS = 16
_MOST_DIRECTORY_BYTES = 8192
_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE, _ZIP64_SIGNATURE, _ZIP64_BYTES = b"PK\x05\x06", b"PK\x06\x07", 20

_MAGIC = b"\x93NUMPY\x01\x00"
_HEAD_BYTES = len(_MAGIC) + 2
_MOST_HEADER_BYTES = 1024
_HEADER = re.compile(
    r"\{'descr': '(?P<dtype>[<>|][a-zA-Z]\d{0,9})', 'fortran_order': (?P<fortran>True|False),"
    r" 'shape': \((?P<shape>[0-9, ]{0,60})\), \} *\n"
)
_LENGTH = re.compile(r"\d{1,12}")
_ITEM_BYTES = {"f": 1, "i": 1, "u": 1, "b": 1, "U": 4}
"""How many bytes the number in a dtype stands for: ``<f4`` has 4 × 1 bytes, ``<U4`` has 4 × 4."""


@dataclass(frozen=True, slots=True)
class NpyArray:
    """One array: ``dtype`` as numpy writes it (``<f4``), and ``data``, as many bytes as its shape needs."""

    dtype: str
    shape: tuple[int, ...]
    fortran_order: bool
    data: memoryview

    def text(self) -> str:
        """The text of a unicode scalar.

        Raises:
            ArtifactError: the array is no unicode scalar.
        """
        if not self.dtype.startswith("<U") or self.shape != ():
            raise ArtifactError("meta is not a text")
        try:
            return str(self.data, "utf-32-le").rstrip("\0")
        except UnicodeDecodeError:
            raise ArtifactError("meta is not a text") from None


def read_npz(data: bytes) -> dict[str, NpyArray]:
    """Read the arrays, by their names, in the order of the file.

    Raises:
        ArtifactError: the bytes are no NPZ of uncompressed arrays, are damaged, or a header does not match them.
    """
    try:
        entries = _entries(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) != entries:
                raise _unreadable("its directory miscounts its members")
            return _arrays(archive, len(data))
    except ArtifactError:
        raise
    except Exception as error:  # zipfile and struct raise ten kinds of errors for other bytes
        raise ArtifactError(f"the file does not load as an NPZ: {type(error).__name__}") from error


def _entries(data: bytes) -> int:
    """The number of members that the directory claims. The directory must be short and at the end, because zipfile
    reads as many members as fit into it."""
    end_at = len(data) - _END.size
    if end_at < 0 or not data.startswith(b"PK"):
        raise _unreadable("it is no ZIP file")
    signature, disk, first_disk, here, entries, size, offset, comment = _END.unpack_from(data, end_at)
    if signature != _END_SIGNATURE or (disk, first_disk, comment) != (0, 0, 0) or offset + size != end_at:
        raise _unreadable("its directory is not at its end")
    if here != entries or entries > _MOST_MEMBERS or size > _MOST_DIRECTORY_BYTES:
        raise _unreadable("it has too many members")
    if data[end_at - _ZIP64_BYTES : end_at].startswith(_ZIP64_SIGNATURE):
        raise _unreadable("it is a ZIP64 file")
    return int(entries)


def _arrays(archive: zipfile.ZipFile, most_bytes: int) -> dict[str, NpyArray]:
    arrays: dict[str, NpyArray] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _unreadable("a member is compressed")
        most_bytes -= info.file_size
        if most_bytes < 0 or name in arrays:
            raise _unreadable("its members overlap")
        arrays[name] = _array(archive.read(info))
    return arrays


def _array(member: bytes) -> NpyArray:
    if not member.startswith(_MAGIC):
        raise _unreadable("a member is no array")
    (length,) = struct.unpack_from("<H", member, len(_MAGIC))
    body_at = _HEAD_BYTES + length
    header = _HEADER.fullmatch(member[_HEAD_BYTES:body_at].decode("latin-1")) if length <= _MOST_HEADER_BYTES else None
    if header is None:
        raise _unreadable("an array's header cannot be read")
    dtype, data = header["dtype"], memoryview(member)[body_at:]
    shape = tuple(int(one) for one in _LENGTH.findall(header["shape"]))
    if dtype[1] not in _ITEM_BYTES or math.prod(shape) * _ITEM_BYTES[dtype[1]] * int(dtype[2:] or 0) != len(data):
        raise _unreadable("an array is not as long as its header says")
    if dtype == "|b1" and member[body_at:].translate(None, b"\0\1"):
        raise _unreadable("an array of truth values holds others")
    return NpyArray(dtype, shape, header["fortran"] == "True", data)


def _unreadable(why: str) -> ArtifactError:
    return ArtifactError(f"the file does not load as an NPZ: {why}")
