from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from contracts.messages.capture import OpenAnnotation
from contracts.messages.event import FeatureRefEvent
from contracts.rules.errors import StreamBroken
from contracts.rules.landmarks import DIMS, Row
from contracts.state import captures
from contracts.state.captures import CaptureState
from contracts.state.events import event_bytes
from tests.workers.broker_capture import START, BrokerCapture
from tests.workers.vision.test_artifact import MATRIX
from workers.extract.deliveries import is_poison
from workers.extract.outcome import feature_ref_event
from workers.extract.progress import Progress, abort_code, event_time_ms, worth_finishing
from workers.vision.artifact import write_artifact

ROW = Row(5, True, bytes(4 * DIMS))


@pytest.fixture
def state(capture: BrokerCapture) -> CaptureState:
    state = capture.call(captures.claim(capture.capture_id, "1-0"))
    assert state is not None
    return state


def packed(*seqs: int) -> dict[bytes, bytes]:
    return {b"%d" % seq: ROW.pack() for seq in seqs}


def test_a_takeover_goes_on_after_the_last_row_and_notes_one_restart(state: CaptureState) -> None:
    progress = Progress.resume(state, packed(3, 1, 2))
    assert (progress.last_seq, progress.resumed, progress.tracker_restarts) == (3, True, [])
    progress.add(ROW, {"pose": True, "face": False})
    progress.add(ROW, {"pose": True, "face": True})
    assert progress.tracker_restarts == [4]
    assert progress.counts(9).found == {"pose": 2, "left_hand": 0, "right_hand": 0, "face": 1}


def test_a_takeover_without_rows_is_no_restart(state: CaptureState) -> None:
    progress = Progress.resume(state, {})
    progress.add(ROW, {})
    assert progress.tracker_restarts == []


@pytest.mark.parametrize("rows", [packed(1, 3), packed(2), {b"1": b"short"}, {b"x": ROW.pack()}])
def test_rows_that_are_not_those_of_the_first_frames_are_an_error(
    state: CaptureState, rows: dict[bytes, bytes]
) -> None:
    with pytest.raises(StreamBroken):
        Progress.resume(state, rows)


def test_event_time_is_whole_milliseconds_since_the_start() -> None:
    assert event_time_ms(START, START + timedelta(milliseconds=66, microseconds=999)) == 66
    assert event_time_ms(START, START + timedelta(days=2, seconds=1)) == 172_801_000


def test_an_unknown_abort_code_is_a_protocol_violation() -> None:
    assert abort_code("limit_fps_exceeded") == "limit_fps_exceeded"
    assert abort_code("nonsense") == abort_code(None) == "protocol_violation"


@pytest.mark.parametrize("deliveries, poison", [(1, False), (3, False), (4, True)])
def test_more_than_three_deliveries_are_poison(deliveries: int, poison: bool) -> None:
    assert is_poison(deliveries) is poison


@pytest.mark.parametrize(
    "closed, frames_left, frame_s, seconds_left, worth",
    [
        (True, 10, 0.05, 5.0, True),
        (True, 0, 0.05, 0.1, True),
        (True, 200, 0.05, 5.0, False),
        (False, 0, 0.05, 5.0, False),
        (True, 0, 0.05, -1.0, False),
    ],
)
def test_a_stopping_process_finishes_only_what_is_closed_and_nearly_done(
    closed: bool, frames_left: int, frame_s: float, seconds_left: float, worth: bool
) -> None:
    assert worth_finishing(closed, frames_left, frame_s, seconds_left) is worth


def test_the_event_is_the_contracts_and_always_the_same(capture: BrokerCapture) -> None:
    ref = write_artifact(capture.store, capture.window, MATRIX)
    end = START + timedelta(seconds=3)
    event = event_bytes(feature_ref_event(capture.window, end, ref))
    assert event == event_bytes(feature_ref_event(capture.window, end, ref))
    window = capture.window
    assert event.decode() == (
        f'{{"schema_version":"1.0.1","record_id":"{window.record_id}","user_id":"{window.user_id}",'
        f'"session_id":"{window.session_id}","timestamp":"2026-01-31T12:00:03.000Z","modality":"gesture",'
        f'"source":"landmark_extractor","performer_id":"system","capture_id":"{window.capture_id}",'
        '"timestamp_start":"2026-01-31T12:00:00.000Z","timestamp_end":"2026-01-31T12:00:03.000Z",'
        f'"raw_features_ref":{{"uri":"{ref.uri}","hash":"{ref.hash}","format":"npz","dims":1662,"shape":[3,1662],'
        f'"dtype":"float32","encoding":"{ref.encoding}"}}}}'
    )


def test_the_event_ends_with_the_quality_of_the_arrays(capture: BrokerCapture) -> None:
    ref = write_artifact(capture.store, capture.window, MATRIX)
    event = feature_ref_event(capture.window, START, ref, MATRIX.quality())
    read = FeatureRefEvent.model_validate_json(event_bytes(event))
    assert read.quality == MATRIX.quality()
    assert event_bytes(event).endswith(b',"quality":' + MATRIX.quality().model_dump_json().encode() + b"}")


def test_the_event_carries_what_the_open_had(capture: BrokerCapture) -> None:
    ref = write_artifact(capture.store, capture.window, MATRIX)
    more = {
        "annotation": {"intent": "drink", "study": "care", "prompt": "p1", "resend_of": "c0"},
        "device_id": "cam-1",
        "consent_given": True,
        "is_demo": False,
    }
    window = type(capture.window).model_validate({**capture.window.model_dump(), **more})
    event = feature_ref_event(window, START, ref)
    assert event.model_dump(include=set(more)) == more


def test_the_event_has_the_annotation_as_the_open_said_it_and_as_a_later_gateway_may(capture: BrokerCapture) -> None:
    ref = write_artifact(capture.store, capture.window, MATRIX)
    fields = capture.window.model_dump(exclude={"annotation"})
    for annotation in ({"intent": "drink"}, {"intent": "drink", "study": "care", "prompt": "p1", "later": [1]}):
        window = type(capture.window).model_validate({**fields, "annotation": annotation})
        stored = type(window).model_validate_json(window.model_dump_json(exclude_none=True))
        assert f'"annotation":{orjson.dumps(annotation).decode()},'.encode() in event_bytes(
            feature_ref_event(stored, START, ref)
        )
    opened = OpenAnnotation(intent="drink")
    event = feature_ref_event(capture.window.model_copy(update={"annotation": opened}), START, ref)
    assert b'"annotation":{"intent":"drink"},' in event_bytes(event)
