"""The events broker's file in a copy: loaded by a server of its own, and written again without what was deleted."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contracts.broker import keys
from contracts.broker.roles import broker_errors
from contracts.rules.errors import FatalError
from contracts.storage.files import open_regular
from scripts.backups.copying import errors_of, make_folder, write_copy, write_whole
from scripts.backups.rules import AOF, BackupError, aof_files
from scripts.stack.embedded import EmbeddedBrokers
from scripts.stack.offline import offline_events, rewrite_file

__all__ = ["copy_events"]

_AOF_MANIFEST = "appendonly.aof.manifest"
_RETRIES = 100


async def copy_events(source: Path, state_dir: Path) -> int:
    """Copy the embedded events broker's file from the state directory ``source``, whose stack may run, into another
    one, and have a private server load it. Returns how many events are in its stream.

    The server writes the file again as commands: so a deleted entry's bytes, such as a forgotten person's, are in no
    copy, and a restored stack starts on a file that a server has loaded.

    Raises:
        BackupError: the file cannot be copied or loaded.
        StateInUse: another backup makes this copy.
    """
    embedded = EmbeddedBrokers.prepare(state_dir)
    try:
        _copy_aof(source / "events", state_dir / "events")
        try:
            async with offline_events(embedded) as broker:
                await rewrite_file(broker)
                with broker_errors("events"):
                    queued: Any = broker.xlen(keys.EVENTS)
        except FatalError as error:
            raise BackupError(f"the copy of the events broker's file cannot be used: {error}") from error
    finally:
        embedded.release()
    with errors_of(state_dir):
        for name in ("run", "frames"):
            shutil.rmtree(state_dir / name, ignore_errors=True)
        (state_dir / "lock").unlink(missing_ok=True)
    return int(queued)


def _copy_aof(source: Path, target: Path) -> None:
    """Copy the append-only file of a server that may be running into ``target``, which is emptied first.

    All files are opened before the first is read, so a rewrite that ends meanwhile takes none away: together they are
    what the server had at one moment, but for a torn last command, which a server cuts off when it loads them.

    Raises:
        BackupError: the file system refuses, or there is no append-only file.
    """
    with errors_of(source):
        shutil.rmtree(target / AOF, ignore_errors=True)
        make_folder(target / AOF)
        for _ in range(_RETRIES):
            manifest = (source / AOF / _AOF_MANIFEST).read_bytes()
            with ExitStack() as opened:
                try:
                    named = [(name, source / AOF / name) for name in aof_files(manifest)]
                    files = [(name, opened.enter_context(open_regular(path))) for name, path in named]
                except FileNotFoundError:  # a rewrite ended since the manifest was read
                    continue
                sizes = [os.fstat(file.fileno()) for _, file in files]
                for (name, file), now in zip(files, sizes, strict=True):
                    write_copy(file, target / AOF / name, now)
            write_whole(target / AOF / _AOF_MANIFEST, manifest)
            return
    raise BackupError(f"{source / AOF}: the broker rewrites its append-only file again and again")
