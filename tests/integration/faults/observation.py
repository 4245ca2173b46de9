"""The state after a run: the files, the brokers, and the gateway's report of each capture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis.asyncio

from contracts.broker import keys
from contracts.broker.roles import broker_time_ms
from contracts.rules.paths import session_features_dir, session_log_path
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import read_log
from tests.integration.faults.history import Told

__all__ = ["Brokers", "Observed", "find_images", "look_at_brokers", "look_at_files", "look_for_erasures"]


@dataclass(frozen=True, slots=True)
class Brokers:
    """What is left in the brokers. ``frames_keys`` are streams and rows of this run's captures; ``videos`` and
    ``places`` are anybody's, of the latter those that have not lapsed."""

    dispatched: int = 0
    dispatch_pending: int = 0
    events: int = 0
    events_pending: int = 0
    unfinished: tuple[str, ...] = ()
    frames_keys: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    dead_letters: tuple[Mapping[str, str], ...] = ()

    @property
    def quiet(self) -> bool:
        """Whether the brokers hold no unfinished work."""
        return not (
            self.dispatched or self.dispatch_pending or self.events or self.events_pending
            or self.unfinished or self.frames_keys or self.videos or self.places
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the checker may look at beside the history.

    Attributes:
        logs: the bytes of each session's log.
        artifacts: of each session, the bytes of every file in its features folder, by name.
        reports: what ``GET /captures/…`` says, by capture_id; None for 404.
        images: files that hold bytes of a JPEG or of a video.
    """

    logs: Mapping[str, bytes] = field(default_factory=dict)
    artifacts: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    reports: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    brokers: Brokers = field(default_factory=Brokers)
    images: Sequence[str] = ()


def look_at_files(told: Told, data_root: Path, log_root: Path) -> tuple[dict[str, bytes], dict[str, dict[str, bytes]]]:
    """The logs and the artifacts of a history's sessions, by session_id."""
    logs: dict[str, bytes] = {}
    artifacts: dict[str, dict[str, bytes]] = {}
    for session_id, session in told.sessions.items():
        log = session_log_path(log_root, session.user_id, session_id)
        logs[session_id] = log.read_bytes() if log.exists() else b""
        folder = session_features_dir(data_root, session.user_id, session_id)
        artifacts[session_id] = {path.name: path.read_bytes() for path in folder.iterdir()}
    return logs, artifacts


def look_for_erasures(told: Told, log_root: Path) -> set[str]:
    """The captures that wait to be erased, as the logs say it now."""
    waiting: set[str] = set()
    for session in {capture.session_id: capture for capture in told.captures.values()}.values():
        log = session_log_path(log_root, session.user_id, session.session_id)
        if log.is_file():
            fold = SessionFold.of(session.user_id, session.session_id, read_log(log))
            waiting |= {capture_id for capture_id in told.withdrawals if fold.describe(capture_id).erasing}
    return waiting


async def look_at_brokers(frames: redis.asyncio.Redis, events: redis.asyncio.Redis, captures: Iterable[str]) -> Brokers:
    """What is left in the brokers."""
    queues, group = (keys.CAPTURES, keys.UPLOADS, keys.ERASURES), keys.EXTRACTOR_GROUP
    left = []
    for capture_id in captures:
        names = keys.capture_keys(capture_id)
        left += [key for key in (names.frames, names.rows) if await frames.exists(key)]
    dead = await events.xrange(keys.DEAD_EVENTS)
    return Brokers(
        dispatched=sum([await frames.xlen(queue) for queue in queues]),
        dispatch_pending=sum([await _pending(frames, queue, group) for queue in queues]),
        events=await events.xlen(keys.EVENTS),
        events_pending=await _pending(events, keys.EVENTS, keys.RECORDER_GROUP),
        unfinished=tuple(name.decode() for name in await events.zrange(keys.UNFINISHED, 0, -1)),
        frames_keys=tuple(left),
        videos=tuple([key.decode() async for key in frames.scan_iter(keys.uploaded_video("*"))]),
        places=await _places(frames),
        dead_letters=tuple(
            {name.decode(): value.decode(errors="replace") for name, value in fields.items()} for _, fields in dead
        ),
    )


async def _places(frames: redis.asyncio.Redis) -> tuple[str, ...]:
    now_ms = await broker_time_ms(frames, "frames", keys.UPLOAD_PLACES)
    return tuple(member.decode() for member in await frames.zrangebyscore(keys.UPLOAD_PLACES, now_ms, "+inf"))


async def _pending(broker: redis.asyncio.Redis, stream: str, group: str) -> int:
    try:
        return int((await broker.xpending(stream, group))["pending"])
    except redis.exceptions.ResponseError:  # no group, so no entry was ever delivered
        return 0


def find_images(folders: Iterable[Path], pieces: Iterable[bytes]) -> list[str]:
    """Files below ``folders`` that hold the head of any JPEG, or bytes out of the middle of one of ``pieces``: JPEGs,
    or parts of videos."""
    middles = [piece[len(piece) // 2 :][:24] for piece in pieces]
    found = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # a temporary file that is gone again
        if b"\xff\xd8\xff\xe0" in content or any(middle in content for middle in middles):
            found.append(str(path))
    return found
