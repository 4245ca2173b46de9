"""What the catalog knows of the captures that a withdrawal covers, and of those that wait to be erased. It blocks: call
it in a thread."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import orjson

from contracts.messages.library import CaptureState
from contracts.state.erasures import ErasureRequest
from contracts.storage.capture_facts import statement_key
from gateway.library.database import reading

__all__ = [
    "Covered",
    "Subject",
    "count_to_erase",
    "read_covered",
    "read_to_erase",
    "reassigned_to",
    "session_of",
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a withdrawal is about: a capture of a session; without a ``capture_id``, all of its captures."""

    user_id: str
    session_id: str
    capture_id: str | None = None


@dataclass(frozen=True, slots=True)
class Covered:
    """The recorded captures that a subject covers.

    Attributes:
        states: the state of each.
        erasing: how many of them wait to be erased.
        said: whether the log has the withdrawal already.
    """

    states: Sequence[CaptureState]
    erasing: int
    said: bool


def read_covered(folder: Path, subject: Subject, record_id: str, *, erase: bool) -> Covered:
    """Find the captures of a subject, and whether the withdrawal with this ``record_id`` is in the log. If ``erase``,
    one that did not ask for the erasure does not count.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    key = statement_key("consent.withdrawn", record_id)
    with reading(folder) as database:
        rows = database.execute(
            _CAPTURES, {"user": subject.user_id, "session": subject.session_id, "capture": subject.capture_id}
        ).fetchall()
        entries = database.execute(
            _SAID, (subject.user_id, subject.session_id, subject.capture_id or "", key)
        ).fetchall()
    said = any(not erase or orjson.loads(entry)["details"].get("erase") for (entry,) in entries)
    return Covered([state for state, _ in rows], sum(erasing for _, erasing in rows), said)


def session_of(folder: Path, user_id: str, capture_id: str) -> str | None:
    """The session in which this user's capture is; None if there is no such capture.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        row = database.execute(_SESSION, (user_id, capture_id)).fetchone()
    return row[0] if row else None


def reassigned_to(folder: Path, participant: str) -> list[Subject]:
    """The captures of other users that were reassigned to this participant.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        return [Subject(*row) for row in database.execute(_REASSIGNED, (participant, participant))]


def count_to_erase(folder: Path) -> int:
    """How many captures wait to be erased.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        return int(database.execute("SELECT count(*) FROM captures WHERE erasing = 1").fetchone()[0])


def read_to_erase(folder: Path, known: Set[ErasureRequest], most: int) -> list[ErasureRequest]:
    """The captures that wait to be erased, without those that are ``known``, ``most`` at most. A log that is not read
    to its end gives none: the rest of it may say that they are erased.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    found: list[ErasureRequest] = []
    with reading(folder) as database:
        for capture_id, user_id, session_id, facts in database.execute(_TO_ERASE):
            if len(found) >= most:
                break
            recorded = orjson.loads(facts)["recorded"]
            request = ErasureRequest(
                capture_id, user_id, session_id, recorded["record_id"], recorded["uri"], recorded["hash"]
            )
            if request not in known:
                found.append(request)
    return found


_TO_ERASE = """SELECT captures.capture_id, captures.user_id, captures.session_id, captures.facts
    FROM captures JOIN logs USING (user_id, session_id) WHERE erasing = 1 AND version != ''"""
_CAPTURES = """SELECT state, erasing FROM captures WHERE user_id=:user AND session_id=:session
    AND (:capture IS NULL OR capture_id=:capture) AND recorded_at IS NOT NULL"""
_SAID = "SELECT entry FROM history WHERE user_id=? AND session_id=? AND capture_id=? AND key=?"
_SESSION = """SELECT session_id FROM captures WHERE user_id=? AND capture_id=? AND recorded_at IS NOT NULL
    ORDER BY recorded_at, session_id LIMIT 1"""
_REASSIGNED = """SELECT user_id, session_id, capture_id FROM captures
    WHERE recorded_at IS NOT NULL AND user_id != ? AND participant = ?"""
