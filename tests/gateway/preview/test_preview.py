"""``GET /captures/{capture_id}/preview.png``, ``…/animation.gif``: the landmarks of a recorded capture as pictures."""

from __future__ import annotations

import asyncio
import io
import threading
import uuid
import zipfile
from pathlib import Path

import numpy as np
import orjson
import pytest
from PIL import Image
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.script import run
from contracts.messages.event import RawFeaturesRef
from contracts.rules.errors import ArtifactError
from contracts.rules.landmarks import DIMS, LAYOUT, Part, Row
from contracts.rules.paths import session_features_dir, session_log_path
from contracts.state import recording, records
from contracts.state.captures import CaptureWindow
from contracts.state.events import EventEntry, Receipt
from contracts.state.records import CaptureCounts
from contracts.storage.object_store import ObjectStore
from gateway.preview import routes
from gateway.preview.animation import MAX_FRAMES, animation, schedule
from gateway.preview.artifact import Recorded, read_artifact
from gateway.preview.sheet import contact_sheet, moments
from gateway.preview.turns import DRAWN_AT_ONCE
from tests.contracts.storage.session_lines import line_bytes
from tests.gateway.capture.test_report import opened
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.recorder.samples import feature_ref
from tests.support.s3 import BUCKET, S3Server
from workers.vision.artifact import write_artifact
from workers.vision.local_store import LocalStore
from workers.vision.matrix import FeatureMatrix

GROUND = {(27, 41, 39), (14, 22, 21)}
COLOURS: dict[Part, tuple[int, int, int]] = {
    "pose": (255, 209, 102),
    "left_hand": (76, 201, 240),
    "right_hand": (247, 143, 179),
    "face": (184, 242, 200),
}
FAULT = (255, 138, 112)
FOOT = 64
PICTURES = ("preview.png", "animation.gif")
ADDRESSES = ("/captures/{}/preview.png", "/captures/{}/animation.gif", "/library/captures/{}/motion")
META = '{"width":64,"height":48}'


def row(timestamp_ms: int = 0, **parts: tuple[float, float]) -> Row:
    """A row in which all landmarks of each named part are at one point, with full visibility."""
    values = np.full(DIMS, np.nan, "<f4")
    for part in LAYOUT:
        if part.name in parts:
            x, y = parts[part.name]
            values[part.columns] = np.tile([x, y, 0, 1][: len(part.coordinates)], part.landmarks)
    return Row(timestamp_ms, True, values.tobytes())


def npz(*rows: Row, meta: str = META) -> bytes:
    return FeatureMatrix.of(rows, []).npz(meta)


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(contact_sheet(read_artifact(data))))


def colours_near(image: Image.Image, x: float, y: float) -> set[tuple[int, ...]]:
    """The colours in a small square of the first tile, at normalised coordinates."""
    left, top = round(16 + x * 320), round(16 + y * 240)
    square = image.crop((left - 4, top - 4, left + 4, top + 4))
    return {square.getpixel((at % 8, at // 8)) for at in range(64)}  # type: ignore[misc]


@pytest.mark.parametrize("part", ["pose", "left_hand", "right_hand"])
def test_each_part_is_drawn_in_its_colour_where_it_was_found(part: Part) -> None:
    image = picture(npz(row(**{part: (0.25, 0.75)})))
    assert COLOURS[part] in colours_near(image, 0.25, 0.75)
    assert colours_near(image, 0.75, 0.25) <= GROUND


def test_the_face_is_drawn_as_its_contours() -> None:
    values = np.full(DIMS, np.nan, "<f4")
    face = LAYOUT[3]
    turn = np.linspace(0, 2 * np.pi, face.landmarks)
    values[face.columns] = np.stack([0.5 + 0.3 * np.cos(turn), 0.5 + 0.3 * np.sin(turn), turn * 0], axis=1).ravel()
    drawn = picture(npz(Row(0, True, values.tobytes()))).getcolors(2**24)
    assert drawn
    assert COLOURS["face"] in {colour for _, colour in drawn}


def test_landmarks_of_the_pose_that_are_only_guessed_are_left_out() -> None:
    values = np.frombuffer(row(pose=(0.25, 0.75)).features, "<f4").copy()
    values[3 : 33 * 4 : 4] = 0.4
    assert colours_near(picture(npz(Row(0, True, values.tobytes()))), 0.25, 0.75) <= GROUND


def test_landmarks_far_outside_the_picture_or_no_numbers_harm_nothing() -> None:
    values = np.frombuffer(row(left_hand=(1e30, -1e30), right_hand=(0.5, 0.5)).features, "<f4").copy()
    values[LAYOUT[2].start + 4] = np.inf
    assert colours_near(picture(npz(Row(0, True, values.tobytes()))), 0.5, 0.5) <= GROUND


def test_a_few_moments_are_shown_spread_over_what_was_found() -> None:
    assert moments([True] * 12) == [1, 3, 5, 7, 9, 11]
    assert moments([False] * 100 + [True] * 12 + [False] * 100) == [101, 103, 105, 107, 109, 111]
    assert moments([False, True, False]) == [1]
    assert moments([False] * 60) == [5, 15, 25, 35, 45, 55]
    assert moments([]) == []


@pytest.mark.parametrize(
    ("frames", "size", "expected"),
    [
        (1, (640, 480), (320 + 32, 240 + 44 + FOOT)),
        (3, (640, 480), (3 * 336 + 16, 240 + 44 + FOOT)),
        (50, (640, 360), (3 * 336 + 16, 2 * (180 + 44) + FOOT)),
        (50, (480, 640), (3 * 256 + 16, 2 * (320 + 44) + FOOT)),
        (2, (1, 65535), (2 * 17 + 16, 320 + 44 + FOOT)),
    ],
)
def test_tiles_have_the_pictures_shape(frames: int, size: tuple[int, int], expected: tuple[int, int]) -> None:
    meta = orjson.dumps({"width": size[0], "height": size[1]}).decode()
    assert picture(npz(*[row(seq) for seq in range(frames)], meta=meta)).size == expected


def test_frames_that_could_not_be_read_are_crossed_out_and_counted() -> None:
    lost = Row(0, False, row().features)
    image = picture(npz(lost, lost))
    assert FAULT in colours_near(image, 0.5, 0.5), "the cross"
    foot = image.crop((0, image.height - 30, image.width, image.height))
    assert FAULT in {colour for _, colour in foot.getcolors(2**16) or []}, "the number of them"
    good = picture(npz(row(), row()))
    assert FAULT not in {colour for _, colour in good.getcolors(2**24) or []}


def test_the_same_capture_is_the_same_picture() -> None:
    data = npz(row(pose=(0.5, 0.5)), row(66))
    for draw in (contact_sheet, animation):
        assert draw(read_artifact(data)) == draw(read_artifact(data))


def gif(data: bytes, **options: int) -> Image.Image:
    return Image.open(io.BytesIO(animation(read_artifact(data), **options)))


def near(image: Image.Image, x: float, y: float) -> set[tuple[int, ...]]:
    """The colours in a small square of a moving picture's frame, at normalised coordinates."""
    square = image.convert("RGB").crop((round(x * 320) - 4, round(y * 240) - 4, round(x * 320) + 4, round(y * 240) + 4))
    return {colour for _, colour in square.getcolors() or []}  # type: ignore[misc]


def is_near(colours: set[tuple[int, ...]], wanted: tuple[int, ...]) -> bool:
    """Whether two colours are close: a GIF's palette does not hold every colour exactly."""
    return any(max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) <= 4 for colour in colours)


def test_each_frame_of_the_animation_shows_its_own_landmarks() -> None:
    image = gif(npz(row(0, left_hand=(0.25, 0.75)), row(66), row(133, right_hand=(0.75, 0.25))))
    assert (image.size, getattr(image, "n_frames", 1)) == ((320, 240 + 31), 3)
    assert image.info["loop"] == 0
    seen = []
    for frame in range(3):
        image.seek(frame)
        seen.append((is_near(near(image, 0.25, 0.75), COLOURS["left_hand"]), len(near(image, 0.75, 0.25)) > 1))
    assert seen == [(True, False), (False, False), (False, True)]


def test_unreadable_frames_of_the_animation_are_crossed_out() -> None:
    image = gif(npz(row(0), Row(66, False, row().features), row(133)))
    crossed = []
    for frame in range(3):
        image.seek(frame)
        crossed.append(is_near(near(image, 0.5, 0.5), FAULT))
    assert crossed == [False, True, False]


@pytest.mark.parametrize(
    ("times_ms", "most", "expected"),
    [
        ([0, 66, 133, 200], 9, [(0, 7), (1, 6), (2, 7), (3, 100)]),  # 15 a second, each less than 10 ms off
        ([0, 500], 9, [(0, 50), (1, 100)]),
        ([40], 9, [(0, 100)]),
        ([], 9, []),
        ([0, 5, 10, 15, 20, 25], 9, [(0, 2), (3, 100)]),  # more frames a second than a GIF can show
        ([0, 100, 200, 300, 400], 2, [(0, 30), (3, 100)]),  # the whole duration stays the same
        ([0, 100, 200, 300], 2, [(0, 20), (2, 100)]),
        ([0, 100, 200, 300], None, [(0, 10), (1, 10), (2, 10), (3, 100)]),
        ([0, 0, 0], 9, [(0, 100)]),
        ([0, 10**9], 9, [(0, 65_535), (1, 100)]),
    ],
)
def test_frames_stand_as_long_as_they_did(times_ms: list[int], most: int | None, expected: list[object]) -> None:
    assert schedule(times_ms, most) == expected


def test_the_gateway_draws_a_bounded_number_of_frames() -> None:
    assert MAX_FRAMES / 2 < len(schedule(range(0, 66 * 100_000, 66))) <= MAX_FRAMES
    assert len(schedule(range(0, 66 * MAX_FRAMES, 66))) == MAX_FRAMES


def test_the_animation_plays_as_fast_as_the_capture() -> None:
    image = gif(npz(*[row(seq * 1000 // 15, pose=(seq / 60, 0.5)) for seq in range(60)]))
    stands = []
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        stands.append(image.info["duration"])
    assert len(stands) == 60
    assert set(stands[:-1]) == {60, 70}
    assert abs(sum(stands[:-1]) - 59 * 1000 / 15) <= 10


def test_an_artifact_without_a_frame_has_no_animation() -> None:
    with pytest.raises(ArtifactError):
        animation(read_artifact(npz()))


def _compressed(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as there, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as here:
        for name in there.namelist():
            here.writestr(name, there.read(name))
    return buffer.getvalue()


def _with_features(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    return _with(features=array)


def _with(**changed: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    """An artifact of two frames, valid except for the given changes."""
    arrays = {
        "features": np.zeros((2, DIMS), "<f4"),
        "timestamps_ms": np.zeros(2, "<i8"),
        "decoded": np.ones(2, "|b1"),
        "tracker_restarts": np.zeros(0, "<i4"),
        "meta": np.array(META),
    }
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, **changed})  # type: ignore[arg-type]
    return buffer.getvalue()


def test_the_artifact_that_the_refused_ones_are_changed_from_is_valid() -> None:
    assert len(read_artifact(_with())) == 2


WHOLE = npz(row(), row(1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no artifact",
        WHOLE[:-30],
        WHOLE.replace(b"NUMPY", b"NUMPI", 1),
        _compressed(WHOLE),
        npz(row(), meta="{}"),
        npz(row(), meta="[]"),
        npz(row(), meta="no JSON"),
        npz(row(), meta='{"width":0,"height":48}'),
        npz(row(), meta='{"width":70000,"height":48}'),
        _with_features(np.zeros((2, DIMS), "<f8")),
        _with_features(np.zeros((2, DIMS - 1), "<f4")),
        _with_features(np.zeros((3, DIMS), "<f4")),
        _with_features(np.zeros((2, DIMS), "<f4", order="F")),
        _with_features(np.zeros(2 * DIMS, "<f4")),
        _with(decoded=np.ones(3, "|b1")),
        _with(decoded=np.ones(2, "<i4")),
        _with(tracker_restarts=np.zeros(1, "<f4")),
    ],
)
def test_a_file_that_is_no_artifact_of_the_pipeline_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        read_artifact(data)


async def published(
    gateway: Reached, *rows: Row, store: ObjectStore | None = None
) -> tuple[CaptureWindow, RawFeaturesRef]:
    """Publish a capture whose artifact is on the disk or in this store."""
    made = await opened(gateway)
    data_root = gateway.state.settings.data_root
    if store is None:
        session_features_dir(data_root, made.user_id, made.session_id).mkdir(parents=True)
    reference = await asyncio.to_thread(
        write_artifact, store or LocalStore(data_root), made, FeatureMatrix.of(rows, [])
    )
    entry = EventEntry(event_of(made, reference), made.user_id, made.session_id, made.record_id, made.capture_id)
    await run(gateway.state.events, records.publish(entry, CaptureCounts(len(rows), len(rows), {"pose": len(rows)})))
    return made, reference


def event_of(made: CaptureWindow, reference: RawFeaturesRef) -> bytes:
    """The capture's own event."""
    event = feature_ref(made.session_id, made.capture_id, made.record_id, made.user_id, **reference.model_dump())
    return orjson.dumps(event)


async def settled(gateway: Reached, made: CaptureWindow) -> None:
    """Append the capture's event, the last one in the stream, to its session's log."""
    ((entry_id, fields),) = await gateway.state.events.xrevrange(keys.EVENTS, count=1)
    log_line(gateway, EventEntry.decode(fields).event, made.user_id, made.session_id)
    receipt = Receipt("2026-01-31T12:00:00.000Z")
    await run(gateway.state.events, recording.acknowledge_event(entry_id.decode(), receipt, made.capture_id))


def log_line(gateway: Reached, event: bytes, user_id: str, session_id: str) -> None:
    path = session_log_path(gateway.state.settings.log_root, user_id, session_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        log.write(line_bytes(event))


async def test_a_recorded_capture_is_shown_and_its_picture_is_not_cached(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made, _ = await published(gateway, row(pose=(0.5, 0.5)))
        await settled(gateway, made)
        answer = await gateway.client.get(f"/captures/{made.capture_id}/preview.png")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.headers["cache-control"] == "no-store"
        image = Image.open(io.BytesIO(answer.content))
        assert COLOURS["pose"] in colours_near(image, 0.5, 0.5)
        assert not image.info  # nothing beside the pixels
        moving = await gateway.client.get(f"/captures/{made.capture_id}/animation.gif")
        assert (moving.status_code, moving.headers["content-type"]) == (200, "image/gif")
        assert moving.headers["cache-control"] == "no-store"
        assert is_near(near(Image.open(io.BytesIO(moving.content)), 0.5, 0.5), COLOURS["pose"])


@pytest.mark.parametrize("address", ADDRESSES)
async def test_before_the_capture_is_recorded_there_is_no_picture(tmp_path: Path, address: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        waiting = await opened(gateway)
        aborted = await opened(gateway)
        await run(gateway.state.events, records.abort(aborted.user_id, aborted.capture_id, "forward_failed"))
        under_way, _ = await published(gateway, row())
        for made in (waiting, aborted, under_way):
            answer = await gateway.client.get(address.format(made.capture_id))
            assert_refused(answer, 404, "not_recorded")
        for unknown in (str(uuid.uuid4()), ".hidden", "{a3cp}"):
            answer = await gateway.client.get(address.format(unknown))
            assert_refused(answer, 404, "unknown_capture")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_missing_damaged_or_misplaced_file_is_an_error_with_its_code(tmp_path: Path, address: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made, reference = await published(gateway, row())
        await settled(gateway, made)
        path = gateway.state.settings.data_root / reference.uri
        address = address.format(made.capture_id)
        for other in (b"damaged", npz(row(pose=(0.5, 0.5)))):
            path.write_bytes(other)
            detail = assert_refused(await gateway.client.get(address), 500, "artifact_unreadable")
            assert str(tmp_path) not in detail
        path.unlink()
        assert_refused(await gateway.client.get(address), 404, "artifact_missing")
        for number, uri in enumerate(("s3://bucket/x.npz", "/etc/passwd", "users/../../x.npz")):
            capture_id = f"elsewhere-{number}"
            elsewhere = made.model_copy(update={"capture_id": capture_id})
            event = event_of(elsewhere, reference.model_copy(update={"uri": uri}))
            log_line(gateway, event, made.user_id, made.session_id)
            answer = await gateway.client.get(address.replace(made.capture_id, capture_id))
            assert_refused(answer, 404, "artifact_elsewhere")


async def test_a_capture_in_an_object_store_is_shown_and_faults_of_the_store_have_their_codes(
    tmp_path: Path, s3: S3Server, unique: str
) -> None:
    url = f"s3://{BUCKET}/{unique}"
    async with reaching(tmp_path, recorder=False, artifact_url=url) as gateway:
        made, reference = await published(gateway, row(pose=(0.5, 0.5)), store=ObjectStore(url))
        await settled(gateway, made)
        assert reference.uri.startswith(url)
        key = reference.uri.removeprefix(f"s3://{BUCKET}/")
        there = s3.get(key)
        assert there is not None
        for picture, draw in zip(PICTURES, (contact_sheet, animation), strict=True):
            address = f"/captures/{made.capture_id}/{picture}"
            answer = await gateway.client.get(address)
            assert answer.content == draw(read_artifact(there))
            assert not (tmp_path / "data").exists()
            s3.refuses = 403
            detail = assert_refused(await gateway.client.get(address), 503, "artifact_store_unavailable")
            assert BUCKET not in detail
            s3.refuses = 0
        s3.put(key, npz(row(pose=(0.5, 0.5))))
        assert_refused(await gateway.client.get(address), 500, "artifact_unreadable")
        s3.remove(key)
        assert_refused(await gateway.client.get(address), 404, "artifact_missing")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_picture_of_a_person_needs_the_token(tmp_path: Path, address: str) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr("s3cret")) as gateway:
        made, _ = await published(gateway, row())
        await settled(gateway, made)
        address = address.format(made.capture_id)
        assert_refused(await gateway.client.get(address), 401, "token_required")
        answer = await gateway.client.get(address, headers={"Authorization": "Bearer s3cret"})
        assert answer.status_code == 200


async def test_many_requests_at_once_are_served_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = threading.Lock()
    drawing = most = 0
    read = routes.read_artifact

    def watched(data: bytes) -> Recorded:
        nonlocal drawing, most
        with lock:
            drawing += 1
            most = max(most, drawing)
        try:
            return read(data)
        finally:
            with lock:
                drawing -= 1

    monkeypatch.setattr(routes, "read_artifact", watched)
    async with reaching(tmp_path, recorder=False) as gateway:
        made, _ = await published(gateway, row(pose=(0.5, 0.5)))
        await settled(gateway, made)
        addresses = [address.format(made.capture_id) for address in ADDRESSES * 3]
        answers = await asyncio.gather(*(gateway.client.get(address) for address in addresses))
        assert [answer.status_code for answer in answers] == [200] * 9
        assert 1 <= most <= DRAWN_AT_ONCE
