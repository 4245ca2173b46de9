"""Read the arrays of an artifact from its bytes, which may be hostile. No I/O, no numpy; nothing is unpacked.

A compromised worker can put any bytes below DATA_ROOT and give their right hash, so everything an array's header claims
is held against the bytes that are there before anything is allocated.
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
"""How many bytes a dtype's number counts, by its kind."""


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
            ArtifactError: it is none.
        """
        if not self.dtype.startswith("<U") or self.shape != ():
            raise ArtifactError("meta is not a text")
        try:
            return str(self.data, "utf-32-le").rstrip("\0")
        except UnicodeDecodeError:
            raise ArtifactError("meta is not a text") from None


def read_npz(data: bytes) -> dict[str, NpyArray]:
    """The arrays by their names, in the order in which they are in the file.

    Raises:
        ArtifactError: it is no NPZ of uncompressed arrays, it is damaged, or a header claims what is not there.
    """
    try:
        entries = _entries(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) != entries:
                raise _unreadable("its directory miscounts its members")
            return _arrays(archive, len(data))
    except ArtifactError:
        raise
    except Exception as error:  # zipfile and struct raise ten kinds of errors at bytes that are no archive
        raise ArtifactError(f"the file does not load as an NPZ: {type(error).__name__}") from error


def _entries(data: bytes) -> int:
    """How many members the directory says there are. It is at the end and short: zipfile reads as many as fit in it."""
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
