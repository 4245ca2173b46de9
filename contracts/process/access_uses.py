"""When each entry of the access file was used last, to the minute: a file of names and times, never of tokens.

Each gateway process adds what it has seen, under a lock, and puts a new file in the place of the old one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread

import orjson

from contracts.process.logs import get_logger
from contracts.rules.ids import format_utc, is_identifier, parse_utc

__all__ = ["AccessUses", "read_uses", "uses_path"]

EVERY = timedelta(minutes=1)
"""How often the use of one entry is written."""

KEPT = timedelta(days=400)
"""How long the use of an entry is known; so the file does not grow with entries that are gone."""

log = get_logger()


def uses_path(state_dir: Path) -> Path:
    """The file, in the gateway's ``A3CP_STATE_DIR``."""
    return state_dir / "access-uses.json"


def read_uses(path: Path) -> Mapping[str, datetime]:
    """The last use of each entry; nothing if there is no such file, or it is damaged: it only informs."""
    try:
        said = orjson.loads(path.read_bytes())
        return {name: parse_utc(time) for name, time in said.items() if is_identifier(name)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class AccessUses:
    """The uses that one process sees. `note` may be called for every request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._noted: dict[str, datetime] = {}
        self._waiting: dict[str, datetime] = {}
        self._failed = False

    def note(self, name: str, now: datetime) -> Thread | None:
        """Note a use. If the last one that was written is a minute old, return the thread that writes it."""
        before = self._noted.get(name)
        if before is not None and timedelta(0) <= now - before < EVERY:
            return None
        self._noted[name] = self._waiting[name] = now
        writer = Thread(target=self._write, name="access-uses", daemon=True)
        writer.start()
        return writer

    def _write(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            if not waiting:
                return
            try:
                self._add(waiting)
                self._failed = False
            except OSError as error:
                if not self._failed:
                    log.warning("cannot note who used the gateway", exc_info=error)
                self._failed = True

    def _add(self, waiting: Mapping[str, datetime]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            newest = max(waiting.values())
            uses = {name: time for name, time in read_uses(self._path).items() if newest - time < KEPT}
            uses.update({name: max(time, uses.get(name, time)) for name, time in waiting.items()})
            text = orjson.dumps({name: format_utc(time) for name, time in sorted(uses.items())})
            new = self._path.with_suffix(".new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(text)
            new.replace(self._path)
        finally:
            os.close(lock)
