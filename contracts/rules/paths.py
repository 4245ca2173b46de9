"""The paths of artifacts and session logs below their roots. No I/O; nothing reads the environment."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from contracts.rules.ids import is_identifier, is_record_id, is_session_id

__all__ = [
    "artifact_path",
    "artifact_uri",
    "features_folder",
    "object_name",
    "object_uri",
    "resolve_uri",
    "session_features_dir",
    "removal_register",
    "session_log_dir",
    "session_log_path",
    "session_of_log",
    "user_folders",
    "session_log_pattern",
]


def _session_parts(user_id: str, session_id: str) -> tuple[str, str, str, str]:
    if not is_identifier(user_id):
        raise ValueError("not a user_id")
    if not is_session_id(session_id):
        raise ValueError("not a session_id")
    return "users", user_id, "sessions", session_id


def session_features_dir(data_root: Path, user_id: str, session_id: str) -> Path:
    """``<DATA_ROOT>/users/<user_id>/sessions/<session_id>/features``. Raises ``ValueError`` if an id is invalid."""
    return data_root.joinpath(*_session_parts(user_id, session_id), "features")


def session_log_dir(log_root: Path, user_id: str) -> Path:
    """``<LOG_ROOT>/users/<user_id>/sessions``. Raises ``ValueError`` if the id is invalid."""
    if not is_identifier(user_id):
        raise ValueError("not a user_id")
    return user_folders(log_root) / user_id / "sessions"


def session_log_path(log_root: Path, user_id: str, session_id: str) -> Path:
    """``<LOG_ROOT>/users/<user_id>/sessions/<session_id>.jsonl``. Raises ``ValueError`` if an id is invalid."""
    *parts, name = _session_parts(user_id, session_id)
    return log_root.joinpath(*parts, f"{name}.jsonl")


def user_folders(log_root: Path) -> Path:
    """``<LOG_ROOT>/users``: the folder that has a folder for each user."""
    return log_root / "users"


def session_of_log(name: str) -> str | None:
    """The ``session_id`` of a log's file name; None if the file is no session's log."""
    session_id, _, suffix = name.partition(".")
    return session_id if suffix == "jsonl" and is_session_id(session_id) else None


def session_log_pattern(user_id: str = "*", session_id: str = "*") -> str:
    """A pattern for ``Path.glob`` below ``LOG_ROOT``: all session logs, those of one user, or that of one session."""
    return f"users/{user_id}/sessions/{session_id}.jsonl"


def removal_register(log_root: Path) -> Path:
    """``<LOG_ROOT>/forgotten.jsonl``: one line for each person of whom everything was removed, without their name."""
    return log_root / "forgotten.jsonl"


def features_folder(user_id: str, session_id: str) -> str:
    """The folder of a session's artifacts, relative to ``DATA_ROOT`` or to the object store's URL."""
    return "/".join((*_session_parts(user_id, session_id), "features"))


def artifact_uri(user_id: str, session_id: str, record_id: str) -> str:
    """The artifact's path relative to ``DATA_ROOT``, always with ``/``; also its name in an object store."""
    if not is_record_id(record_id):
        raise ValueError("not a record_id")
    return f"{features_folder(user_id, session_id)}/{record_id}.npz"


def artifact_path(data_root: Path, user_id: str, session_id: str, record_id: str) -> Path:
    """``<DATA_ROOT>/users/<user_id>/sessions/<session_id>/features/<record_id>.npz``."""
    return data_root / artifact_uri(user_id, session_id, record_id)


def resolve_uri(data_root: Path, uri: str) -> Path:
    """The local file a relative ``raw_features_ref.uri`` names.

    Raises:
        ValueError: ``uri`` is absolute, has a scheme, or contains ``..``.
    """
    pure = PurePosixPath(uri)
    if not uri or "://" in uri or "\0" in uri or pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"not a path below DATA_ROOT: {uri!r}")
    return data_root / pure


def object_uri(artifact_url: str, name: str) -> str:
    """The ``raw_features_ref.uri`` of an object: absolute, below the store's URL."""
    return f"{artifact_url}/{name}"


def object_name(artifact_url: str, uri: str) -> str:
    """The name of the object that an absolute ``raw_features_ref.uri`` names.

    Raises:
        ValueError: ``uri`` is not below ``artifact_url``, or has an empty part, ``.`` or ``..``.
    """
    name = uri.removeprefix(f"{artifact_url}/")
    if name == uri or not name or {"", ".", ".."} & set(name.split("/")):
        raise ValueError(f"not below {artifact_url}: {uri!r}")
    return name
