"""Read one artifact, and check that it is what its reference says. Writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from contracts.messages.event import FeatureRefEvent, RawFeaturesRef
from contracts.messages.quality import Quality, quality_differences
from contracts.rules.errors import ArtifactError
from contracts.rules.landmarks import DIMS, LAYOUT, LAYOUT_NAME, Part, layout_text
from contracts.rules.paths import artifact_uri
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.npz import NpyArray, read_npz

__all__ = ["Artifact", "ArtifactFacts", "artifact_is_there", "load_artifact", "verify_artifact"]

Array = npt.NDArray[Any]

_DTYPES = {"features": "<f4", "seq": "<i4", "timestamps_ms": "<i8", "decoded": "|b1", "tracker_restarts": "<i4"}
_META = {"schema", "extractor", "mediapipe", "fps_target", "width", "height", "layout"}

_FRAME_BYTES = 4 * DIMS + 4 + 8 + 1 + 4
_OTHER_BYTES = 65_536
"""Bytes of one frame in all arrays, and at most of the headers and ``meta``."""


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """A verified artifact.

    Attributes:
        shape: (T, D): frames, and float32 values of each.
        place: the file's path, or the object's URL.
        hash: ``sha256:`` and 64 hex digits, over the file's bytes.
        tracker_restarts: the seqs at which tracking began again.
        found_share: for each part, the share of frames in which it was found, 0 to 1.
        undecoded_frames: how many frames' JPEG could not be decoded.
        duration_ms: event time from the start of the capture to its last frame.
        quality: computed from the arrays, whatever the event says.
        quality_said: what the event says; None if it was recorded before events had it.
    """

    capture_id: str
    record_id: str
    uri: str
    place: str
    size_bytes: int
    shape: tuple[int, int]
    hash: str
    encoding: str
    tracker_restarts: tuple[int, ...]
    found_share: Mapping[Part, float]
    undecoded_frames: int
    duration_ms: int
    quality: Quality
    quality_said: Quality | None

    @property
    def quality_differences(self) -> tuple[str, ...]:
        """What the event says of the quality and the arrays do not, a phrase each; empty if the event says nothing, or
        was made under other rules."""
        return quality_differences(self.quality_said, self.quality) if self.quality_said else ()


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified artifact and what is in it.

    Attributes:
        features: float32 (T, 1662), laid out as `contracts.rules.landmarks` says.
        timestamps_ms: int64 (T,), event time since the start of the capture.
        decoded: bool (T,), whether the frame's JPEG could be decoded.
        fps_target: the frames a second that the client meant to send.
        width, height: the size of the frames, pixels.
    """

    facts: ArtifactFacts
    features: npt.NDArray[np.float32]
    timestamps_ms: npt.NDArray[np.int64]
    decoded: npt.NDArray[np.bool_]
    fps_target: int
    width: int
    height: int


def verify_artifact(event: FeatureRefEvent, artifacts: ArtifactSource) -> ArtifactFacts:
    """Read the artifact that a feature-ref event names, and check it against the event and its own metadata.

    Raises:
        ArtifactError: the first thing that is wrong.
    """
    return load_artifact(event, artifacts).facts


def artifact_is_there(event: FeatureRefEvent, artifacts: ArtifactSource) -> bool:
    """Whether anything is in the place that a feature-ref event names.

    Raises:
        ArtifactError: the place is another capture's, or cannot be looked at.
    """
    _check_uri(event, artifacts)
    return artifacts.exists(event.raw_features_ref.uri)


def load_artifact(event: FeatureRefEvent, artifacts: ArtifactSource) -> Artifact:
    """`verify_artifact`, and return the arrays too, read-only. They are views of the bytes that were checked.

    Raises:
        ArtifactError: the first thing that is wrong.
    """
    ref = event.raw_features_ref
    _check_uri(event, artifacts)
    data = artifacts.read(ref.uri, _most_bytes(ref))
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    if digest != ref.hash:
        raise ArtifactError(f"the file's hash is {digest}, its reference says {ref.hash}")
    arrays = read_npz(data)
    _check_members(arrays)
    members = {
        name: np.frombuffer(arrays[name].data, dtype).reshape(arrays[name].shape) for name, dtype in _DTYPES.items()
    }
    _check_reference(members["features"], ref)
    _check_rows(members)
    meta = _check_meta(arrays["meta"].text())
    facts = _facts(event, members, artifacts.place(ref.uri), len(data))
    return Artifact(
        facts=facts,
        features=members["features"],
        timestamps_ms=members["timestamps_ms"],
        decoded=members["decoded"],
        fps_target=meta["fps_target"],
        width=meta["width"],
        height=meta["height"],
    )


def _facts(event: FeatureRefEvent, members: dict[str, Array], place: str, size_bytes: int) -> ArtifactFacts:
    """The facts of an artifact whose arrays and hash are those of its reference."""
    features = members["features"]
    return ArtifactFacts(
        capture_id=event.capture_id,
        record_id=event.record_id,
        uri=event.raw_features_ref.uri,
        place=place,
        size_bytes=size_bytes,
        shape=(features.shape[0], features.shape[1]),
        hash=event.raw_features_ref.hash,
        encoding=event.raw_features_ref.encoding,
        tracker_restarts=tuple(int(seq) for seq in members["tracker_restarts"]),
        found_share={part.name: _found_share(features[:, part.columns]) for part in LAYOUT},
        undecoded_frames=int((~members["decoded"]).sum()),
        duration_ms=int(members["timestamps_ms"][-1]),
        quality=Quality.of(features.data.cast("B"), members["timestamps_ms"].tolist(), members["decoded"].tolist()),
        quality_said=event.quality,
    )


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ArtifactError(problem)


def _check_uri(event: FeatureRefEvent, artifacts: ArtifactSource) -> None:
    uri = event.raw_features_ref.uri
    expected = artifacts.uris(artifact_uri(event.user_id, event.session_id, event.record_id))
    which = "; A3CP_ARTIFACT_URL says which object store is read" if "://" in uri else ""
    _require(uri in expected, f"the reference's uri is {uri}, the record's place is {' or '.join(expected)}{which}")


def _most_bytes(ref: RawFeaturesRef) -> int:
    """The longest that a file of so many frames can be, so that a hostile file is not read to its end."""
    return max(0, *ref.shape[:1]) * _FRAME_BYTES + _OTHER_BYTES


def _check_members(members: Mapping[str, NpyArray]) -> None:
    expected = [*_DTYPES, "meta"]
    _require(list(members) == expected, f"its members are {list(members)}, not {expected}")
    for name, dtype in _DTYPES.items():
        array = members[name]
        _require(array.dtype == dtype, f"{name} is {array.dtype}, not {dtype}")
        _require(not array.fortran_order, f"{name} is not C-contiguous")


def _check_reference(features: Array, ref: RawFeaturesRef) -> None:
    _require(features.ndim == 2, f"features has {features.ndim} dimensions, not 2")
    shape = list(features.shape)
    _require(shape[0] >= 1, "it holds no frame")
    _require(shape == ref.shape, f"the shape of features is {shape}, its reference says {ref.shape}")
    _require(shape[1] == ref.dims, f"features has {shape[1]} columns, its reference says {ref.dims}")
    _require(shape[1] == DIMS, f"features has {shape[1]} columns, {LAYOUT_NAME} has {DIMS}")
    _require(ref.encoding.split(";")[0] == LAYOUT_NAME, f"the encoding {ref.encoding} is not {LAYOUT_NAME}")


def _check_rows(members: Mapping[str, Array]) -> None:
    frames = members["features"].shape[0]
    for name in ("seq", "timestamps_ms", "decoded"):
        shape = members[name].shape
        _require(shape == (frames,), f"{name} has the shape {shape}, not ({frames},)")
    seq, times, restarts = members["seq"], members["timestamps_ms"], members["tracker_restarts"]
    _require(bool((seq == np.arange(1, frames + 1)).all()), f"seq is not 1 to {frames}")
    _require(bool((times[1:] >= times[:-1]).all()), "timestamps_ms runs backwards")
    _require(restarts.ndim == 1, "tracker_restarts is not a list")
    inside = bool(((restarts >= 1) & (restarts <= frames)).all()) and bool((restarts[1:] > restarts[:-1]).all())
    _require(inside, f"tracker_restarts are not rising seqs of 1 to {frames}")
    lost = members["features"][~members["decoded"]]
    _require(bool(np.isnan(lost).all()), "a frame that was not decoded has landmarks")


def _check_meta(meta: str) -> dict[str, Any]:
    try:
        fields = orjson.loads(meta)
    except ValueError:
        raise ArtifactError("meta is not JSON") from None
    _require(isinstance(fields, dict) and set(fields) == _META, f"the fields of meta are not {sorted(_META)}")
    _require(fields["layout"] == layout_text(), f"the layout in meta is not {layout_text()}")
    for name in ("fps_target", "width", "height"):
        _require(type(fields[name]) is int and 0 < fields[name] < 2**16, f"{name} in meta is not a number above 0")
    return dict(fields)


def _found_share(columns: Array) -> float:
    return float((~np.isnan(columns).all(axis=1)).mean())
