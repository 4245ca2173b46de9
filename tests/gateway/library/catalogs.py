"""Logs and catalogs for tests of the library."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from contracts.messages.library import LibraryQuery
from contracts.rules.paths import session_log_path
from gateway.library.catalog import Catalog
from gateway.library.database import newest_database, open_database
from gateway.library.reader import read_capture, read_page
from tests.contracts.storage.session_lines import SESSION, USER, line_bytes

Rows = dict[str, list[tuple[Any, ...]]]


class Library:
    """A LOG_ROOT and the catalog of its logs."""

    def __init__(self, root: Path) -> None:
        self.log_root = root / "logs"
        self.folder = root / "state" / "library"
        self.log_root.mkdir(parents=True, exist_ok=True)
        self.catalog = self.another()

    def another(self) -> Catalog:
        """The catalog as another process has it."""
        return Catalog(self.folder, self.log_root)

    def log(self, session_id: str = SESSION, user_id: str = USER) -> Path:
        path = session_log_path(self.log_root, user_id, session_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def append(self, *lines: bytes | dict[str, Any], session_id: str = SESSION, user_id: str = USER) -> None:
        with self.log(session_id, user_id).open("ab") as log:
            for line in lines:
                log.write(line if isinstance(line, bytes) else line_bytes(line))

    def catch_up(self) -> int:
        """Look at all logs; returns the number of turns."""
        return sum(1 for _ in self.catalog.turns())

    def page(self, **query: Any) -> dict[str, Any]:
        return dict(orjson.loads(read_page(self.folder, LibraryQuery(**query))))

    def one(self, capture_id: str = "c") -> dict[str, Any]:
        found = read_capture(self.folder, capture_id)
        assert found is not None
        return dict(orjson.loads(found))

    def ids(self, **query: Any) -> list[str]:
        return [capture["capture_id"] for capture in self.page(**query)["captures"]]

    def rows(self) -> Rows:
        """Every row, without what only says how a file was read: its inode and its times."""
        return rows_of(self.folder)


def damage_rows(path: Path) -> None:
    """Overwrite the pages of the captures' rows in a catalog that no process has open."""
    with closing(sqlite3.connect(path)) as database:
        (page_bytes,) = database.execute("PRAGMA page_size").fetchone()
        (first,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name='captures'").fetchone()
    with path.open("r+b") as file:
        file.seek((first - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)


def rows_of(folder: Path) -> Rows:
    database = open_database(newest_database(folder), writes=False)
    try:
        rows: Rows = {}
        for table in ("logs", "captures", "history"):
            rows[table] = sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
        rows["logs"] = [
            (user, session, _without_inode(position), facts) for user, session, _, position, facts in rows["logs"]
        ]
        return rows
    finally:
        database.close()


def _without_inode(position: str) -> Any:
    return {name: value for name, value in orjson.loads(position).items() if name != "inode"}.__repr__()
