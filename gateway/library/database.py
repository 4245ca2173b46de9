"""The catalog's SQLite file: its tables, its version, and how it is opened. It blocks: call it in a thread.

The file is derived from the session logs. If it is damaged, or of another version, a new one is filled from them.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = [
    "CATALOG_VERSION",
    "is_damage",
    "new_database",
    "newest_database",
    "open_database",
    "reading",
    "remove_catalog",
    "replace_database",
]

CATALOG_VERSION = 7
"""Rises if the tables change, or if `contracts.storage.capture_facts` decides something else for the same lines."""

BUSY_MS = 5_000
"""How long one process waits for another one's transaction on the same file, in milliseconds."""

_DRAFT = "catalog-draft-"

_TABLES = """
CREATE TABLE logs (
    user_id TEXT NOT NULL, session_id TEXT NOT NULL,
    version TEXT NOT NULL,    -- of the file, when it was read: see SessionLog
    position TEXT NOT NULL,   -- a LogPosition, JSON
    facts TEXT NOT NULL,      -- a SessionFacts, JSON
    PRIMARY KEY (user_id, session_id)
) WITHOUT ROWID;
CREATE TABLE captures (
    user_id TEXT NOT NULL, session_id TEXT NOT NULL, capture_id TEXT NOT NULL,
    facts TEXT NOT NULL,      -- a CaptureFacts, JSON
    recorded_at TEXT,         -- null, as all that follow, for a capture without an event of its own
    label TEXT, quality TEXT, review TEXT, consent TEXT, state TEXT, participant TEXT,
    study TEXT, prompt TEXT,
    search TEXT,              -- the label and the ids, normalised: see `search_text`
    erasing INTEGER,          -- 1: its artifact is to be removed
    kept_from TEXT,           -- from when the days count for which it is kept
    answer TEXT,              -- a LibraryCapture without kept_until, JSON
    PRIMARY KEY (user_id, session_id, capture_id)
);
-- it has every column of a filter, so that counting reads no row
CREATE INDEX captures_by_time ON captures
    (recorded_at, capture_id, session_id, user_id, label, quality, review, consent, state, participant, study, prompt,
     search)
    WHERE recorded_at IS NOT NULL;
CREATE INDEX captures_of_study ON captures (study, participant) WHERE study IS NOT NULL;
CREATE INDEX captures_by_id ON captures (capture_id);
CREATE INDEX captures_to_erase ON captures (user_id, session_id) WHERE erasing = 1;
CREATE INDEX captures_to_keep ON captures (study, kept_from) WHERE erasing = 0 AND state != 'erased';
CREATE TABLE history (
    user_id TEXT NOT NULL, session_id TEXT NOT NULL, line INTEGER NOT NULL,
    capture_id TEXT NOT NULL, -- empty: of the whole session
    key TEXT NOT NULL,        -- the event's name and its record_id, to find a repeat
    entry TEXT NOT NULL,      -- a HistoryEntry, JSON
    PRIMARY KEY (user_id, session_id, line)
) WITHOUT ROWID;
CREATE INDEX history_of_capture ON history (user_id, session_id, capture_id);
"""


def newest_database(folder: Path) -> Path:
    """The catalog's file in its folder: of this version, the one with the highest number. It may not exist yet.

    A damaged file is replaced by one with the next number and never by one of the same name: a process that still has
    the old one open would remove the new one's write-ahead log (sqlite.org/howtocorrupt.html, 2.5).
    """
    return folder / f"catalog-{CATALOG_VERSION}.{max(_numbers(folder, CATALOG_VERSION), default=1)}.sqlite"


def open_database(path: Path, *, writes: bool = True) -> sqlite3.Connection:
    """Open a catalog's file. To write, create it, with its folder and tables, if it is missing.

    Raises:
        sqlite3.Error: it cannot be opened, or is damaged.
        OSError: its folder cannot be created.
    """
    if writes:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = f"{path.absolute().as_uri()}?mode={'rwc' if writes else 'rw'}"
    database = sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        if writes:
            _prepare(database)
        else:
            database.execute("PRAGMA query_only=1")
            if _version(database) != CATALOG_VERSION:
                raise sqlite3.OperationalError("the catalog has no tables yet")
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """The newest catalog of a folder, to be read in one state. Errors as `open_database`."""
    database = open_database(newest_database(folder), writes=False)
    try:
        database.execute("BEGIN")
        yield database
    finally:
        database.close()


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is damaged. The subclasses of its error are for other reasons, such as a
    lock or a full disk."""
    return type(error) is sqlite3.DatabaseError


def replace_database(path: Path) -> Path:
    """Return the name for the successor of a damaged file, and remove the file.

    Raises:
        OSError: the system refuses.
    """
    _remove(path)
    return _successor(path)


@contextmanager
def new_database(folder: Path) -> Iterator[sqlite3.Connection]:
    """Give an empty catalog to fill, in one transaction. At the end of the block it becomes the folder's newest one;
    until then no process has it open or waits for it.

    Raises:
        sqlite3.Error, OSError: the file cannot be created or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f"{_DRAFT}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=_DRAFT, dir=folder) as draft:
        path = Path(draft) / "catalog"
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            # without a write-ahead log everything is in the file after the commit, and with an error nothing is kept
            database.execute("PRAGMA journal_mode=MEMORY")
            database.execute("BEGIN")
            _make_tables(database)
            yield database
            database.execute("COMMIT")
        there = newest_database(folder)
        os.link(path, _successor(there))
        _remove(there)


def remove_catalog(folder: Path) -> None:
    """Remove the catalog of a folder, with the files of older versions. No gateway may have it open.

    Raises:
        OSError: the system refuses.
    """
    for path in folder.glob("catalog-*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _make_tables(database: sqlite3.Connection) -> None:
    """Drop all tables and make new ones, in the caller's transaction."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")
    for (name,) in names.fetchall():
        quoted = name.replace('"', '""')
        database.execute(f'DROP TABLE "{quoted}"')
    for statement in _TABLES.split(";\n"):
        database.execute(statement)
    database.execute(f"PRAGMA user_version={CATALOG_VERSION}")


def _successor(path: Path) -> Path:
    head, number, suffix = path.name.rsplit(".", 2)
    return path.with_name(f"{head}.{int(number) + 1}.{suffix}")


def _remove(path: Path) -> None:
    for extra in ("", "-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)


def _numbers(folder: Path, version: int) -> list[int]:
    found = (re.fullmatch(r"catalog-(\d+)\.(\d{1,9})\.sqlite", path.name) for path in folder.glob("catalog-*"))
    return [int(match[2]) for match in found if match and int(match[1]) == version]


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
    # after a power failure the last transactions may be missing; their lines are then read again
    database.execute("PRAGMA synchronous=NORMAL")
    if _version(database) == CATALOG_VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        if _version(database) != CATALOG_VERSION:  # another process may have done it meanwhile
            _make_tables(database)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
