"""Hostile JPEGs: what the gateway says of them, what an extractor makes of them, and that neither works for long.

Work is counted, not timed: ``python -m tests.attack.hostile`` shows the milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import fakeredis
import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.errors import CaptureError
from contracts.rules.landmarks import DIMS
from gateway.capture.jpeg import check_jpeg
from tests.attack.hostile import GOOD, HEIGHT, HOSTILE, LIMITS, PROGRESSIVE, WIDTH, gateway_says
from tests.attack.jpegs import SOS, picture, with_orientation
from tests.workers.broker_capture import BrokerCapture
from workers.vision.decode import decode_jpeg

BY_NAME = pytest.mark.parametrize("name", list(HOSTILE))

GATEWAY_LINES = 3000
"""A good picture takes about 80 lines of Python; the worst one 192 segments of about 12 lines each."""


def lines_run(step: Callable[[], object]) -> int:
    """How many lines of Python ``step`` runs."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    finally:
        sys.settrace(before)
    return count


@BY_NAME
def test_the_gateway_refuses_a_hostile_jpeg_by_its_header(name: str) -> None:
    assert gateway_says(HOSTILE[name].jpeg) == HOSTILE[name].gateway


@BY_NAME
def test_no_jpeg_costs_the_gateway_more_than_a_bounded_number_of_steps(name: str) -> None:
    assert lines_run(lambda: gateway_says(HOSTILE[name].jpeg)) < GATEWAY_LINES


def test_the_gateway_decodes_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError("the gateway decoded a picture")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode)
    assert gateway_says(GOOD) == "taken"


@BY_NAME
def test_an_extractor_makes_an_image_of_the_declared_size_or_none(name: str) -> None:
    image = decode_jpeg(HOSTILE[name].jpeg, WIDTH, HEIGHT)
    assert (image is not None) == HOSTILE[name].decodes
    assert image is None or (image.shape, image.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)


def test_an_extractor_does_not_decode_a_picture_that_could_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda jpeg: begun.append(jpeg.count(SOS)))
    for name in (
        "64 scans",
        "65 scans",
        "a few scans of everything",
        "thousands of scans",
        "a huge header",
        "turned",
        "one pixel",
    ):
        assert decode_jpeg(HOSTILE[name].jpeg, WIDTH, HEIGHT) is None
    assert begun == []
    decode_jpeg(HOSTILE["28 scans"].jpeg, WIDTH, HEIGHT)
    assert begun == [28]


def test_a_camera_that_was_turned_does_not_turn_the_picture() -> None:
    """The declared size is that of the header. Decoders that read EXIF would turn the picture, and others would not."""
    upright = decode_jpeg(GOOD, WIDTH, HEIGHT)
    for orientation in range(1, 9):
        assert np.array_equal(decode_jpeg(with_orientation(GOOD, orientation), WIDTH, HEIGHT), upright)


def test_a_hostile_frame_is_a_row_of_nan_and_the_capture_goes_on(tmp_path: Path, unique: str) -> None:
    frames = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    events = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    limits = LIMITS.model_copy(update={"stream_max_bytes": 2**40})
    capture = BrokerCapture(frames, events, tmp_path, unique, limits=limits, shape=(WIDTH, HEIGHT)).open()
    decodes: list[bool] = []
    for hostile in HOSTILE.values():
        capture.push(hostile.jpeg, GOOD)
        decodes += [hostile.decodes, True]
    assert capture.close().run() == "published"
    with np.load(capture.path, allow_pickle=False) as artifact:
        assert artifact["decoded"].tolist() == decodes
        assert artifact["features"].shape == (len(decodes), DIMS)
        assert np.isnan(artifact["features"][~artifact["decoded"]]).all()
        assert not np.isnan(artifact["features"][artifact["decoded"]]).all(axis=1).any()


small = picture(64, 48), picture(64, 48, progressive=True), picture(64, 48, mode="CMYK")
damage = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "repeat", "insert"]), st.floats(0, 1), st.binary(min_size=1, max_size=6)),
    max_size=8,
)


def damaged(jpeg: bytes, steps: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, new in steps:
        at = int(where * len(jpeg))
        match kind:
            case "set":
                jpeg = jpeg[:at] + new + jpeg[at + len(new) :]
            case "cut":
                jpeg = jpeg[:at] + jpeg[at + 16 * len(new) :]
            case "repeat":
                jpeg = jpeg[:at] + jpeg[max(0, at - 64) : at] * len(new) + jpeg[at:]
            case _:
                jpeg = jpeg[:at] + new + jpeg[at:]
    return jpeg


@given(jpeg=st.sampled_from(small), steps=damage, ends=st.booleans())
def test_damage_raises_no_error_but_the_declared_one_and_crashes_no_decoder(
    jpeg: bytes, steps: list[tuple[str, float, bytes]], ends: bool
) -> None:
    payload = damaged(jpeg, steps)
    payload = b"\xff\xd8" + payload[2:-2] + b"\xff\xd9" if ends else payload
    try:
        check_jpeg(payload, 64, 48, LIMITS)
    except CaptureError as error:
        assert error.code in ("invalid_frame", "limit_resolution_exceeded")
    image = decode_jpeg(payload, 64, 48)
    assert image is None or image.shape == (48, 64, 3)


@given(payload=st.binary(max_size=2000), header=st.sampled_from([b"", b"\xff\xd8", PROGRESSIVE[:300], GOOD[:200]]))
def test_any_bytes_raise_no_error_but_the_declared_one(payload: bytes, header: bytes) -> None:
    payload = header + payload + b"\xff\xd9"
    assert gateway_says(payload) in ("taken", "invalid_frame", "limit_resolution_exceeded")
    assert lines_run(lambda: gateway_says(payload)) < GATEWAY_LINES
    decode_jpeg(payload, WIDTH, HEIGHT)
