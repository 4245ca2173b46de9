"""The catalog: what all session logs say about their captures, for lists. It blocks: call it in a thread.

It is derived and never the truth: each turn adds the lines that logs have grown by, and their position, in one
transaction, so a killed one leaves the catalog as it was before. Several processes may write one catalog.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from contracts.process.logs import get_logger
from contracts.storage.capture_facts import SessionFacts
from contracts.storage.log_tail import LogPosition, SessionLog, find_log, find_logs, is_rewritten, read_addition
from gateway.library.database import is_damage, new_database, newest_database, open_database, replace_database
from gateway.library.rows import StoredSession, forget_session

__all__ = ["Catalog"]

log = get_logger()

TURN_BYTES = 1 << 20
"""How much of logs one turn reads: some 10 to 20 ms."""

LOGS_A_TURN = 500
"""At how many unchanged logs one turn looks."""

Session = tuple[str, str]
"""A user_id and a session_id."""


class Catalog:
    """The catalog in a folder, filled from the logs below ``log_root``. Use it from one thread at a time.

    Attributes:
        complete: whether all logs were looked at since this file was opened for the first time. If another file takes
            its place, for example because it was damaged, it is not, until all of them were looked at again.
        skipped: how many lines could not be read, and were skipped, since this object was made.
    """

    def __init__(self, folder: Path, log_root: Path) -> None:
        self._folder = folder
        self._log_root = log_root
        self._database: sqlite3.Connection | None = None
        self._path = folder
        self._versions: dict[Session, str] = {}
        self._changes: int | None = None
        self._reported: dict[str, str] = {}
        self.complete = False
        self.skipped = 0

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def rebuild(self) -> int:
        """Fill a new file from all logs, and put it in the place of the catalog. Every process has the old rows until
        then. Returns the number of logs.

        Raises:
            sqlite3.Error, OSError: the system refuses.
        """
        count = 0
        try:
            with new_database(self._folder) as database:
                for found in find_logs(self._log_root, self._report):
                    count += 1
                    while self._read(database, found):
                        pass
        finally:
            self.close()  # opened again, it says which versions it has
        return count

    def repair(self) -> bool:
        """Look for damage in the whole file, and if there is some, begin a new one. Returns whether there was.

        Raises:
            sqlite3.Error, OSError: the system refuses.
        """
        path, database = self._path, self._open()
        try:
            damaged = database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            damaged = True
        if damaged:
            self._begin_again()
        return damaged or path != self._path

    def turns(self) -> Iterator[None]:
        """Look at every log once, in turns: each step of this iterator is one turn, of bounded work.

        Raises:
            sqlite3.Error, OSError: the catalog's file cannot be opened or written. The next call begins again.
        """
        self._read_versions(self._open())
        path = self._path
        errors: list[OSError] = []
        there: set[Session] = set()
        for count, found in enumerate(find_logs(self._log_root, errors.append), start=1):
            there.add((found.user_id, found.session_id))
            if self._versions.get((found.user_id, found.session_id)) != found.version:
                while self._read_next(found):
                    yield
                yield
            elif count % LOGS_A_TURN == 0:
                yield
        for error in errors:
            self._report(error)
        if not errors and self._log_root.is_dir():  # else a disk is missing rather than every log
            yield from self._forget(self._versions.keys() - there)
        if path == self._path:
            self.complete = True
        else:  # another file took its place meanwhile
            yield from self.turns()

    def refresh(self, user_id: str, session_id: str) -> Iterator[None]:
        """Read the new lines of one session's log, in turns as `turns` does.

        Raises:
            OSError: the log cannot be read, or is gone: then the session's rows may be out of date.
            sqlite3.Error: the catalog's file cannot be opened or written.
        """
        database = self._open()
        found = find_log(self._log_root, user_id, session_id)
        if found is None and database.execute(_LOG, (user_id, session_id)).fetchone():
            raise FileNotFoundError(errno.ENOENT, "the session's log is gone")
        while found is not None and self._read_next(found, must=True):
            yield

    def _forget(self, gone: Iterable[Session]) -> Iterator[None]:
        for user_id, session_id in gone:
            if find_log(self._log_root, user_id, session_id) is None:
                with self._transaction() as database:
                    forget_session(database, user_id, session_id)
                self._versions.pop((user_id, session_id), None)
            yield

    def _read_next(self, found: SessionLog, *, must: bool = False) -> bool:
        with self._transaction() as database:
            return self._read(database, found, must=must)

    def _read(self, database: sqlite3.Connection, found: SessionLog, *, must: bool = False) -> bool:
        """Add the next lines of a log; returns whether there may be more. A log that cannot be read keeps its rows; if
        it ``must`` be read, that is an error."""
        key = (found.user_id, found.session_id)
        before = database.execute(_LOG, key).fetchone()
        if before is not None and is_rewritten(before[2], found.version):
            before = None
        position = LogPosition(**orjson.loads(before[0])) if before else LogPosition()
        try:
            addition = read_addition(Path(found.path), position, TURN_BYTES)
        except OSError as error:
            if must:
                raise
            if not isinstance(error, FileNotFoundError):  # else it was removed meanwhile
                self._report(error)
            return False
        if addition.from_start or before is None:
            forget_session(database, *key)
            session = SessionFacts()
        else:
            session = SessionFacts(**orjson.loads(before[1]))
        self.skipped += StoredSession(database, *key, session).add(addition.lines)
        # a log is up to date once all was read that it had when it was found; else a later turn goes on
        version = "" if addition.more else found.version
        position_text = orjson.dumps(addition.position).decode()
        database.execute(_PUT_LOG, (*key, version, position_text, orjson.dumps(session).decode()))
        self._versions[key] = version
        return addition.more

    def _report(self, error: OSError) -> None:
        """Log an error, but not again at every pass."""
        place, why = str(error.filename), str(error.strerror)
        if self._reported.get(place) != why:
            self._reported[place] = why
            log.warning("cannot read session logs for the library", exc_info=error)

    def _open(self) -> sqlite3.Connection:
        """The open file; the newest one, if another process replaced it."""
        path = newest_database(self._folder)
        if path != self._path or not path.exists():
            self.close()
            self.complete = False
        if self._database is not None:
            return self._database
        self._path = path
        try:
            self._database = open_database(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._begin_again(error)
            self._path = newest_database(self._folder)
            self._database = open_database(self._path)
        self._changes = None
        self._read_versions(self._database)
        return self._database

    def _read_versions(self, database: sqlite3.Connection) -> None:
        """Read which versions of the logs the catalog has, if another process has written since the last time."""
        (changes,) = database.execute("PRAGMA data_version").fetchone()  # own commits do not change it
        if changes != self._changes:
            self._changes = changes
            rows = database.execute("SELECT user_id, session_id, version FROM logs")
            self._versions = {(user_id, session_id): version for user_id, session_id, version in rows}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = self._open()
        try:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            self.close()  # opened again, it says which versions were kept
            if is_damage(error):
                self._begin_again(error)
            raise

    def _begin_again(self, error: BaseException | None = None) -> None:
        log.warning("the catalog is damaged, building it again", exc_info=error)
        self.close()
        self.complete = False
        open_database(replace_database(self._path)).close()


_LOG = "SELECT position, facts, version FROM logs WHERE user_id=? AND session_id=?"
_PUT_LOG = "INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?, ?)"
