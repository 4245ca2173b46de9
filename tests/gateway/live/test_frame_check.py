"""Which messages are valid frames for a live worker."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
import simplejpeg
from PIL import Image

from contracts.process.settings import Settings, load_settings
from contracts.rules.errors import LiveRefusal
from contracts.rules.limits import LIVE_MAX_SIDE
from gateway.live.frame_check import check_frame
from tests.attack.hostile import HOSTILE
from tests.attack.jpegs import picture, with_scans
from tests.attack.test_hostile_jpegs import GATEWAY_LINES, lines_run
from tests.support.messages import jpeg

LIMIT = Settings().stream_max_frame_bytes
MIB = 1_048_576


def refused(payload: bytes, limit: int = LIMIT) -> tuple[str, str]:
    with pytest.raises(LiveRefusal) as caught:
        check_frame(payload, limit)
    return caught.value.code, caught.value.detail


def padded(size: int) -> bytes:
    """A JPEG of exactly ``size`` bytes."""
    payload = jpeg()
    return payload[:-2] + bytes(size - len(payload)) + payload[-2:]


def patched_size(width: int, height: int) -> bytes:
    payload = bytearray(jpeg())
    at = payload.index(b"\xff\xc0") + 5
    payload[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(payload)


@pytest.mark.parametrize("payload", [jpeg(), jpeg(progressive=True), jpeg(640, 480), padded(LIMIT)])
def test_a_valid_jpeg_passes(payload: bytes) -> None:
    check_frame(payload, LIMIT)


def test_a_jpeg_without_soi_is_refused() -> None:
    assert refused(b"\0" + jpeg()[1:]) == (
        "invalid_frame",
        "The frame is not a JPEG that the server accepts: it does not begin with SOI.",
    )


def test_a_jpeg_without_eoi_is_refused() -> None:
    assert refused(jpeg()[:-1]) == (
        "invalid_frame",
        "The frame is not a JPEG that the server accepts: it does not end with EOI.",
    )


@pytest.mark.parametrize("padding", [b"\0", b"\r\n", bytes(4096)])
def test_a_frame_with_a_camera_s_padding_is_valid(padding: bytes) -> None:
    check_frame(jpeg() + padding, LIMIT)
    assert refused(jpeg() + padding + b".")[0] == "invalid_frame"


def test_an_empty_message_is_refused() -> None:
    assert refused(b"") == ("invalid_frame", "The frame is empty.")


@pytest.mark.parametrize("payload", [padded(LIMIT + 1), bytes(LIMIT + 1), padded(7 * MIB)])
def test_a_frame_over_5_mib_is_refused_as_too_large_whatever_it_is(payload: bytes) -> None:
    assert refused(payload) == ("frame_too_large", "The frame is longer than 5242880 bytes.")


@pytest.mark.parametrize(("megabytes", "limit"), [("5", 5 * MIB), ("0.5", MIB // 2), ("7", 7 * MIB)])
def test_the_limit_is_read_from_the_environment(megabytes: str, limit: int) -> None:
    settings = load_settings({"STREAM_MAX_FRAME_SIZE_MB": megabytes})
    assert settings.stream_max_frame_bytes == limit
    check_frame(padded(limit), settings.stream_max_frame_bytes)
    assert refused(padded(limit + 1), settings.stream_max_frame_bytes)[0] == "frame_too_large"


def test_bytes_that_are_no_jpeg_are_refused() -> None:
    png = io.BytesIO()
    Image.new("RGB", (64, 48)).save(png, "PNG")
    for payload in (png.getvalue(), b"GIF89a", b"\xff\xd8\xff\xd9", b"\xff\xd8" + bytes(100) + b"\xff\xd9", b"\xff"):
        assert refused(payload)[0] == "invalid_frame"


def test_an_image_that_would_unpack_to_gigabytes_is_refused() -> None:
    check_frame(patched_size(4096, 4096), LIMIT)
    assert LIVE_MAX_SIDE == 4096
    for width, height in ((4097, 4096), (65500, 65500), (65500, 300)):
        code, detail = refused(patched_size(width, height))
        assert code == "invalid_frame"
        assert detail == f"The image is {width} × {height}; no side may be longer than 4096 pixels."


@pytest.mark.parametrize("size", [(4097, 1), (1, 4097), (32767, 2), (2, 32767), (65500, 1), (4097, 4096)])
def test_a_side_over_4096_is_refused_however_few_pixels_it_has(size: tuple[int, int]) -> None:
    """A side of 32,767 or more would crash the worker in MediaPipe's OpenCV."""
    assert refused(patched_size(*size))[0] == "invalid_frame"


@pytest.mark.parametrize("size", [(4096, 1), (1, 4096), (4096, 4096), (1, 1)])
def test_a_side_of_4096_is_valid(size: tuple[int, int]) -> None:
    check_frame(patched_size(*size), LIMIT)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080)])
def test_progressive_pictures_of_real_cameras_are_valid(size: tuple[int, int], subsampling: int) -> None:
    check_frame(picture(*size, progressive=True, subsampling=subsampling), LIMIT)


def test_a_picture_whose_scans_cost_seconds_is_refused_before_a_worker_gets_it() -> None:
    payload = with_scans(picture(4096, 4096, mode="L", progressive=True), 64)
    assert refused(payload) == (
        "invalid_frame",
        "The frame is not a JPEG that the server accepts: it has too many scans to read in time.",
    )


def test_no_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode)
    check_frame(jpeg(), LIMIT)


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_jpeg_is_checked_in_a_bounded_number_of_steps(name: str) -> None:
    said: list[str] = []

    def look() -> None:
        try:
            check_frame(HOSTILE[name].jpeg, LIMIT)
            said.append("taken")
        except LiveRefusal as refusal:
            said.append(refusal.code)

    look()
    assert said in (["taken"], ["invalid_frame"])
    assert said == ["taken"] or HOSTILE[name].gateway != "taken"
    assert lines_run(look) < GATEWAY_LINES


def bytes_given(monkeypatch: pytest.MonkeyPatch, payload: bytes) -> int:
    """The number of bytes that the header parser gets."""
    given: list[bytes] = []
    parse = simplejpeg.decode_jpeg_header

    def noted(data: bytes, **options: object) -> object:
        given.append(data[: data.index(b"\xff\xda")])
        return parse(data, **options)

    monkeypatch.setattr(simplejpeg, "decode_jpeg_header", noted)
    with suppress(LiveRefusal):
        check_frame(payload, LIMIT)
    return max(map(len, given), default=0)


@pytest.mark.parametrize("filler", [b"\xff\xfe\0\2", b"\xff", b"\xff\xc4\0\x13" + bytes(17)])
def test_five_megabytes_of_header_are_not_parsed(monkeypatch: pytest.MonkeyPatch, filler: bytes) -> None:
    at = jpeg().index(b"\xff\xda")
    payload = jpeg()[:at] + filler * ((LIMIT - len(jpeg())) // len(filler)) + jpeg()[at:]
    assert bytes_given(monkeypatch, payload) == 0
    assert bytes_given(monkeypatch, jpeg()) == at


def test_no_detail_holds_a_byte_of_the_frame() -> None:
    assert "secret" not in str(refused(b"secret pixels"))
