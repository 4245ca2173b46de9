"""The event time of frames, and frames and captures that the client refuses to send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from scripts.client import Frame, UsageError
from scripts.client.frames import capture_frame, frame_parts, jpeg_bytes
from scripts.client.window import CameraClock, When, Window
from tests.support.messages import jpeg

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def window(start: datetime = START, **changes: Any) -> Window:
    fields = {
        "record_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "user_id": "u",
        "session_id": "sess_0123456789abcdef",
        "capture_id": "c",
        "fps_target": 15,
        "width": 640,
        "height": 480,
        "intent": None,
    }
    return Window(start, fields | changes)


def test_the_annotation_has_the_meaning_the_study_and_the_prompt() -> None:
    assert window().open.annotation is None
    assert window(intent="wave").open.model_dump(exclude_none=True)["annotation"] == {"intent": "wave"}
    said: dict[str, str] = {"intent": "wave", "study": "daily-care", "prompt": "p1"}
    assert window(**said).open.model_dump(exclude_none=True)["annotation"] == said
    with pytest.raises(UsageError, match="intent"):
        window(study="daily-care", prompt="p1")


def seconds(*moments: datetime) -> list[float]:
    return [(moment - START).total_seconds() for moment in moments]


def test_without_times_the_rate_sets_the_time_of_each_frame() -> None:
    made = window()
    frames = [made.frame(None, 9) for _ in range(4)]
    assert [frame.seq for frame in frames] == [1, 2, 3, 4]
    assert seconds(*(frame.timestamp_frame for frame in frames)) == [0, 0.067, 0.133, 0.2]
    assert seconds(made.close(None).timestamp_end) == [0.267], "the last one is shown for its time too"
    assert len({frame.record_id for frame in frames} | {made.open.record_id}) == 5


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (timedelta(seconds=2), 2.0),
        (timedelta(microseconds=1999), 0.001),
        (START + timedelta(seconds=3), 3.0),
        (datetime(2026, 1, 31, 14, 0, 1, tzinfo=timezone(timedelta(hours=2))), 1.0),
    ],
)
def test_a_time_may_be_a_moment_or_the_time_since_the_start(when: When, expected: float) -> None:
    assert seconds(window().frame(when, 9).timestamp_frame) == [expected]
    assert seconds(window().close(when).timestamp_end) == [expected]


def test_a_start_between_two_milliseconds_moves_no_frame() -> None:
    start = START + timedelta(microseconds=999)
    frame = window(start).frame(timedelta(milliseconds=67), 9)
    assert frame.timestamp_frame - window(start).open.timestamp_start == timedelta(milliseconds=67)


def test_time_never_runs_backwards_and_only_sent_frames_count() -> None:
    made = window()
    with pytest.raises(UsageError, match="before the start; give the capture an earlier start="):
        made.frame(START - timedelta(seconds=1), 9)
    made.frame(timedelta(seconds=1), 9)
    for wrong in (made.frame, lambda when, _: made.close(when)):
        with pytest.raises(UsageError, match="before the frame before it"):
            wrong(timedelta(seconds=0.5), 9)
    assert made.frame(timedelta(seconds=1), 9).seq == 2, "two at once may be"


def test_a_cameras_times_are_those_between_its_frames() -> None:
    clock = CameraClock()
    assert [clock.offset(at) / timedelta(milliseconds=1) for at in (812.25, 812.316, 812.5, 812.4)] == [0, 66, 250, 150]
    assert CameraClock().offset(-3.0) == timedelta(0)


def test_a_moment_without_a_time_zone_is_not_guessed_at() -> None:
    with pytest.raises(UsageError, match="needs a time zone"):
        window().frame(datetime(2026, 1, 31, 12), 9)
    with pytest.raises(UsageError, match="needs a time zone"):
        window(datetime(2026, 1, 31, 12))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"fps_target": 0}, "fps_target"), ({"width": -1}, "width"), ({"user_id": "../u"}, "user_id"),
     ({"capture_id": ""}, "capture_id"), ({"record_id": "7"}, "record_id"), ({"session_id": "s"}, "session_id")],
)  # fmt: skip
def test_a_capture_that_the_gateway_would_refuse_is_refused_before_it_opens(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(UsageError, match=f"^{named}: ") as error:
        window(**changes)
    assert "\n" not in str(error.value)


class Array:
    """An object with a buffer, as ``cv2.imencode`` returns it."""

    def __new__(cls, data: bytes) -> memoryview:  # type: ignore[misc]
        return memoryview(bytearray(data))


@pytest.mark.parametrize("made", [bytes, bytearray, memoryview, Array])
def test_any_object_with_the_bytes_of_a_jpeg_is_a_frame(made: Any) -> None:
    assert jpeg_bytes(made(b"\xff\xd8 and so on")) == b"\xff\xd8 and so on"


@pytest.mark.parametrize("wrong", [b"", b"\x89PNG", 5, None, "text", [1, 2]])
def test_bytes_that_are_no_jpeg_are_not_sent(wrong: Any) -> None:
    with pytest.raises(UsageError, match="a frame is a JPEG") as error:
        jpeg_bytes(wrong)
    assert "encode it first" in str(error.value)


@pytest.mark.parametrize("padding", [b"", b"\0\0\0", b"\r\n", bytes(4096), jpeg(32, 32)])
def test_a_frame_is_sent_unchanged(padding: bytes) -> None:
    assert capture_frame(jpeg() + padding, 64, 48) == jpeg() + padding


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (jpeg(32, 32), "this frame is 32 × 32, the capture was opened with 64 × 48"),
        (jpeg(48, 64), "this frame is 48 × 64, the capture was opened with 64 × 48"),
        (jpeg()[:-2], "does not end with EOI; send each JPEG whole"),
        (jpeg() + b"tail", "nothing behind it but zero bytes, CR or LF"),
        (jpeg().replace(b"\xff\xc0", b"\xff\xc1", 1), "neither baseline nor progressive"),
        (b"\xff\xd8 no JPEG", "does not end with EOI"),
    ],
    ids=["small", "turned", "cut", "tail", "extended", "text"],
)
def test_a_frame_that_the_gateway_would_refuse_is_an_error_with_the_reason(frame: bytes, said: str) -> None:
    with pytest.raises(UsageError, match="this frame is") as error:
        capture_frame(frame, 64, 48)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("frame", "parts"), [(b"j", (b"j", None)), ((b"j", START), (b"j", START))])
def test_a_frame_may_come_with_its_time(frame: Frame, parts: object) -> None:
    assert frame_parts(frame) == parts
