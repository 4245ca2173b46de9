"""Every hostile JPEG that the tests use, and what each is to become: one table for the gateway and the extractor.

``python -m tests.attack.hostile`` prints what each of them costs here, in milliseconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from contracts.rules.errors import CaptureError
from contracts.rules.limits import CaptureLimits
from gateway.capture.jpeg import check_jpeg
from tests.attack.jpegs import (
    EOI,
    SOI,
    before_header,
    before_scan,
    patched_header,
    picture,
    segment,
    with_orientation,
    with_scans,
    with_thumbnail,
)  # fmt: skip

__all__ = ["HOSTILE", "Hostile", "gateway_says"]

WIDTH, HEIGHT = 640, 480
LIMITS = CaptureLimits()
Gateway = Literal["taken", "invalid_frame", "limit_resolution_exceeded"]


@dataclass(frozen=True)
class Hostile:
    """A JPEG and its expected results. ``decodes``: an extractor decodes it; otherwise its row is NaN."""

    jpeg: bytes
    gateway: Gateway
    decodes: bool


GOOD, PROGRESSIVE = picture(), picture(progressive=True)
UNSAMPLED = picture(progressive=True, subsampling=0)
PROFILE = b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 4)) + bytes(60_000)) for number in range(1, 5))
HEADER = GOOD[GOOD.index(b"\xff\xc0") : GOOD.index(b"\xff\xc4")]
ROOM = LIMITS.max_frame_bytes - len(GOOD) - 64


def _header(at: int, new: bytes, gateway: Gateway, jpeg: bytes = GOOD) -> Hostile:
    return Hostile(patched_header(jpeg, at, new), gateway, False)


HOSTILE: dict[str, Hostile] = {
    # work
    "64 scans": Hostile(with_scans(PROGRESSIVE, 64), "invalid_frame", False),
    "28 scans": Hostile(with_scans(PROGRESSIVE, 28), "taken", False),  # decoded to its end, then found inconsistent
    "65 scans": Hostile(with_scans(PROGRESSIVE, 65), "invalid_frame", False),
    "a few scans of everything": Hostile(
        with_scans(UNSAMPLED, 40, max), "invalid_frame", False
    ),
    "thousands of scans": Hostile(with_scans(PROGRESSIVE, 8000), "invalid_frame", False),
    "fill bytes without end": Hostile(before_header(GOOD, b"\xff" * ROOM), "invalid_frame", False),
    "nothing but fill bytes": Hostile(SOI + b"\xff" * ROOM + EOI, "invalid_frame", False),
    "segments without end": Hostile(before_header(GOOD, segment(0xFE, b"") * (ROOM // 4)), "invalid_frame", False),
    "segments behind the header": Hostile(before_scan(GOOD, segment(0xFE, b"") * (ROOM // 4)), "invalid_frame", False),
    "tables without end": Hostile(
        before_scan(GOOD, segment(0xDB, b"\1" + b"\1" * 64) * (ROOM // 69)), "invalid_frame", False
    ),
    "tables in long segments": Hostile(
        before_scan(GOOD, segment(0xDB, (b"\1" + b"\1" * 64) * 900) * (ROOM // 58_504)), "invalid_frame", False
    ),
    "restarts without end": Hostile(before_header(GOOD, b"\xff\xd0" * (ROOM // 2)), "invalid_frame", False),
    "a long profile": Hostile(before_header(GOOD, PROFILE), "taken", True),
    # size
    "a huge header": _header(5, b"\xff\xdc\xff\xdc", "limit_resolution_exceeded"),
    "no width": _header(7, b"\0\0", "invalid_frame"),
    "no height": _header(5, b"\0\0", "invalid_frame"),
    "another height": _header(5, b"\1\xdf", "invalid_frame"),
    "turned": Hostile(picture(480, 640), "invalid_frame", False),
    "one pixel": Hostile(picture(1, 1), "invalid_frame", False),
    # kinds
    "12 bits": _header(4, b"\x0c", "invalid_frame"),
    "12 bits, progressive": _header(4, b"\x0c", "invalid_frame", PROGRESSIVE),
    "16 bits": _header(4, b"\x10", "invalid_frame"),
    "lossless": _header(1, b"\xc3", "invalid_frame"),
    "arithmetic coding": _header(1, b"\xc9", "invalid_frame"),
    "arithmetic coding, progressive": _header(1, b"\xca", "invalid_frame", PROGRESSIVE),
    "grey": Hostile(picture(mode="L"), "taken", True),
    "CMYK": Hostile(picture(mode="CMYK"), "taken", True),
    "no component": _header(9, b"\0", "invalid_frame"),
    "255 components": _header(9, b"\xff", "invalid_frame"),
    "sampling of nothing": _header(11, b"\0", "invalid_frame"),
    "sampling of 4 by 4": _header(11, b"\x44", "invalid_frame"),
    "a second header": Hostile(before_scan(GOOD, HEADER), "invalid_frame", False),
    # what is beside the picture
    "EXIF, upside down": Hostile(with_orientation(GOOD, 3), "taken", True),
    "EXIF, turned": Hostile(with_orientation(GOOD, 6), "taken", True),
    "a thumbnail": Hostile(with_thumbnail(GOOD, picture(160, 120)), "taken", True),
    "a thumbnail as large as the picture": Hostile(with_thumbnail(GOOD, picture()), "taken", True),
    # damage
    "cut, with an end glued on": Hostile(GOOD[: len(GOOD) // 2] + EOI, "taken", False),
    "nothing behind the scan's header": Hostile(GOOD[: GOOD.index(b"\xff\xda") + 14] + EOI, "taken", False),
    "no scan": Hostile(GOOD[: GOOD.index(b"\xff\xda")] + EOI, "invalid_frame", False),
    "a segment longer than the file": Hostile(before_header(GOOD, b"\xff\xe0\xff\xff"), "invalid_frame", False),
    "a segment of no length": Hostile(before_header(GOOD, b"\xff\xe0\0\0"), "invalid_frame", False),
    "two pictures": Hostile(GOOD + GOOD, "taken", True),
    "padding": Hostile(GOOD + bytes(4096), "taken", True),
    "padding without end": Hostile(GOOD + bytes(ROOM), "invalid_frame", True),
    "a GIF between markers": Hostile(SOI + b"GIF89a" + bytes(500) + EOI, "invalid_frame", False),
    "zeros": Hostile(bytes(ROOM), "invalid_frame", False),
}  # fmt: skip


def gateway_says(jpeg: bytes) -> str:
    try:
        check_jpeg(jpeg, WIDTH, HEIGHT, LIMITS)
    except CaptureError as error:
        return error.code
    return "taken"


def main() -> None:
    from workers.vision.decode import decode_jpeg

    def best_ms(step: object) -> float:
        times = []
        for _ in range(5):
            began_s = time.perf_counter()
            step()  # type: ignore[operator]
            times.append(1000 * (time.perf_counter() - began_s))
        return min(times)

    print(f"{'':38}{'bytes':>8}  {'gateway':26}{'ms':>8}{'decode ms':>11}")
    for name, hostile in {"a good picture": Hostile(GOOD, "taken", True), **HOSTILE}.items():
        jpeg = hostile.jpeg
        gateway_ms = best_ms(lambda jpeg=jpeg: gateway_says(jpeg))
        decode_ms = best_ms(lambda jpeg=jpeg: decode_jpeg(jpeg, WIDTH, HEIGHT))
        print(f"{name:38}{len(jpeg):8}  {gateway_says(jpeg):26}{gateway_ms:8.3f}{decode_ms:11.2f}")


if __name__ == "__main__":
    main()
