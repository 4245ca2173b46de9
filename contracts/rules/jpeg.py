"""Read a JPEG's markers, and count how much work a decoder has with it. No I/O; no pixel is decoded.

The markers follow ITU-T T.81, annex B. libjpeg-turbo reads all blocks of a picture once for each scan, and a scan of a
few bytes can cover all blocks. Progressive pictures have several scans. So the work is the number of samples in all
scans, not the number of pixels: a file of 101 kB with 64 scans at 4096 × 4096 took a worker 4.5 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.rules.errors import InvalidJpeg

__all__ = [
    "EOI",
    "MAX_PADDING_BYTES",
    "MAX_SAMPLES",
    "MAX_SAMPLES_PER_PIXEL",
    "MAX_SCANS",
    "JpegHeader",
    "check_scans",
    "has_jpeg_end",
    "jpeg_header",
    "taken_header",
]

MAX_PADDING_BYTES = 4096
"""How many bytes may follow EOI. The cameras of a Raspberry Pi and an ESP32 pad a frame to a round length, V4L2 drivers
pad it to a memory page, and a part of ``multipart/x-mixed-replace`` ends with CR LF."""

MAX_SCANS = 64
"""The most scans of a picture; encoders write about ten for a progressive one."""

MAX_SAMPLES = 64 * 1_048_576
"""The most samples in all scans of a picture: enough for four components of 4096 × 4096 in one scan, or for a
progressive picture of about 2560 × 1440 without chroma subsampling, of 3840 × 2160 with it."""

MAX_SAMPLES_PER_PIXEL = 32
"""The most samples for each pixel. A progressive picture with ten scans and without subsampling has 14."""

_SOI, EOI, _PADDING = b"\xff\xd8", b"\xff\xd9", b"\0\r\n"
_TAKEN = frozenset({0xC0, 0xC2})
_SOS, _START_OF_SCAN = 0xDA, b"\xff\xda"
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_NEVER_HERE = frozenset({0x00, 0xD8, 0xD9, 0xFF})  # FF: more fill bytes than are accepted

# A camera writes about ten segments before its pixels, tables of a few hundred bytes, and no fill bytes; a hostile
# file could hold hundreds of thousands of each, and libjpeg-turbo reads all of them up to the first scan.
_MAX_SEGMENTS = 192
_MAX_FILL_BYTES = 256
_MAX_TABLE_BYTES = 65_536
_MAX_COMPONENTS = 4
_BLOCK = 8


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The contents of the markers before the first scan.

    Attributes:
        marker: the code of the frame header, SOFn.
        components: the number of samples of each component, by its id, padded to whole blocks.
        padded_pixels: width × height, each padded to whole blocks.
        scan_at, pixels_at: the offsets at which the first scan's header begins and ends.
        has_one_scan: the decoder stops after the first scan, even if more bytes follow.
    """

    marker: int
    precision_bits: int
    width: int
    height: int
    components: Mapping[int, int]
    padded_pixels: int
    scan_at: int
    pixels_at: int
    has_one_scan: bool


def has_jpeg_end(payload: bytes) -> bool:
    """Whether the bytes end with EOI and at most `MAX_PADDING_BYTES` of padding: zero bytes, CR and LF.

    This looks at the end only. It does not detect a second picture after the first EOI (a camera's preview, MPF), which
    decoders ignore.
    """
    if payload.endswith(EOI):
        return True
    return payload[-MAX_PADDING_BYTES - len(EOI) :].rstrip(_PADDING).endswith(EOI)


def taken_header(payload: bytes) -> JpegHeader:
    """Read the header of a whole baseline or progressive JPEG with 8 bits a sample. `check_scans` checks its scans.

    Raises:
        InvalidJpeg: the bytes are not such a JPEG.
    """
    if payload[:2] != _SOI:
        raise InvalidJpeg("it does not begin with SOI")
    if not has_jpeg_end(payload):
        raise InvalidJpeg("it does not end with EOI")
    header = jpeg_header(payload)
    if header.marker not in _TAKEN or header.precision_bits != 8:
        raise InvalidJpeg("it is neither baseline nor progressive of 8 bits")
    return header


def jpeg_header(payload: bytes) -> JpegHeader:
    """Read the markers from SOI to the first scan. The work is bounded for any input of any length.

    Raises:
        InvalidJpeg: there is not exactly one frame header before the first scan, it cannot be read, or the segments,
            tables or fill bytes before that scan exceed their limits.
    """
    at, end, header_at, table_bytes = 2, len(payload), 0, 0
    for _ in range(_MAX_SEGMENTS):
        if payload[at : at + 2] == b"\xff\xff":
            fill = payload[at : at + _MAX_FILL_BYTES]
            at += len(fill) - len(fill.lstrip(b"\xff")) - 1
        if at + 5 > end or payload[at] != 0xFF:
            break
        marker = payload[at + 1]
        if marker in _STANDALONE:
            at += 2
            continue
        length = int.from_bytes(payload[at + 2 : at + 4], "big")
        if marker == _SOS and header_at:
            return _read(payload, header_at, at, at + 2 + length)
        if marker in _FRAME_HEADERS:
            if header_at:
                break
            header_at = at
        table_bytes += length if marker in _TABLES else 0
        if length < 2 or marker in _NEVER_HERE or table_bytes > _MAX_TABLE_BYTES:
            break
        at += 2 + length
    raise InvalidJpeg("its header cannot be read")


def _read(payload: bytes, header_at: int, scan_at: int, pixels_at: int) -> JpegHeader:
    marker, precision_bits = payload[header_at + 1], payload[header_at + 4]
    height = int.from_bytes(payload[header_at + 5 : header_at + 7], "big")
    width = int.from_bytes(payload[header_at + 7 : header_at + 9], "big")
    count = payload[header_at + 9]
    entries = [payload[at : at + 2] for at in range(header_at + 10, header_at + 10 + 3 * count, 3)]
    sampling = [(one[0], one[1] >> 4, one[1] & 15) for one in entries[: _MAX_COMPONENTS + 1] if len(one) == 2]
    if len(sampling) != count or not 1 <= count <= _MAX_COMPONENTS:
        raise InvalidJpeg("its components cannot be read")
    if not all(1 <= factor <= 4 for _, *factors in sampling for factor in factors):
        raise InvalidJpeg("its components have impossible sizes")
    across, down = max(one[1] for one in sampling), max(one[2] for one in sampling)
    units = -(-width // (_BLOCK * across)) * -(-height // (_BLOCK * down))
    components: dict[int, int] = {}
    for name, horizontal, vertical in sampling:
        components[name] = components.get(name, 0) + units * _BLOCK * _BLOCK * horizontal * vertical
    return JpegHeader(
        marker=marker,
        precision_bits=precision_bits,
        width=width,
        height=height,
        components=components,
        padded_pixels=units * _BLOCK * _BLOCK * across * down,
        scan_at=scan_at,
        pixels_at=pixels_at,
        has_one_scan=marker not in _PROGRESSIVE and payload[scan_at + 4] >= count,
    )


def check_scans(payload: bytes, header: JpegHeader) -> int:
    """Count the samples that a decoder reads for this picture. Returns their number.

    In a scan's data, FF is always followed by 00 or by a restart marker. So the bytes FF DA occur only at the start of
    a scan, or in a segment between two scans, where no encoder writes them.

    Raises:
        InvalidJpeg: there are more scans than `MAX_SCANS`, or more samples than `MAX_SAMPLES` or
            `MAX_SAMPLES_PER_PIXEL` allow.
    """
    most = min(MAX_SAMPLES, MAX_SAMPLES_PER_PIXEL * header.padded_pixels)
    every = sum(header.components.values())
    samples, at = 0, header.scan_at
    for _ in range(MAX_SCANS):
        count = payload[at + 4] if at + 4 < len(payload) else 0
        names = payload[at + 5 : at + 5 + 2 * count : 2]
        samples += sum(header.components.get(name, every) for name in names)
        if samples > most:
            break
        at = -1 if header.has_one_scan else payload.find(_START_OF_SCAN, at + 2)
        if at < 0:
            return samples
    raise InvalidJpeg("it has too many scans to read in time")
