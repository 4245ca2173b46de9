"""Store sessions: their state and events in the events broker, their directories on the disk."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from contracts.broker.roles import AsyncBroker
from contracts.broker.script import run
from contracts.messages.session import SessionStatus
from contracts.process.retry import retry
from contracts.rules.errors import ConfigurationError, RequestRefused
from contracts.rules.paths import session_features_dir, session_log_dir, session_log_path
from contracts.state import readers, sessions
from contracts.state.events import EventEntry, append_event, await_receipt
from contracts.state.sessions import SessionStep
from gateway.sessions.earlier import EarlierStart, find_earlier_start
from gateway.sessions.service import Boundary, answer_of

__all__ = [
    "end_session",
    "has_directories",
    "has_log_directory",
    "make_directories",
    "make_roots",
    "session_status",
    "start_session",
]

DIRECTORY_MODE = 0o750


async def start_session(events: AsyncBroker, data_root: Path | None, log_root: Path, boundary: Boundary) -> bytes:
    """Start a session: create its directories, store session and event in one step, wait for the line in the file.

    A repeat with the same request continues where the first attempt stopped, and returns the first answer, years later
    too: the log has it if the registry does not any more. Such a session goes on unless it was ended or withdrawn.

    Raises:
        RequestRefused: 503, the directories or the log cannot be used, or no recorder answered.
        RecorderError: the event cannot be recorded.
        BrokerUnavailable: the events broker is unreachable.
    """
    entry = boundary.entry
    await asyncio.to_thread(make_directories, data_root, log_root, entry.user_id, entry.session_id)
    earlier = await _forgotten_start(events, log_root, entry)
    if earlier is not None:
        if not earlier.goes_on:
            return earlier.answer
        boundary = replace(boundary, answer=earlier.answer, entry=(entry := replace(entry, event=earlier.event)))
    call = sessions.start_session(boundary.request_id, boundary.answer, entry)
    step = await retry(lambda: run(events, call))
    return await _recorded(events, entry, step)


async def _forgotten_start(events: AsyncBroker, log_root: Path, entry: EventEntry) -> EarlierStart | None:
    """The start of this session in its log, if the registry does not know the session."""
    log = session_log_path(log_root, entry.user_id, entry.session_id)
    if not await asyncio.to_thread(log.is_file):
        return None
    if await retry(lambda: readers.read_session(events, entry.session_id)) is not None:
        return None
    try:
        return await asyncio.to_thread(find_earlier_start, log, entry.user_id, entry.session_id)
    except OSError as error:
        detail = f"The server cannot read the session's log: {error.strerror or type(error).__name__}."
        raise RequestRefused(503, "session_directories_unavailable", detail) from error


async def end_session(events: AsyncBroker, boundary: Boundary) -> bytes:
    """End a session: store its state and event in one step, wait for the line in the file. Repeats work as for a start.

    Raises:
        RequestRefused: 404, the session is unknown; 400, it belongs to another user or is closed; 503, no recorder
            answered.
        RecorderError: the event cannot be recorded.
        BrokerUnavailable: the events broker is unreachable.
    """
    call = sessions.end_session(boundary.request_id, boundary.answer, boundary.entry)
    step = await retry(lambda: run(events, call))
    return await _recorded(events, boundary.entry, step)


async def _recorded(events: AsyncBroker, entry: EventEntry, step: SessionStep) -> bytes:
    """Wait until the step's event is in the file. Returns the step's answer."""
    answer = answer_of(step)
    entry_id = step.entry_id
    if not entry_id:
        # a repeat: the first event may be recorded already, but the recorder does not append a line twice
        again = replace(entry, event=step.event)
        entry_id = await retry(lambda: append_event(events, again))
    receipt = await retry(lambda: await_receipt(events, entry_id))
    if receipt is None:
        detail = "No recorder answered. The event is queued; repeat the request with the same record_id."
        raise RequestRefused(503, "recorder_unavailable", detail)
    receipt.recorded()
    return answer


async def session_status(events: AsyncBroker, user_id: str, session_id: str) -> SessionStatus:
    """``active`` or ``closed``; ``invalid`` if the session is unknown or belongs to another user.

    Raises:
        BrokerUnavailable: the events broker is unreachable.
    """
    session = await retry(lambda: readers.read_session(events, session_id))
    if session is None or session.user_id != user_id:
        return "invalid"
    return "active" if session.active else "closed"


def has_log_directory(log_root: Path, user_id: str) -> bool:
    """Whether the directory of the logs of this user's sessions exists. The recorder does not create it."""
    return session_log_dir(log_root, user_id).is_dir()


def has_directories(data_root: Path | None, log_root: Path, user_id: str, session_id: str) -> bool:
    """Whether the directories that `make_directories` makes for a session exist."""
    features = data_root is None or session_features_dir(data_root, user_id, session_id).is_dir()
    return features and has_log_directory(log_root, user_id)


def make_directories(data_root: Path | None, log_root: Path, user_id: str, session_id: str) -> None:
    """Create the session's directories with mode 0750 under any umask. No other code creates any. Existing ones are
    kept. If ``data_root`` is None, artifacts go to an object store, which has no directories.

    Raises:
        RequestRefused: 503 ``session_directories_unavailable``; the file system refuses, or it ignores case and already
            has the folder of a user whose id differs from this one only in case.
    """
    folders = [session_log_dir(log_root, user_id)]
    if data_root is not None:
        folders.append(session_features_dir(data_root, user_id, session_id))
    try:
        another = any(_is_anothers(root / "users" / user_id) for root in (log_root, data_root) if root is not None)
        for folder in () if another else folders:
            _make(folder)
    except OSError as error:
        detail = f"The server cannot create the session's directories: {error.strerror or type(error).__name__}."
        raise RequestRefused(503, "session_directories_unavailable", detail) from error
    if another:
        detail = (
            "The file system cannot tell this user_id from another one that differs only in case; use another user_id."
        )
        raise RequestRefused(503, "session_directories_unavailable", detail)


def _is_anothers(folder: Path) -> bool:
    """Whether the file system ignores case and the folder belongs to another name, such as ``Ann`` for ``ann``."""
    twin = folder.with_name(folder.name.swapcase())
    if twin == folder or not (folder.exists() and twin.exists() and twin.samefile(folder)):
        return False
    return all(entry.name != folder.name for entry in folder.parent.iterdir())


def make_roots(data_root: Path | None, log_root: Path) -> None:
    """Create the two roots. The process does this at its start, so that a wrong setting shows then and not at the first
    session.

    Raises:
        ConfigurationError: a root cannot be created.
    """
    for name, root in (("DATA_ROOT", data_root), ("LOG_ROOT", log_root)):
        if root is None:
            continue
        try:
            _make(root)
        except OSError as error:
            raise ConfigurationError(f"{name}: cannot create {root}: {error.strerror}") from error


def _make(directory: Path) -> None:
    """Create a directory and its missing parents, each with `DIRECTORY_MODE`. Existing ones are not changed."""
    for path in reversed([directory, *directory.parents]):
        try:
            path.mkdir(DIRECTORY_MODE)
        except OSError:
            if not path.is_dir():
                raise
            continue
        with suppress(PermissionError, NotImplementedError):  # FAT has no modes
            path.chmod(DIRECTORY_MODE)  # the umask reduces the mode that mkdir sets
