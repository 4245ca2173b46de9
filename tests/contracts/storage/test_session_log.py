"""Reading a log to its end while a recorder appends to it."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import pytest

from contracts.storage import session_log
from contracts.storage.session_log import read_log
from tests.contracts.storage.session_lines import line_bytes, said

ONE, TWO = (line_bytes(said("note", number)) for number in (1, 2))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(ONE + TWO[:20])
    return path


def problems(log: Path) -> list[str]:
    return [line.problem for line in read_log(log)]


def test_a_last_line_without_a_newline_is_torn(log: Path) -> None:
    assert problems(log) == ["", "the last line is torn: it has no newline"]


def test_a_line_that_is_being_written_is_not_recorded_yet(log: Path) -> None:
    with log.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert problems(log) == [""]


def test_a_line_that_was_completed_meanwhile_is_whole_and_so_are_those_after_it(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def writes_the_rest(file: Any, how: int) -> None:
        monkeypatch.undo()
        with log.open("ab") as writer:
            writer.write(TWO[20:] + ONE)
        flock(file, how)

    monkeypatch.setattr(session_log.fcntl, "flock", writes_the_rest)  # type: ignore[attr-defined]
    assert problems(log) == ["", "", ""]


def test_the_lock_is_let_go_at_once(log: Path) -> None:
    lines = read_log(log)
    assert [next(lines).problem for _ in range(2)]
    with log.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lines.close()  # type: ignore[attr-defined]


def test_without_locks_the_line_is_read_once_more(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(session_log.fcntl, "flock", refuses)  # type: ignore[attr-defined]
    assert problems(log) == ["", "the last line is torn: it has no newline"]
