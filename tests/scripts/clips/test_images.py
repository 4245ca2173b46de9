"""Folders of images as cameras and tools write them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from contracts.rules.limits import CaptureLimits
from scripts.clips import images
from scripts.clips.clip import ClipError, FolderSource, open_clip
from scripts.clips.images import ImageError, in_order, left_out, read_image
from tests.scripts.clips.videos import make_folder
from tests.support.messages import jpeg
from tests.workers.vision.cameras import scene

LIMITS = CaptureLimits()
KINDS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}


def stored(kind: str, orientation: int, size: tuple[int, int]) -> bytes:
    """An image that its EXIF orientation turns upright."""
    upright = Image.fromarray(scene(4, *size)[3])
    turned = upright.copy()
    turned.getexif()[0x0112] = {6: 8, 8: 6}.get(orientation, orientation)  # the others are their own inverse
    turned = ImageOps.exif_transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    buffer = io.BytesIO()
    if kind == "TIFF":
        turned.save(buffer, kind, tiffinfo={0x0112: orientation})
    else:
        turned.save(buffer, kind, exif=exif, **options)
    return buffer.getvalue()


def shown(path: Path) -> np.ndarray[Any, Any]:
    image = read_image(path, LIMITS)
    pixels = simplejpeg.decode_jpeg(image.jpeg) if image.pixels is None else image.pixels
    assert pixels.shape == (image.height, image.width, 3)
    return pixels


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("size", [(320, 240), (1280, 960)], ids=["fits", "is shrunk"])
def test_an_image_is_turned_upright_by_its_exif(
    tmp_path: Path, suffix: str, orientation: int, size: tuple[int, int]
) -> None:
    path = tmp_path / f"one{suffix}"
    path.write_bytes(stored(KINDS[suffix], orientation, size))
    pixels = shown(path)
    expected = scene(4, min(640, size[0]), min(480, size[1]))[3]
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() < 4


def test_an_upright_jpeg_within_the_limits_is_sent_unchanged_with_its_padding(tmp_path: Path) -> None:
    path = tmp_path / "one.jpg"
    for data in (jpeg(), jpeg() + bytes(100), stored("JPEG", 1, (320, 240))):
        path.write_bytes(data)
        assert read_image(path, LIMITS).jpeg == data


@pytest.mark.parametrize("tail", [b"tail", bytes(5000), b"\xff"])
def test_a_jpeg_that_the_gateway_would_refuse_is_encoded_again(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "one.jpg"
    extended = jpeg().replace(b"\xff\xc0", b"\xff\xc1", 1)
    for data in (jpeg() + tail, jpeg()[:-2], extended):
        path.write_bytes(data)
        image = read_image(path, LIMITS)
        assert image.pixels is not None and (image.width, image.height) == (64, 48)


@pytest.mark.parametrize("size", [(320, 240), (1280, 960)], ids=["fits", "is shrunk"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [*KINDS, ".bmp"])
def test_an_image_that_is_cut_off_is_refused(tmp_path: Path, suffix: str, share: float, size: tuple[int, int]) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8))
    buffer = io.BytesIO()
    noise.save(buffer, KINDS.get(suffix, "BMP"))
    path = tmp_path / f"one{suffix}"
    for end in (b"", b"\xff\xd9") if suffix == ".jpg" else (b"",):
        path.write_bytes(buffer.getvalue()[: int(share * len(buffer.getvalue()))] + end)
        with pytest.raises(ImageError, match="not an image that can be read"):
            read_image(path, LIMITS)


def names(folder: Path, *made: str) -> list[str]:
    return [path.name for path in in_order(folder / name for name in made)]


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.jpg", "2.jpg", "10.jpg", "60.jpg"],
        ["0001.jpg", "0002.jpg", "0010.jpg"],
        ["frame.jpg", "frame1.jpg", "frame2.png", "frame10.jpg"],
        ["a1b2.jpg", "a1b10.jpg", "a2b1.jpg"],
        ["IMG_9.JPG", "IMG_10.JPG"],
        ["1.jpg", "1 (2).jpg", "1 (10).jpg", "2.jpg"],
        ["1700000000.25.jpg", "1700000000.5.jpg", "1700000001.jpg"],
        ["v1.2.jpg", "v1.10.jpg"],
        ["01.jpg", "1.jpg", "02.jpg"],
        ["٢.jpg", "١٠.jpg"],
    ],
    ids=str,
)
def test_numbers_need_no_zeros_before_them(tmp_path: Path, ordered: list[str]) -> None:
    assert names(tmp_path, *reversed(ordered)) == ordered


def test_files_that_a_system_keeps_beside_images_are_skipped(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    for name in ("._0000.jpg", ".hidden.png", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"\0\5\x16\7 no image")
    assert len(list(FolderSource(folder, LIMITS).frames())) == 30


@pytest.mark.parametrize("suffix", [".heic", ".HEIF", ".gif", ".avif", ".dng"])
def test_images_of_a_kind_that_cannot_be_read_are_not_left_out_in_silence(tmp_path: Path, suffix: str) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    (folder / f"0030{suffix}").write_bytes(b"another image")
    with pytest.raises(ClipError, match=rf"1 of its images cannot be read \({suffix.lower()}\)"):
        FolderSource(folder, LIMITS)


def test_a_raw_file_beside_its_jpeg_is_skipped(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    (folder / "0007.dng").write_bytes(b"raw")
    assert left_out(folder.iterdir()) == []
    assert FolderSource(folder, LIMITS).expected_frames == 30


@pytest.mark.parametrize(("fps", "kept"), [(25, 30), (30, 30), (60, 30), (15, 30), (10, 20)])
def test_a_folder_of_more_a_second_is_downsampled_as_a_video_is(tmp_path: Path, fps: int, kept: int) -> None:
    clip = FolderSource(make_folder(tmp_path / "f", images=2 * fps, width=32, height=24), LIMITS, fps=fps)
    offsets = [frame.offset_ms for frame in clip.frames()]
    assert (len(offsets), clip.fps_target, clip.end_ms(offsets[-1])) == (kept, min(15, fps), 2000)
    assert abs(clip.expected_frames - kept) <= 1
    assert all(abs(offset - 1000 * index / min(15, fps)) < 30 for index, offset in enumerate(offsets))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize(
    "script",
    ["ffconcat version 1.0\nfile '{}'\n", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"],
)
def test_no_image_makes_the_reader_open_another_file(tmp_path: Path, suffix: str, script: str) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(stored("PNG", 1, (320, 240)))
    path = tmp_path / f"one{suffix}"
    path.write_text(script.format(secret.name))
    with pytest.raises(ImageError, match="not an image"):
        read_image(path, LIMITS)


def test_an_image_is_measured_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(images, "_decoded", decode)
    path = tmp_path / "one.png"
    for side in (8001, 16_384):  # Pillow's own limit is between them
        Image.new("1", (side, side)).save(path)
        with pytest.raises(ImageError, match="larger than 64 million pixels"):
            read_image(path, LIMITS)
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    path.write_bytes(stored("PNG", 1, (320, 240)))
    with pytest.raises(ImageError):
        read_image(path, LIMITS)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    os.mkfifo(folder / "0007.png")
    with pytest.raises(ClipError, match=r"0007\.png: not an image"):
        list(FolderSource(folder, LIMITS).frames())
    os.mkfifo(tmp_path / "v.mp4")
    with pytest.raises(ClipError, match="save it as a file first"):
        open_clip(tmp_path / "v.mp4", LIMITS)


def test_a_folder_s_name_is_never_read_as_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "10:30", images=29)
    (tmp_path / "10:30" / "0029.png").write_bytes(stored("PNG", 1, (320, 240)))
    monkeypatch.chdir(tmp_path)
    assert len(list(FolderSource(Path("10:30"), LIMITS).frames())) == 30


def test_an_animation_is_refused(tmp_path: Path) -> None:
    first, *others = (Image.fromarray(picture) for picture in scene(60)[::20])
    first.save(tmp_path / "one.webp", save_all=True, append_images=others, lossless=True)
    with pytest.raises(ImageError, match="an animation"):
        read_image(tmp_path / "one.webp", LIMITS)
