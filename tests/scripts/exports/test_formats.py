"""Each format, read back with its usual loader, has the artifact's values."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pose_format import Pose

from contracts.rules.errors import ConfigurationError
from contracts.rules.landmarks import DIMS, LAYOUT
from scripts.exports import formats, gislr, huggingface, npy1662, pose
from scripts.exports.capture import VerifiedCapture
from scripts.exports.formats import FORMATS, conversion
from tests.scripts.exports.roots import capture_of, landmarks
from tests.support.later import Later

pd = Later("pandas")

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

SIZES = {part.name: part.landmarks for part in LAYOUT}
by_chance = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
members = st.builds(
    landmarks,
    frames=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    missing=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
)


def same(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> bool:
    """Compare bit by bit, where any NaN equals any NaN."""
    return ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=True)


def written(form: str, root: Path, *captures: VerifiedCapture) -> dict[str, bytes]:
    """A format's files, in memory and on a disk."""
    there = {}
    for path, content in conversion(form)(captures):
        there[path] = content
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return there


# --- pose


def read_pose(capture: VerifiedCapture) -> Pose:
    content = next(iter(pose.files([capture]))).content
    return Pose.read(content)


def assert_pose_is(capture: VerifiedCapture) -> None:
    read = read_pose(capture)
    assert [component.name for component in read.header.components] == [
        "POSE_LANDMARKS",
        "FACE_LANDMARKS",
        "LEFT_HAND_LANDMARKS",
        "RIGHT_HAND_LANDMARKS",
    ]
    size = capture.artifact.width, capture.artifact.height
    assert (read.header.dimensions.width, read.header.dimensions.height) == size
    assert read.body.fps == pytest.approx(capture.fps)
    points, confidence = read.body.data[:, 0], read.body.confidence[:, 0]
    start = 0
    for name in ("pose", "face", "left_hand", "right_hand"):
        part = capture.part(name)  # type: ignore[arg-type]
        mine = slice(start, start + SIZES[name])
        start = mine.stop
        missing = np.isnan(part).any(axis=2)
        expected = part[:, :, 3] if name == "pose" else np.ones(part.shape[:2], np.float32)
        assert same(confidence[:, mine], np.where(missing, np.float32(0), expected))
        assert np.array_equal(np.ma.getmaskarray(points[:, mine]), np.repeat(missing[:, :, None], 3, axis=2))
        assert same(points[:, mine].filled(np.nan), part[:, :, :3] * np.array([*size, 1], np.float32))
        assert not points[:, mine].data[missing].any()
    assert start == points.shape[1]


def test_pose_reads_a_recorded_capture_as_pixels_with_visibility_as_confidence(recorded: VerifiedCapture) -> None:
    assert_pose_is(recorded)
    body = read_pose(recorded).body
    assert body.fps == 15
    assert body.confidence[0, 0, :33].min() < 0.5 < body.confidence[0, 0, :33].max()
    assert not body.confidence[2].any()  # the frame that was not decoded


@by_chance
@given(members)
def test_pose_reads_any_capture(tmp_path: Path, members: dict[str, Any]) -> None:
    assert_pose_is(capture_of(tmp_path, members))


def test_pose_divided_by_the_size_of_the_picture_is_the_artifact_s_coordinate_to_the_last_bit_but_one(
    recorded: VerifiedCapture,
) -> None:
    body = read_pose(recorded).body.data[:, 0, :33]
    ours = recorded.part("pose")[:, :, :2]
    theirs = body.filled(np.nan)[:, :, :2] / np.array([320, 240], np.float32)
    seen = ~np.isnan(ours)
    np.testing.assert_array_max_ulp(ours[seen], theirs[seen], maxulp=1)


def test_pose_is_known_to_the_library_as_holistic_and_can_be_normalised(recorded: VerifiedCapture) -> None:
    from pose_format.utils.generic import detect_known_pose_format

    read = read_pose(recorded)
    assert detect_known_pose_format(read) == "holistic"
    normal = read.normalize()
    assert np.isfinite(normal.body.data.compressed()).all()


# --- GISLR


def load_relevant_data_subset(path: Path) -> npt.NDArray[np.float32]:
    """The loader that the competition gives on its page of the evaluation."""
    columns = ["x", "y", "z"]
    data = pd.read_parquet(path, columns=columns)
    frames = int(len(data) / 543)
    return data.values.reshape(frames, 543, len(columns)).astype(np.float32)


def as_gislr(capture: VerifiedCapture) -> npt.NDArray[np.float32]:
    parts = [capture.part(name)[:, :, :3] for name in ("face", "left_hand", "pose", "right_hand")]
    return np.concatenate(parts, axis=1)


def test_gislr_s_own_loader_reads_what_train_csv_lists(recorded: VerifiedCapture, tmp_path: Path) -> None:
    other = capture_of(tmp_path / "data", landmarks(4), intent="bye", participant="anna")
    unnamed = capture_of(tmp_path / "data", landmarks(2))
    written("gislr", tmp_path, recorded, other, unnamed)
    train = pd.read_csv(tmp_path / "train.csv")
    assert list(train.columns) == ["path", "participant_id", "sequence_id", "sign"]
    assert train.participant_id.tolist() == ["carer-1", "anna", "u1"]
    assert train.sequence_id.tolist() == [capture.record_id for capture in (recorded, other, unnamed)]
    assert train.sign.fillna("").tolist() == ["wave, hello", "bye", ""]
    signs = pd.read_json(tmp_path / "sign_to_prediction_index_map.json", typ="series")
    assert signs.to_dict() == {"bye": 0, "wave, hello": 1}
    for path, capture in zip(train.path, (recorded, other, unnamed), strict=True):
        assert same(load_relevant_data_subset(tmp_path / path), as_gislr(capture))


def test_gislr_has_the_competition_s_columns_types_and_order(recorded: VerifiedCapture, tmp_path: Path) -> None:
    written("gislr", tmp_path, recorded)
    [path] = tmp_path.glob("train_landmark_files/carer-1/*.parquet")
    table = pd.read_parquet(path)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "frame": "int16",
        "row_id": "object",
        "type": "object",
        "landmark_index": "int16",
        "x": "float64",
        "y": "float64",
        "z": "float64",
    }
    assert len(table) == 543 * len(recorded.artifact.features)
    assert table.frame.drop_duplicates().tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    frame = table[table.frame == 5].reset_index(drop=True)
    assert frame.row_id[0] == "5-face-0" and frame.row_id[542] == "5-right_hand-20"
    assert (frame.row_id == [f"5-{row.type}-{row.landmark_index}" for row in frame.itertuples()]).all()
    assert frame.type.drop_duplicates().tolist() == ["face", "left_hand", "pose", "right_hand"]
    assert frame.groupby("type").size().to_dict() == SIZES
    assert frame[frame.type == "left_hand"].x.isna().all() and frame[frame.type == "face"].x.notna().all()


@by_chance
@given(members)
def test_gislr_reads_any_capture(tmp_path: Path, members: dict[str, Any]) -> None:
    capture = capture_of(tmp_path, members)
    table = gislr.landmark_table(capture).to_pandas()
    assert same(table[["x", "y", "z"]].values.reshape(-1, 543, 3).astype(np.float32), as_gislr(capture))
    assert table.row_id.is_unique


# --- npy1662


@by_chance
@given(members)
def test_npy_is_the_matrix(tmp_path: Path, members: dict[str, Any]) -> None:
    capture = capture_of(tmp_path, members)
    array = np.load(io.BytesIO(next(iter(npy1662.files([capture]))).content), allow_pickle=False)
    assert array.tobytes() == members["features"].tobytes()
    assert (array.dtype, array.shape) == (np.dtype("<f4"), (len(members["seq"]), DIMS))


# --- Hugging Face datasets


def test_datasets_loads_the_folder(recorded: VerifiedCapture, tmp_path: Path) -> None:
    import datasets  # here, because it takes seconds and every process of pytest-xdist imports this module

    datasets.disable_progress_bars()
    restarted = landmarks(5, missing=1.0) | {"tracker_restarts": np.array([2, 4], "<i4")}
    captures = [recorded, capture_of(tmp_path / "data", restarted)]
    written("hf", tmp_path / "hf", *captures)
    rows = datasets.load_dataset(str(tmp_path / "hf"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 2
    for row, arrays, capture in zip(rows, rows.with_format("numpy"), captures, strict=True):
        assert {name: row[name] for name in capture.facts()} == capture.facts()
        assert same(np.asarray(arrays["features"]), capture.artifact.features)
        assert row["timestamps_ms"] == capture.artifact.timestamps_ms.tolist()
        assert row["decoded"] == capture.artifact.decoded.tolist()
        assert row["tracker_restarts"] == list(capture.artifact.facts.tracker_restarts)
    assert rows[0]["intent"] == "wave, hello" and rows[0]["fps"] == 15 and rows[0]["consent_given"] is True
    assert rows[0]["hash"] == recorded.event.raw_features_ref.hash
    assert rows[1]["intent"] is None and rows[1]["consent_given"] is None


@by_chance
@given(st.lists(members, min_size=1, max_size=3))
def test_hf_rows_are_the_matrices(tmp_path: Path, several: list[dict[str, Any]]) -> None:
    captures = [capture_of(tmp_path, members) for members in several]
    table = huggingface.rows_table(captures)
    for index, members in enumerate(several):
        matrix = np.array(table["features"][index].as_py(), "<f4")
        assert same(matrix, members["features"])
        assert table["decoded"][index].as_py() == members["decoded"].tolist()


def test_hf_begins_a_new_file_when_one_is_full_and_the_card_names_them_all(tmp_path: Path) -> None:
    captures = [capture_of(tmp_path, landmarks(2)) for _ in range(3)]
    one_matrix = captures[0].artifact.features.nbytes
    *shards, card = huggingface.files(captures, shard_bytes=one_matrix + 1)
    digests = [hashlib.sha256(file.content).hexdigest()[:16] for file in shards]
    names = [f"data/train-{number:05}-{digest}.parquet" for number, digest in enumerate(digests)]
    assert [file.path for file in shards] == names and len(set(digests)) == 2
    rows = [row for file in shards for row in pd.read_parquet(io.BytesIO(file.content)).record_id]
    assert rows == [capture.record_id for capture in captures]
    assert all(name.encode() in card.content for name in names) and b"3 in all" in card.content
    assert b"*.parquet" not in card.content


# --- all of them


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_captures_give_the_same_bytes(recorded: VerifiedCapture, tmp_path: Path, form: str) -> None:
    assert written(form, tmp_path, recorded) == written(form, tmp_path, recorded)


@pytest.mark.parametrize("form", ["pose", "gislr", "npy1662"])
def test_a_table_and_a_file_have_the_values_of_the_log(recorded: VerifiedCapture, tmp_path: Path, form: str) -> None:
    written(form, tmp_path, recorded)
    [row] = pd.read_csv(tmp_path / "captures.csv").to_dict("records")
    assert (tmp_path / row["path"]).is_file()
    facts = recorded.facts()
    given = {name: row[name] for name, value in facts.items() if value is not None}
    assert given == {name: value for name, value in facts.items() if value is not None}
    assert all(pd.isna(row[name]) for name, value in facts.items() if value is None)
    document = json.loads((tmp_path / f"metadata/{recorded.record_id}.json").read_bytes())
    assert {name: document[name] for name in facts} == facts
    assert document["timestamps_ms"] == recorded.artifact.timestamps_ms.tolist()
    assert document["decoded"] == [True, True, False, True, True, True, True, True]
    assert document["hash"] == recorded.event.raw_features_ref.hash


@pytest.mark.parametrize("form", ["pose", "gislr", "hf"])
def test_a_format_whose_package_is_missing_says_in_one_line_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as refused:
        conversion(form)
    assert str(refused.value).count("\n") == 0
    assert f"--format {form}" in str(refused.value) and "./scripts/install" in str(refused.value)


def test_gislr_numbers_the_frames_of_a_capture_of_any_length() -> None:
    assert gislr.frame_numbers(2**15 - 1).dtype == np.int16, "the competition's"
    assert gislr.frame_numbers(2**15).tolist() == list(range(1, 2**15 + 1))


def test_npy_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    assert conversion("npy1662") is npy1662.files
