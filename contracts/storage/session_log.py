"""Read a session's log line by line. Only a last line that has no newline is read under the log's lock."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from contracts.messages.event import FeatureRefEvent
from contracts.rules.json_text import parse_object
from contracts.state.events import is_by_client, split_line

__all__ = ["LogLine", "find_feature_ref", "judge_line", "read_log"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a session's log.

    Attributes:
        number: the first line is 1.
        problem: the reason why this cannot be a line of the recorder; then ``event`` is empty.
        by_client: a client appended the event under a name that the pipeline uses itself
            (`contracts.state.events.uses_our_names`). Neither a label nor a reference to an artifact may be taken from
            it.
    """

    number: int
    recorded_at: str = ""
    event: bytes = b""
    problem: str = ""
    by_client: bool = False


def read_log(log: Path) -> Iterator[LogLine]:
    """Yield every line of ``log``. A line that a recorder is writing now is not recorded yet, and is left out.

    Raises:
        OSError: the log cannot be read.
    """
    with log.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                if (rest := _rest(lines)) is None:
                    return
                line += rest
            yield judge_line(number, line)


def _rest(lines: BinaryIO) -> bytes | None:
    """The rest of a line that had no newline a moment ago; None if a writer holds the lock, and so is writing it."""
    try:
        fcntl.flock(lines, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    except OSError:  # the file system has no locks
        return lines.readline()
    rest = lines.readline()
    fcntl.flock(lines, fcntl.LOCK_UN)
    return rest


def judge_line(number: int, line: bytes) -> LogLine:
    """Read one line of a log; ``number`` is its place, from 1."""
    if not line.endswith(b"\n"):
        return LogLine(number, problem="the last line is torn: it has no newline")
    parts = split_line(line)
    if parts is None:
        return LogLine(number, problem="the line is no envelope of the recorder's")
    recorded_at, event = parts
    try:
        parse_object(event)
    except ValueError as error:
        return LogLine(number, problem=f"the line's event is not a JSON object: {error}")
    return LogLine(number, recorded_at, event, by_client=is_by_client(line))


def find_feature_ref(log: Path, capture_id: str) -> bytes | None:
    """Return the bytes of a capture's feature-ref event, or None if the log or its line is missing. An event that a
    client appended does not count.

    Raises:
        OSError: the log exists and cannot be read.
    """
    try:
        lines = [line.event for line in read_log(log) if not line.by_client and capture_id.encode() in line.event]
    except FileNotFoundError:
        return None
    for event in lines:
        with suppress(ValidationError):  # another kind of event
            if FeatureRefEvent.model_validate_json(event).capture_id == capture_id:
                return event
    return None
