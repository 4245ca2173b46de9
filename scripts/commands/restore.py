"""``a3cp restore SOURCE``: put a backup into empty folders, and verify what is there then."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.process.folder_lock import lock_alone
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.paths import removal_register, session_features_dir, user_folders
from scripts.backups.check import Verified, verify_copy
from scripts.backups.copying import copy_checked, errors_of, write_whole
from scripts.backups.rules import DATA, EVENTS, LOG_FOLDER, LOGS, BackupError, Manifest
from scripts.commands.backup import complete_copy
from scripts.commands.verify import print_report
from scripts.stack.embedded import EmbeddedBrokers
from scripts.stack.running import RESTORING
from scripts.terminal import Counter, bytes_text, many, printable

__all__ = ["restore"]


def restore(settings: Settings, source: Path) -> int:
    """Put the complete copy in ``source`` into the folders of the settings, and verify them. Returns 0, or 1 if
    `a3cp verify` finds a problem. A restore that was killed goes on when it is repeated; until then no stack starts.

    Raises:
        ConfigurationError: there is no complete backup in ``source``, or the folders are not empty.
        BackupError: a file is missing or damaged, or the file system refuses.
        StateInUse: an `a3cp up` runs on ``A3CP_STATE_DIR``.
    """
    manifest = complete_copy(source) if source.is_dir() else None
    if manifest is None:
        raise ConfigurationError(f"{source} has no complete backup")
    embedded = EmbeddedBrokers.prepare(settings.state_dir)
    try:
        with errors_of(settings.log_root), _alone(source), _alone(_made(settings.log_root)):
            return _restore(settings, source / manifest.folder, manifest)
    finally:
        embedded.release()


def _restore(settings: Settings, copy: Path, manifest: Manifest) -> int:
    note = settings.state_dir / RESTORING
    name = manifest.completed_at.isoformat().encode()
    if not note.exists():
        _check_empty(settings)
        write_whole(note, name)
    elif note.read_bytes() != name:
        raise ConfigurationError(f"a restore of another backup was killed here: empty the folders and remove {note}")
    with Counter("files") as counter:
        for path, place in _places(settings, manifest):
            place.parent.mkdir(parents=True, exist_ok=True)
            copy_checked(copy / path, place, manifest.files[path])
            counter.add()
        _make_features_folders(settings, manifest)
        verified = verify_copy(settings, settings.log_root, settings.data_root, counter.add)
    os.sync()  # names of folders; files were synced one by one
    note.unlink()
    _say(settings, manifest, verified)
    return 1 if verified.bad else 0


def _places(settings: Settings, manifest: Manifest) -> Iterator[tuple[str, Path]]:
    """Each file, and where it goes: artifacts before the logs that name them."""
    for path in sorted(manifest.files):
        if path.startswith(DATA):
            yield path, settings.data_root / path.removeprefix(DATA)
        elif path.startswith(LOG_FOLDER):
            yield path, settings.log_root / path.removeprefix(LOG_FOLDER)
        elif path.startswith(EVENTS) and settings.events_url is None:
            yield path, settings.state_dir / path.removeprefix("state/")


def _make_features_folders(settings: Settings, manifest: Manifest) -> None:
    """Make the folder of each session's artifacts, which a gateway makes only when a session starts: a session that was
    open goes on."""
    for path in manifest.files:
        if path.startswith(LOGS):
            user_id, _, log = path.removeprefix(LOGS).split("/")
            session_features_dir(settings.data_root, user_id, log.partition(".")[0]).mkdir(parents=True, exist_ok=True)


def _check_empty(settings: Settings) -> None:
    events = settings.state_dir / "events"
    for name, place in (
        ("LOG_ROOT", user_folders(settings.log_root)),
        ("LOG_ROOT", removal_register(settings.log_root)),
        ("DATA_ROOT", settings.data_root / "users"),
        ("A3CP_STATE_DIR", next(events.iterdir(), None) if settings.events_url is None else None),
    ):
        if place is not None and os.path.lexists(place):
            raise ConfigurationError(f"{name}: {place.absolute()} exists; a backup is restored into empty folders only")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = lock_alone(folder)
    if lock is None:
        raise BackupError(f"a gateway, a backup or another restore uses {folder}: stop it, then try again")
    try:
        yield
    finally:
        os.close(lock)


def _say(settings: Settings, manifest: Manifest, verified: Verified) -> None:
    for report in verified.bad:
        print_report(report.log, report)
    for line in _lines(settings, manifest, verified):
        print(printable(line))


def _lines(settings: Settings, manifest: Manifest, verified: Verified) -> Iterable[str]:
    yield (
        f"restored the backup of {manifest.completed_at:%Y-%m-%d %H:%M:%S} UTC: "
        f"{many(len(verified.reports), 'session')}, {many(verified.captures, 'good capture')}, "
        f"{bytes_text(manifest.byte_length)}"
    )
    if manifest.queued_events is None:
        yield "not in the backup: the events broker, which was an operator's own, with open sessions and queued events"
    elif settings.events_url is not None:
        yield "not restored: the events broker's file, because A3CP_EVENTS_URL names a broker of your own"
    else:
        yield f"events broker: {many(manifest.queued_events, 'event')} in its stream; open sessions go on"
    if manifest.artifact_url:
        yield f"not in the backup: objects in {manifest.artifact_url}"
    yield f"with {many(verified.findings, 'finding')}" if verified.bad else "verified; start the stack with `a3cp up`"
