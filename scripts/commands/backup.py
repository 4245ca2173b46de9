"""``a3cp backup TARGET``: copy logs, artifacts and the events broker's file, while the stack runs, and verify the copy.

The order makes it consistent. An artifact is on the disk before its event, and an event is in the broker's file before
it is in a log. So the broker's file is copied first, then the logs, then the artifacts: the copy lacks no line that the
broker says was appended, and no artifact that a line or a queued event names. A first pass before that copies what
takes long, so that the moments at which the three are read are close together.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from contracts.process.folder_lock import FolderInUse, lock_alone
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.paths import removal_register
from recorder.removal import begun_removal
from scripts.backups.broker import copy_events
from scripts.backups.check import Verified, describe_files, repair, verify_copy
from scripts.backups.copying import Copier, errors_of, make_folder, write_whole
from scripts.backups.rules import (
    AOF,
    BackupError,
    Changes,
    Manifest,
    changes,
    lost_logs,
    other_folder,
    read_manifest,
    registered,
)
from scripts.commands.verify import print_report
from scripts.terminal import Counter, bytes_text, many, printable

__all__ = ["MANIFEST", "backup", "complete_copy", "register_of"]

MANIFEST = "backup.json"


def backup(settings: Settings, target: Path) -> int:
    """Make or renew the backup in ``target``, and verify it. Returns 0, or 1 if `a3cp verify` finds a problem in it.

    Raises:
        ConfigurationError: the folders of the settings or ``target`` cannot be those of a backup.
        BackupError: the copy cannot be made. An older backup in ``target`` is as it was.
        StateInUse: a killed backup's server still ends.
    """
    _check_places(settings, target)
    with errors_of(target):
        make_folder(target)
    with _alone(target), _no_removal(settings.log_root):
        return _backup(settings, target)


def _backup(settings: Settings, target: Path) -> int:
    began_at = datetime.now(UTC)
    before = complete_copy(target)
    folder = other_folder(before.folder if before else None)
    copy = target / folder
    with errors_of(copy), Counter("files") as counter:
        make_folder(copy)
        older = target / before.folder if before else None
        copier = Copier(settings.log_root, settings.data_root, copy, older, counter.add)
        copier.logs()
        copier.artifacts()
        queued = None
        if settings.events_url is None:
            queued = asyncio.run(copy_events(settings.state_dir, copy / "state"))
        else:
            shutil.rmtree(copy / "state", ignore_errors=True)
        copier.logs()
        copier.artifacts()
        register = _register(settings, copy, before, older)
        verified = verify_copy(settings, copy / "logs", copy / "data", counter.add)
        repair(settings, copier, verified)
        files = describe_files(copy, verified)
    if before is not None and (lost := lost_logs(before.files.keys(), files.keys(), register)):
        raise BackupError(_lost(lost, target))
    done = Manifest(
        version=version("a3cp"), began_at=began_at, completed_at=datetime.now(UTC), folder=folder,
        sessions=len(verified.reports), captures=verified.captures, queued_events=queued,
        artifact_url=settings.artifact_url, findings=verified.findings, files=files,
    )  # fmt: skip
    _complete(target, done)
    _say(target, done, changes(before.files if before else {}, files), copier.copied_bytes, verified)
    return 1 if verified.bad or verified.kept else 0


def _complete(target: Path, done: Manifest) -> None:
    """Make the copy the complete one, in one step, and remove the older one."""
    with errors_of(target):
        os.sync()  # names of folders and links; files were synced one by one
        write_whole(target / MANIFEST, done.model_dump_json(indent=1).encode() + b"\n")
        if (older := target / other_folder(done.folder)).exists():
            shutil.rmtree(older)


def complete_copy(target: Path) -> Manifest | None:
    """The manifest of the complete copy in ``target``; None if there is none.

    Raises:
        BackupError: it cannot be read.
    """
    with errors_of(target):
        try:
            data = (target / MANIFEST).read_bytes()
        except FileNotFoundError:
            return None
    return read_manifest(data)


def register_of(folder: Path) -> Path:
    """The register of forgotten persons in a copy."""
    return removal_register(folder / "logs")


def _register(settings: Settings, copy: Path, before: Manifest | None, older: Path | None) -> int:
    """Copy the register of `a3cp forget`; returns how many session logs it says were removed since the older copy."""
    now = _bytes(removal_register(settings.log_root))
    if now:
        write_whole(register_of(copy), now)
    else:
        register_of(copy).unlink(missing_ok=True)
    return registered(_bytes(register_of(older)) if before and older else b"", now)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _check_places(settings: Settings, target: Path) -> None:
    if not settings.log_root.is_dir():
        raise ConfigurationError(f"LOG_ROOT: {settings.log_root.absolute()} does not exist: there is nothing to copy")
    for name, root in (("LOG_ROOT", settings.log_root), ("DATA_ROOT", settings.data_root)):
        if target.resolve().is_relative_to(root.resolve()) or root.resolve().is_relative_to(target.resolve()):
            raise ConfigurationError(f"{target} and {name} are in one another: name a folder of its own")
    if target.exists() and not target.is_dir():
        raise ConfigurationError(f"{target} is no folder")
    known = {MANIFEST, f".{MANIFEST}.tmp", "copy-a", "copy-b", "lost+found"}
    if target.is_dir() and (others := sorted({path.name for path in target.iterdir()} - known)):
        raise ConfigurationError(f"{target} has other files, such as {others[0]}: name a new folder, or a backup's")
    if settings.events_url is None and not (settings.state_dir / "events" / AOF).is_dir():
        raise ConfigurationError(
            f"A3CP_STATE_DIR: {settings.state_dir.absolute()} has no file of the stack's events broker. Name the "
            "folder of the stack, or set A3CP_FRAMES_URL and A3CP_EVENTS_URL if the brokers are your own"
        )


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    lock = lock_alone(target)
    if lock is None:
        raise BackupError(f"another backup or a restore runs on {target}, or its file system has no locks")
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _no_removal(log_root: Path) -> Iterator[None]:
    """Keep `a3cp forget` from beginning meanwhile."""
    in_use = FolderInUse(log_root)
    if not in_use.hold():
        raise BackupError(f"`a3cp forget` or `a3cp restore` runs on {log_root}: try again when it is over")
    try:
        if (begun := begun_removal(log_root)) is not None:
            raise BackupError(f"the removal of {begun.user_id} was begun and not completed: forget that person first")
        yield
    finally:
        in_use.close()


def _lost(logs: list[str], target: Path) -> str:
    more = f" and {len(logs) - 3} more" if len(logs) > 3 else ""
    return (
        f"LOG_ROOT lacks {many(len(logs), 'session log')} that the backup has, and no `a3cp forget` explains it: "
        f"{', '.join(logs[:3])}{more}. Nothing of the backup was changed. If LOG_ROOT is the right folder and the logs "
        f"were removed on purpose, back up into another folder and remove {target}"
    )


def _say(target: Path, done: Manifest, changed: Changes, copied_bytes: int, verified: Verified) -> None:
    for report in verified.bad:
        print_report(report.log, report)
    for uri in verified.kept:
        print(printable(f"kept {uri}: DATA_ROOT has lost or changed it, and the last backup had it"))
    logs = f" and {many(changed.removed_logs, 'session log')} of forgotten persons" if changed.removed_logs else ""
    removed = (
        f", removed {many(changed.removed_artifacts, 'artifact')}{logs}" if changed.removed_artifacts or logs else ""
    )
    print(printable(
        f"{target / done.folder}: {many(done.sessions, 'session')}, {many(done.captures, 'good capture')}, "
        f"{bytes_text(done.byte_length)}"
    ))  # fmt: skip
    print(f"{many(changed.new_artifacts, 'new artifact')}{removed}; {bytes_text(copied_bytes)} copied")
    if done.queued_events is None:
        print("not copied: the events broker, which is your own, with open sessions and queued events")
    else:
        print(f"events broker: its file was loaded; {many(done.queued_events, 'event')} in its stream")
    if done.artifact_url:
        print(f"not copied: objects in {done.artifact_url}; they were read and verified. Replicate the bucket itself")
    print(f"complete, with {many(done.findings, 'finding')}" if done.findings else "complete and verified")
