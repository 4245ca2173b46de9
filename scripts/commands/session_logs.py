"""Find the session logs that a command names by ids or paths, or all of ``LOG_ROOT``. It opens no log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import is_identifier, is_session_id
from contracts.rules.paths import session_log_path, session_log_pattern

__all__ = ["find_logs"]


def find_logs(log_root: Path, sessions: Sequence[str], user_id: str | None = None) -> list[Path]:
    """Return the logs of these sessions, each an id or a log's path, or of all sessions if none is named; with
    ``user_id`` only that user's. They are sorted by path, and no log comes twice.

    A log or its folder may be a link: the operator chooses where logs are kept.

    Raises:
        ConfigurationError: there is no such session, or no session at all, or ``user_id`` is not valid.
    """
    if user_id is not None and not is_identifier(user_id):
        raise ConfigurationError("--user: 1-128 of A-Z a-z 0-9 . _ -, not starting with a dot")
    if not sessions:
        logs = sorted(log_root.glob(session_log_pattern(user_id or "*")))
        if not logs:
            raise ConfigurationError(f"LOG_ROOT: there is no session log under {log_root.absolute()}" + _whose(user_id))
        return logs
    return _each_once(log for session in sessions for log in _find(log_root, session, user_id))


def _find(log_root: Path, session: str, user_id: str | None) -> list[Path]:
    if is_session_id(session):
        logs = list(log_root.glob(session_log_pattern(user_id or "*", session)))
        where = f" under {log_root.absolute()}"
    else:
        log = _named(session)
        found = os.path.isfile(log)  # noqa: PTH113 -- Path.is_file raises for a name that is too long
        logs = [log] if found and user_id in (None, log.parent.parent.name) else []
        where = ""
    if not logs:
        raise ConfigurationError(f"{session}: there is no such session log{where}" + _whose(user_id))
    return logs


def _named(path: str) -> Path:
    """Return the path that names the log's user and session: the given one, or its target's if it is a link of another
    name."""
    given = Path(os.path.abspath(path))  # noqa: PTH100 -- Path.resolve would also follow links
    try:
        if given == session_log_path(given.parents[3], given.parents[1].name, given.stem):
            return given
    except (ValueError, IndexError):
        pass
    return Path(os.path.realpath(path))


def _each_once(logs: Iterable[Path]) -> list[Path]:
    return sorted({os.path.realpath(log): log for log in logs}.values())


def _whose(user_id: str | None) -> str:
    return f" of user {user_id}" if user_id else ""
