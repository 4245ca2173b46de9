"""The scripts of uploads: how many videos there may be, their chunks, and a capture that is closed from the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.broker.keys import UPLOAD_PLACES, capture_keys, uploaded_video
from contracts.broker.script import run_sync
from contracts.messages.upload import looks_like_video
from contracts.process.settings import Settings
from contracts.rules.landmarks import DIMS, Row
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, uploads
from contracts.state.video import CHUNK_BYTES, StoredVideo, VideoSlot
from tests.conftest import BrokerPair
from tests.contracts.scripting import Backend, window

SETTINGS = Settings(upload_max_videos=3, upload_max_total_bytes=1000, capture=CaptureLimits(max_captures_per_user=2))


@pytest.fixture
def store(backend: Backend) -> Iterator[Backend]:
    """The backend without a taken slot."""
    backend.frames.delete(UPLOAD_PLACES)
    yield backend
    backend.frames.delete(UPLOAD_PLACES)


def take(store: Backend, name: str, size: int, user: str = "", *, complete: bool = False) -> str:
    return store.run(uploads.take(VideoSlot(name, size, user), SETTINGS, complete=complete))


def members(store: Backend) -> set[bytes]:
    return set(store.frames.zrange(UPLOAD_PLACES, 0, -1))  # type: ignore[arg-type]


def test_the_number_of_videos_is_limited(store: Backend) -> None:
    assert [take(store, name, 1, name) for name in "abcd"] == ["OK", "OK", "OK", "full"]
    uploads.drop_sync(store.frames, VideoSlot("b", 1, "b"))
    assert take(store, "d", 1, "d") == "OK"


def test_the_bytes_of_all_videos_are_limited(store: Backend) -> None:
    assert [take(store, "a", 600), take(store, "b", 401), take(store, "b", 400)] == ["OK", "full", "OK"]


def test_a_chunk_counts_with_its_bytes(brokers: BrokerPair, unique: str) -> None:
    with brokers.frames.client() as frames:
        for number in range(8):
            run_sync(frames, uploads.put(unique, number, bytes(CHUNK_BYTES)))
        taken_bytes: Any = frames.memory_usage(uploaded_video(unique), samples=0)
        frames.delete(uploaded_video(unique))
    assert 1 <= taken_bytes / (8 * CHUNK_BYTES) < 1.01


def test_a_slot_that_is_renewed_or_changed_counts_once(store: Backend) -> None:
    for _ in range(5):
        assert take(store, "a", 900) == "OK"
    assert take(store, "a", 700, "user", complete=True) == "OK"
    assert members(store) == {b"a/700/user"}
    assert 3500_000 < int(store.frames.pttl(UPLOAD_PLACES)) <= 3600_000  # type: ignore[arg-type]
    assert take(store, "b", 1) == "OK"
    assert int(store.frames.pttl(UPLOAD_PLACES)) > 3500_000, "a slot with a short TTL shortened the others"  # type: ignore[arg-type]


@pytest.mark.parametrize("user", ["user", ""])
def test_the_videos_of_a_user_are_limited_and_unknown_users_count_as_one(store: Backend, user: str) -> None:
    assert [take(store, name, 1, user) for name in "abc"] == ["OK", "OK", "user"]
    assert take(store, "c", 1, "another") == "OK"


def test_a_user_has_half_of_all_bytes_or_one_video(store: Backend) -> None:
    settings = Settings(upload_max_total_bytes=1000, upload_max_bytes=100)

    def taken(name: str, size: int, user: str, whole_bytes: int = 0) -> str:
        return store.run(uploads.take(VideoSlot(name, size, user), settings, complete=False, whole_bytes=whole_bytes))

    assert [taken("a", 400, "u"), taken("b", 101, "u"), taken("b", 100, "u")] == ["OK", "user", "OK"]
    assert [taken("c", 1, "u"), taken("c", 1, "v", 500), taken("d", 1, "w", 500)] == ["user", "OK", "full"]
    assert taken("d", 1, "w", 499) == "OK", "the announced size is checked, not reserved"
    assert sum(VideoSlot.read(member.decode()).byte_length for member in members(store)) == 502


def test_a_slot_that_is_not_renewed_lapses(store: Backend) -> None:
    assert take(store, "a", 900) == "OK"
    store.frames.zadd(UPLOAD_PLACES, {"a/900/": 1_000})
    assert take(store, "b", 900) == "OK"
    assert members(store) == {b"b/900/"}


def test_chunks_expire_and_a_repeated_chunk_changes_nothing(store: Backend, unique: str) -> None:
    for _ in range(2):
        store.run(uploads.put(unique, 0, b"\x00\xff"))
    assert store.frames.hgetall(uploaded_video(unique)) == {b"0": b"\x00\xff"}
    assert 0 < int(store.frames.ttl(uploaded_video(unique))) <= uploads.ARRIVING_TTL_S  # type: ignore[arg-type]
    assert uploads.keep_sync(store.frames, unique)
    assert int(store.frames.ttl(uploaded_video(unique))) > 3500  # type: ignore[arg-type]
    assert uploads.read_chunk(store.frames, unique, 1) is None
    assert not uploads.keep_sync(store.frames, unique + "-not")


def test_a_capture_from_a_video_is_created_closed_and_lapses_unless_it_is_claimed(store: Backend, unique: str) -> None:
    video = StoredVideo(upload_id="u", byte_length=9, min_duration_s=2, max_frames=9)
    made = window(f"capture-{unique}").model_copy(update={"video": video})
    assert store.run(captures.open_capture(made)) and store.run(captures.open_capture(made))
    assert 50 < int(store.frames.ttl(capture_keys(made.capture_id).state)) <= 60  # type: ignore[arg-type]
    state = store.run(captures.claim(made.capture_id, "1-0"))
    assert int(store.frames.ttl(capture_keys(made.capture_id).state)) > 3500  # type: ignore[arg-type]
    assert state is not None and (state.status, state.window) == ("closed", made)
    assert not store.run(captures.measure(made.capture_id, "old", expected=5, accepted=0))
    assert store.run(captures.measure(made.capture_id, state.token, expected=5, accepted=4))
    row = captures.row(made.capture_id, state.token, 1, Row(0, True, bytes(4 * DIMS)), 0, restart=False, found={})
    assert store.run(row)
    again = store.run(captures.claim(made.capture_id, "1-0"))
    assert again is not None and (again.accepted, again.extracted) == (4, 1)


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        (b"\x00\x00\x00\x18ftypmp42", True),
        (b"\x00\x00\x00\x08moov", True),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00", True),
        (b"RIFF\x00\x00\x00\x00AVI ", False),
        (b"#EXTM3U\n", False),
        (b"", False),
    ],
)
def test_the_first_bytes_show_whether_a_file_may_be_a_video(head: bytes, taken: bool) -> None:
    assert looks_like_video(head) is taken


HOSTILE_PLACES: tuple[bytes, ...] = (
    b"x/12/a/b", b"x/12", b"", b"\xff", b"x/nan/u", b"x/-1/u", b"x/1e300/u", b"x/" + b"9" * 16 + b"/u",
    b"x/12/\x1b[2J", b"x/12/\x00", b"a b/12/u", b"x/12/u" + b"u" * 1_000_000,
)  # fmt: skip


@pytest.mark.parametrize("member", HOSTILE_PLACES)
def test_an_invalid_member_is_not_read_as_a_slot(member: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        VideoSlot.read(member.decode())


@pytest.mark.parametrize(
    "place", [VideoSlot("a" * 32, 0), VideoSlot("x", 10**15 - 1, "a.b_c-d"), VideoSlot("x", 5, "u" * 128)]
)
def test_a_slot_reads_back_as_it_was_written(place: VideoSlot) -> None:
    assert VideoSlot.read(place.member) == place


def test_an_invalid_member_takes_no_room_and_is_removed(store: Backend) -> None:
    store.frames.zadd(UPLOAD_PLACES, dict.fromkeys(HOSTILE_PLACES[:-1], 10**13))
    store.frames.zadd(UPLOAD_PLACES, {"for/1/ever": float("inf"), "f/1/u": 10**15})
    assert [take(store, name, 1, name) for name in "abcd"] == ["OK", "OK", "OK", "full"]
    assert members(store) == {b"a/1/a", b"b/1/b", b"c/1/c"}
