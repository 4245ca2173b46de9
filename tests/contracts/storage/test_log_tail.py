"""Reading what was added to a log: whole lines once, and all again if the file is another one."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.paths import session_log_path
from contracts.storage import log_tail
from contracts.storage.log_tail import LogAddition, LogPosition, find_logs, read_addition
from contracts.storage.session_log import read_log
from tests.contracts.storage.session_lines import SESSION, USER, line_bytes, said

MOST = 1 << 20
ONE, TWO, THREE = (line_bytes(said("note", number)) for number in (1, 2, 3))


def read(log: Path, before: LogPosition | None = None, most: int = MOST) -> LogAddition:
    return read_addition(log, before or LogPosition(), most)


def test_lines_are_read_once_and_numbered_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(ONE + TWO)
    first = read(log)
    assert [line.number for line in first.lines] == [1, 2]
    assert not read(log, first.position).lines
    with log.open("ab") as file:
        file.write(THREE)
    second = read(log, first.position)
    assert not second.from_start
    assert [(line.number, line.event) for line in second.lines] == [(3, list(read_log(log))[2].event)]


def test_a_line_without_its_newline_is_left_until_it_is_whole_or_gone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(ONE + TWO[:20])
    first = read(log)
    assert len(first.lines) == 1
    log.write_bytes(ONE + TWO)
    assert [line.problem for line in read(log, first.position).lines] == [""]
    os.truncate(log, len(ONE))
    assert not read(log, first.position).from_start
    with log.open("ab") as file:
        file.write(THREE)
    assert [line.number for line in read(log, first.position).lines] == [2]


@pytest.mark.parametrize(
    "content",
    [ONE, b"", THREE + TWO, ONE + THREE + TWO, TWO + ONE + THREE],
    ids=["shortened", "emptied", "rewritten", "rewritten and longer", "reordered"],
)
@pytest.mark.parametrize("in_place", [True, False])
def test_a_log_that_is_another_one_is_read_from_its_start(tmp_path: Path, content: bytes, in_place: bool) -> None:
    log = tmp_path / "log"
    log.write_bytes(ONE + TWO)
    before = read(log).position
    if in_place:
        log.write_bytes(content)
    else:
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").replace(log)
    after = read(log, before)
    assert after.from_start
    assert [line.number for line in after.lines] == list(range(1, content.count(b"\n") + 1))


def test_a_turn_ends_after_its_bytes_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "_CHUNK_BYTES", 100)
    log = tmp_path / "log"
    log.write_bytes((ONE + TWO + THREE) * 20)
    position, turns, numbers = LogPosition(), 0, []
    while (addition := read(log, position, most=500)).lines or addition.more:
        position, turns = addition.position, turns + 1
        numbers += [line.number for line in addition.lines]
        assert len(addition.lines) <= 4
    assert numbers == list(range(1, 61))
    assert turns > 10
    assert position.offset == log.stat().st_size


def test_a_line_that_is_too_long_is_skipped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "_CHUNK_BYTES", 64)
    monkeypatch.setattr(log_tail, "_LONGEST_LINE", 1000)
    log = tmp_path / "log"
    log.write_bytes(ONE + b"x" * 5000)
    first = read(log, most=2000)
    assert [line.problem for line in first.lines] == [""]
    second = read(log, first.position, most=100_000)
    assert not second.lines and second.position.skips
    with log.open("ab") as file:
        file.write(b"y\n" + TWO)
    third = read(log, second.position)
    assert [(line.number, bool(line.problem)) for line in third.lines] == [(2, True), (3, False)]
    assert not third.position.skips


@given(st.lists(st.sampled_from([ONE, TWO, b"{}\n", b"\n", b"\xff\n", b"torn"]), max_size=12), st.data())
def test_additions_together_are_the_whole_log(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    whole = whole[: whole.rfind(b"\n") + 1]
    position, lines = LogPosition(), []
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
        for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with log.open("ab") as file:
                file.write(whole[begin:end])
            addition = read(log, position)
            assert not addition.from_start
            position, lines = addition.position, lines + addition.lines
        assert lines == list(read_log(log))


def test_only_session_logs_are_found(tmp_path: Path) -> None:
    log = session_log_path(tmp_path, USER, SESSION)
    log.parent.mkdir(parents=True)
    log.touch()
    (log.parent / f"{SESSION}.jsonl.bak").touch()
    (log.parent / "notes.jsonl").touch()
    (tmp_path / "users" / ".hidden" / "sessions").mkdir(parents=True)
    (tmp_path / "users" / ".hidden" / "sessions" / f"{SESSION}.jsonl").touch()
    (tmp_path / "users" / "file").touch()
    errors: list[OSError] = []
    assert [(found.user_id, found.session_id, found.path) for found in find_logs(tmp_path, errors.append)] == [
        (USER, SESSION, str(log))
    ]
    assert not errors
    assert not list(find_logs(tmp_path / "absent", errors.append))


def test_a_folder_that_cannot_be_listed_is_reported_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("u1", "u2"):
        log = session_log_path(tmp_path, user, SESSION)
        log.parent.mkdir(parents=True)
        log.touch()
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: _refused() if path.parent.name == "u1" else scandir(path))
    errors: list[OSError] = []
    assert [found.user_id for found in find_logs(tmp_path, errors.append)] == ["u2"]
    assert len(errors) == 1


def _refused() -> None:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_neither_read_nor_waited_for(tmp_path: Path, make: object) -> None:
    make(tmp_path / "log")  # type: ignore[operator]
    with pytest.raises(OSError):
        read(tmp_path / "log")
