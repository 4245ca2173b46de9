"""Sessions on a disk, as recorder and extractors write them, for exports to read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson

from contracts.messages.event import FeatureRefEvent
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError
from contracts.rules.ids import format_utc
from contracts.rules.landmarks import DIMS, LAYOUT
from contracts.rules.paths import session_log_path
from contracts.state.events import encode_line
from contracts.storage.artifacts import ArtifactSource
from recorder.artifact import load_artifact
from scripts.exports.capture import VerifiedCapture
from scripts.exports.choice import Choice
from scripts.exports.command import ExportRequest, export
from tests.recorder.samples import NOON, arrays, event, feature_ref, make_log_dir, new_session, npz, put_artifact


def landmarks(frames: int, seed: int = 0, missing: float = 0.4) -> dict[str, Any]:
    """An artifact's members with random landmarks; each part of a frame is missing with probability ``missing``."""
    chance = np.random.default_rng(seed)
    members = arrays(frames)
    features = chance.normal(0.5, 1.0, (frames, DIMS)).astype("<f4")
    pose = features[:, LAYOUT[0].columns].reshape(frames, 33, 4)
    pose[:, :, 3] = chance.uniform(1e-6, 1, (frames, 33))
    for part in LAYOUT:
        features[chance.random(frames) < missing, part.columns] = np.nan
    members["decoded"] = chance.random(frames) > 0.2
    features[~members["decoded"]] = np.nan
    return members | {"features": features}


class Roots:
    """A DATA_ROOT and a LOG_ROOT with sessions and captures."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(data_root=root / "data", log_root=root / "logs")
        self.exports = root / "exports"

    def session(self, user_id: str = "u1", **start: Any) -> str:
        """Start a session; returns its id."""
        session_id = new_session()
        make_log_dir(self.settings.log_root, user_id)
        self.log(session_id, user_id).touch()
        if start:
            self.say(session_id, user_id, event="session.start", source="session_manager", **start)
        return session_id

    def log(self, session_id: str, user_id: str = "u1") -> Path:
        return session_log_path(self.settings.log_root, user_id, session_id)

    def say(self, session_id: str, user_id: str = "u1", *, by_client: bool = False, **fields: Any) -> None:
        """Append an event to a session's log."""
        self._append(session_id, user_id, event(session_id, user_id, **fields), by_client=by_client)

    def tell(self, session_id: str, name: str, record_id: str, user_id: str = "u1", **fields: Any) -> None:
        """Append an event of the library, or of a worker, about a capture."""
        source = "landmark_extractor" if name == "capture.erased" else "library"
        named = {"schema_version": "1.0.1", "record_id": str(uuid4()), "timestamp": format_utc(NOON), "event": name}
        self.say(session_id, user_id, **named, performer_id="p", source=source, capture_id=f"c-{record_id}", **fields)

    def capture(
        self,
        session_id: str,
        members: dict[str, Any] | None = None,
        user_id: str = "u1",
        *,
        record_id: str = "",
        by_client: bool = False,
        at: datetime = NOON,
        **fields: Any,
    ) -> str:
        """Record a capture, valid except for the given fields; returns its record_id. Its line has the time ``at``."""
        record_id = record_id or str(uuid4())
        members = landmarks(3) if members is None else members
        digest = put_artifact(self.settings.data_root, session_id, record_id, npz(members), user_id)
        shape = list(members["features"].shape)
        given = feature_ref(session_id, f"c-{record_id}", record_id, user_id, hash=digest, shape=shape)
        self._append(session_id, user_id, orjson.dumps({**given, **fields}), by_client=by_client, at=at)
        return record_id

    def _append(
        self, session_id: str, user_id: str, text: bytes, *, by_client: bool = False, at: datetime = NOON
    ) -> None:
        with self.log(session_id, user_id).open("ab") as log:
            log.write(encode_line(text, format_utc(at), 1 << 20, by_client=by_client))

    def artifact(self, session_id: str, record_id: str, user_id: str = "u1") -> Path:
        return self.settings.data_root / feature_ref(session_id, "c", record_id, user_id)["raw_features_ref"]["uri"]

    def export(self, form: str, *sessions: str, **request: Any) -> int:
        """Run ``a3cp export``; as in the command, an error is printed and returns 1. Unless a ``choice`` is given,
        captures with unknown consent are exported too."""
        request.setdefault("choice", Choice(unknown=True))
        try:
            return export(self.settings, ExportRequest(form, sessions, self.exports, **request))
        except A3CPError as error:
            print(error)
            return 1


def capture_of(root: Path, members: dict[str, Any], **known: Any) -> VerifiedCapture:
    """One capture with these members, read as an export reads it."""
    session_id, record_id = new_session(), str(uuid4())
    digest = put_artifact(root, session_id, record_id, npz(members))
    shape = list(members["features"].shape)
    given = FeatureRefEvent.model_validate(
        feature_ref(session_id, f"c-{record_id}", record_id, hash=digest, shape=shape)
    )
    return VerifiedCapture(given, load_artifact(given, ArtifactSource(root)), **{"participant": given.user_id, **known})
