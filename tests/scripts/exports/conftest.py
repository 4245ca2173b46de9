"""A capture as an extractor makes it, once for all tests of exports."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.messages.capture import Annotation
from contracts.rules.landmarks import Row
from contracts.rules.paths import session_features_dir
from contracts.state.captures import CaptureWindow
from contracts.storage.artifacts import ArtifactSource
from recorder.artifact import load_artifact
from scripts.exports.capture import VerifiedCapture
from tests.recorder.samples import NOON, new_session
from tests.scripts.exports.roots import Roots
from tests.support.clips import face_clip
from tests.support.later import Later
from workers.extract.outcome import feature_ref_event
from workers.vision.artifact import write_artifact
from workers.vision.decode import decode_jpeg
from workers.vision.local_store import LocalStore
from workers.vision.matrix import FeatureMatrix, features_row

holistic = Later("workers.vision.pipelines.holistic")

FRAMES, WIDTH, HEIGHT = 8, 320, 240


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> VerifiedCapture:
    """A face and a pose that MediaPipe found, no hands; the third frame could not be decoded."""
    root = tmp_path_factory.mktemp("recorded")
    window = CaptureWindow(
        capture_id="capture-1",
        user_id="carer-1",
        session_id=new_session(),
        record_id=str(uuid4()),
        timestamp_start=NOON,
        fps_target=15,
        width=WIDTH,
        height=HEIGHT,
        max_duration_s=120,
        annotation=Annotation(intent="wave, hello", study="daily-care", prompt="hello", resend_of="first"),
    )
    session_features_dir(root, window.user_id, window.session_id).mkdir(parents=True)
    rows = []
    with closing(holistic.create()) as pipeline:
        for index, jpeg in enumerate(face_clip(FRAMES, WIDTH, HEIGHT)):
            image = None if index == 2 else decode_jpeg(jpeg, WIDTH, HEIGHT)
            landmarks = {} if image is None else pipeline.process(image).landmarks
            rows.append(Row(round(1000 * index / 15), image is not None, features_row(landmarks)))
    reference = write_artifact(LocalStore(root), window, FeatureMatrix.of(rows, []))
    event = feature_ref_event(window, NOON + timedelta(seconds=2), reference)
    return VerifiedCapture(
        event, load_artifact(event, ArtifactSource(root)), window.user_id, intent="wave, hello", consent_given=True
    )
