from __future__ import annotations

import io
import json

import numpy as np
import pytest

from contracts.messages.quality import Quality
from contracts.rules.landmarks import DIMS, LAYOUT, Row
from tests.workers.broker_capture import BrokerCapture, FakePipeline
from workers.vision.matrix import Build, FeatureMatrix, encoding_text, features_row, meta_text

BUILD = Build("0.1.0", "0.10.21")


def rows(count: int) -> list[Row]:
    image = np.zeros((24, 32, 3), np.uint8)
    pipeline = FakePipeline()
    return [Row(100 * seq, True, features_row(pipeline.process(image).landmarks)) for seq in range(1, count + 1)]


def test_a_part_not_found_is_nan_and_the_others_stand_in_their_columns() -> None:
    landmarks = FakePipeline().process(np.full((24, 32, 3), 9, np.uint8)).landmarks
    row = np.frombuffer(features_row(landmarks), "<f4")
    assert row.shape == (DIMS,)
    for part in LAYOUT:
        columns = row[part.columns]
        if part.name in landmarks:
            assert np.array_equal(columns, landmarks[part.name].ravel())
        else:
            assert np.isnan(columns).all()


def test_the_quality_is_that_of_the_arrays() -> None:
    matrix = FeatureMatrix.of([*rows(3), Row(400, False, features_row({}))], [])
    quality = matrix.quality()
    assert (quality.found.pose, quality.undecoded_frames, quality.longest_time_gap_ms) == (0.75, 1, 100)
    assert quality == Quality.of(matrix.features.tobytes(), [100, 200, 300, 400], [True, True, True, False])


def test_landmarks_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="left_hand"):
        features_row({"left_hand": np.zeros((20, 3), np.float32)})


def test_the_artifact_has_the_contracts_members_in_their_order() -> None:
    npz = FeatureMatrix.of(rows(3), [2]).npz('{"schema":"x"}')
    with np.load(io.BytesIO(npz), allow_pickle=False) as members:
        assert members.files == ["features", "seq", "timestamps_ms", "decoded", "tracker_restarts", "meta"]
        kinds = {name: (members[name].dtype.str, members[name].shape) for name in members.files}
        assert kinds == {
            "features": ("<f4", (3, 1662)),
            "seq": ("<i4", (3,)),
            "timestamps_ms": ("<i8", (3,)),
            "decoded": ("|b1", (3,)),
            "tracker_restarts": ("<i4", (1,)),
            "meta": ("<U14", ()),
        }
        assert all(members[name].flags.c_contiguous for name in members.files)
        assert members["seq"].tolist() == [1, 2, 3]
        assert members["timestamps_ms"].tolist() == [100, 200, 300]
        assert members["tracker_restarts"].tolist() == [2]


def test_same_rows_make_same_bytes_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = FeatureMatrix.of(rows(3), []).npz("{}")
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert FeatureMatrix.of(rows(3), []).npz("{}") == first


def test_an_artifact_is_compared_by_its_arrays_and_not_by_its_meta() -> None:
    matrix = FeatureMatrix.of(rows(3), [])
    assert matrix.is_in(matrix.npz('{"extractor":"another"}'))
    assert not matrix.is_in(FeatureMatrix.of(rows(2), []).npz("{}"))
    assert not matrix.is_in(FeatureMatrix.of(rows(3), [2]).npz("{}"))


@pytest.mark.parametrize("npz", [b"", b"PK\x03\x04 nothing", b"\x93NUMPY", b"text"])
def test_a_file_that_is_no_artifact_is_not_the_same_as_any(npz: bytes) -> None:
    assert not FeatureMatrix.of(rows(1), []).is_in(npz)


def test_meta_names_the_build_and_the_window_but_no_person_and_no_moment(capture: BrokerCapture) -> None:
    meta = meta_text(capture.window, BUILD)
    assert list(json.loads(meta)) == ["schema", "extractor", "mediapipe", "fps_target", "width", "height", "layout"]
    for secret in (capture.window.user_id, capture.session_id, capture.record_id, capture.capture_id, "2026"):
        assert secret not in meta


def test_encoding_names_layout_window_and_extractor(capture: BrokerCapture) -> None:
    assert encoding_text(capture.window, BUILD) == "holistic_landmarks_v1;fps=10;max_window_s=120;extractor_tag=0.1.0"
    half = capture.window.model_copy(update={"max_duration_s": 7.5})
    assert "max_window_s=7.5;" in encoding_text(half, BUILD)
