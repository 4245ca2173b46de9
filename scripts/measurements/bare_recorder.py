"""The floor of the recorder: a process whose arguments are the broker's URL, a folder, and lines per
acknowledgement."""

from __future__ import annotations

import fcntl
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

from contracts.broker import keys
from contracts.rules.ids import format_utc
from contracts.state.events import EventEntry, encode_line

__all__ = ["READ_ENTRIES", "record"]

READ_ENTRIES = 128
NAME = "bare"


def record(url: str, folder: Path, bundle: int) -> None:
    """Read entries; for every line open, lock, write and close the file; acknowledge after every ``bundle`` lines. It
    checks nothing, notifies no client, and writes an entry that comes twice twice. It never returns."""
    client = redis.Redis.from_url(url)
    while True:
        answer: Any = client.xreadgroup(keys.RECORDER_GROUP, NAME, {keys.EVENTS: ">"}, count=READ_ENTRIES, block=1000)
        entries = [entry for _, several in answer for entry in several]
        for start in range(0, len(entries), bundle):
            some = entries[start : start + bundle]
            for _, fields in some:
                _write(folder, fields)
            _acknowledge(client, [entry_id for entry_id, _ in some])


def _write(folder: Path, fields: dict[bytes, bytes]) -> None:
    entry = EventEntry.decode(fields)
    line = encode_line(entry.event, format_utc(datetime.now(UTC)), 1 << 20)
    log = os.open(folder / entry.session_id, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    fcntl.flock(log, fcntl.LOCK_EX)
    os.write(log, line)
    os.close(log)


def _acknowledge(client: redis.Redis, entry_ids: list[bytes]) -> None:
    with client.pipeline(transaction=False) as both:
        both.xack(keys.EVENTS, keys.RECORDER_GROUP, *entry_ids)
        both.xdel(keys.EVENTS, *entry_ids)
        both.execute()


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
