"""Appending a line to a session's log: the lock, the single write, and the repair of an interrupted one."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from contracts.rules.errors import EventTooLarge, MissingSessionPath, RecorderIOError, SessionLogLocked
from contracts.rules.ids import format_utc
from contracts.rules.paths import session_log_path
from contracts.state.events import encode_line, is_by_client, split_line
from recorder.writer import LogWriter
from tests.recorder.samples import NOON, event, make_log_dir, new_session
from tests.support.waiting import DEADLINE_S

SESSION = "sess_0123456789abcdef"


class Clock:
    """Advances by a second each time it is read."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def refuse_tail(log: str, tail: bytes) -> None:
    raise AssertionError(f"{log} has a torn tail: {tail!r}")


def make_writer(log_root: Path, **options: Any) -> LogWriter:
    given: dict[str, Any] = {
        "max_event_bytes": 512 * 1024,
        "fsync": False,
        "clock": Clock(),
        "on_torn_tail": refuse_tail,
        "look_s": DEADLINE_S,
        **options,
    }
    return LogWriter(log_root, **given)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    make_log_dir(tmp_path)
    return session_log_path(tmp_path, "u1", SESSION)


@pytest.fixture
def writer(tmp_path: Path, log: Path) -> LogWriter:
    return make_writer(tmp_path)


def events_in(log: Path) -> list[bytes]:
    found = []
    for line in log.read_bytes().splitlines(keepends=True):
        parts = split_line(line)
        assert parts is not None, line
        found.append(parts[1])
    return found


# --- the line ----------------------------------------------------------------------------------------


def test_exactly_one_line_is_appended_per_call_in_the_order_of_the_calls(writer: LogWriter, log: Path) -> None:
    events = [event(SESSION, n=n) for n in range(5)]
    for each in events:
        writer.append("u1", SESSION, each)
    assert events_in(log) == events


def test_a_line_is_the_envelope_of_recorded_at_and_event(writer: LogWriter, log: Path) -> None:
    recorded_at = writer.append("u1", SESSION, b'{"a":1}')
    assert log.read_bytes() == b'{"recorded_at":"' + recorded_at.encode() + b'","event":{"a":1}}\n'
    assert list(orjson.loads(log.read_bytes())) == ["recorded_at", "event"]


def test_a_client_s_line_is_marked_and_the_same_bytes_of_a_service_are_another_line(tmp_path: Path, log: Path) -> None:
    first = make_writer(tmp_path).append("u1", SESSION, b'{"a":1}', by_client=True)
    assert orjson.loads(log.read_bytes()) == {"recorded_at": first, "event": {"a": 1}, "by": "client"}
    for by_client, lines in ((True, 1), (False, 2), (False, 2), (True, 2)):
        for writer in (make_writer(tmp_path), make_writer(tmp_path)):
            writer.append("u1", SESSION, b'{"a":1}', by_client=by_client)
        assert [is_by_client(line) for line in log.read_bytes().splitlines(keepends=True)] == [True, False][:lines]


@pytest.mark.parametrize(
    "given",
    [
        b'{"b":1,"a":2,"timestamp":"2026-01-31T13:00:00.5+01:00"}',
        b'{"x":1.0,"y":1e5,"z":-0.0,"big":123456789012345678901234567890}',
        b'{"s":"\\u00e9\\/ \\n","t":"  two  spaces, : "}',
        '{"s":"é\u2028\u0085 \U0001f600"}'.encode(),
    ],
)
def test_the_event_is_in_the_file_byte_for_byte(writer: LogWriter, log: Path, given: bytes) -> None:
    writer.append("u1", SESSION, given)
    assert events_in(log) == [given]


def test_recorded_at_is_the_time_of_the_write_and_the_event_s_own_time_is_left_alone(tmp_path: Path, log: Path) -> None:
    writer = make_writer(tmp_path, clock=lambda: NOON)
    own_time = event(SESSION, timestamp="1999-12-31T23:59:59+05:00")
    assert writer.append("u1", SESSION, own_time) == "2026-01-31T12:00:00.000Z"
    assert events_in(log) == [own_time]


def test_a_new_log_has_mode_0640(writer: LogWriter, log: Path) -> None:
    umask = os.umask(0)
    try:
        writer.append("u1", SESSION, event(SESSION))
    finally:
        os.umask(umask)
    assert log.stat().st_mode & 0o777 == 0o640


# --- one write under the lock ------------------------------------------------------------------------


def test_each_line_is_one_write_call_under_the_lock(
    writer: LogWriter, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = os.write, []

    def watched(descriptor: int, data: bytes) -> int:
        with log.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
        calls.append(data)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    long = event(SESSION, text="x" * 300_000)
    writer.append("u1", SESSION, long)
    writer.append("u1", SESSION, event(SESSION, n=2))
    assert len(calls) == 2
    assert b"".join(calls) == log.read_bytes()


def test_the_lock_is_on_the_log_itself_and_there_is_no_other_file(writer: LogWriter, log: Path, tmp_path: Path) -> None:
    writer.append("u1", SESSION, event(SESSION))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [log]


def test_the_lock_is_let_go_after_each_append(writer: LogWriter, log: Path) -> None:
    writer.append("u1", SESSION, event(SESSION))
    with log.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_log_that_is_locked_is_not_written(tmp_path: Path, log: Path) -> None:
    writer = make_writer(tmp_path, lock_wait_s=0.01)
    log.touch()
    with log.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(SessionLogLocked):
            writer.append("u1", SESSION, event(SESSION))
        assert log.read_bytes() == b""
    writer.append("u1", SESSION, event(SESSION))
    assert len(events_in(log)) == 1


def _append_many(log_root: Path, name: str, events: int, ready: Any) -> None:
    writer = make_writer(log_root, lock_wait_s=60)
    ready.wait()
    for n in range(events):
        writer.append("u1", SESSION, event(SESSION, name=name, n=n, text=name * 20_000))


def test_locking_prevents_interleaving_between_processes(tmp_path: Path, log: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    names, each = ["a", "b", "c", "d"], 25
    ready = spawn.Barrier(len(names))
    processes = [spawn.Process(target=_append_many, args=(tmp_path, name, each, ready)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE_S)
        assert process.exitcode == 0
    lines = [orjson.loads(found) for found in events_in(log)]
    assert len(lines) == len(names) * each
    for name in names:
        mine = [line for line in lines if line["name"] == name]
        assert [line["n"] for line in mine] == list(range(each)), "the lines of each process are in order"
        assert all(line["text"] == name * 20_000 for line in mine)


# --- limits and paths --------------------------------------------------------------------------------


def sized(line_bytes: int) -> bytes:
    """An event whose line has exactly ``size`` bytes."""
    overhead = len(encode_line(b'{"t":""}', format_utc(NOON), 1024))
    return b'{"t":"' + b"x" * (line_bytes - overhead) + b'"}'


def test_a_line_of_just_the_limit_is_written_and_one_byte_more_is_too_large(tmp_path: Path, log: Path) -> None:
    writer = make_writer(tmp_path, max_event_bytes=4096)
    writer.append("u1", SESSION, sized(4096))
    before = log.read_bytes()
    assert len(before) == 4096
    with pytest.raises(EventTooLarge):
        writer.append("u1", SESSION, sized(4097))
    assert log.read_bytes() == before, "no partial write"


def test_an_event_too_large_creates_no_log(tmp_path: Path, log: Path) -> None:
    with pytest.raises(EventTooLarge):
        make_writer(tmp_path, max_event_bytes=1024).append("u1", SESSION, sized(1025))
    assert not log.exists()


def test_the_limit_counts_bytes_not_characters(tmp_path: Path, log: Path) -> None:
    with pytest.raises(EventTooLarge):
        make_writer(tmp_path, max_event_bytes=1024).append("u1", SESSION, b'{"t":"' + "é".encode() * 500 + b'"}')


def test_a_missing_session_directory_is_an_error_and_nothing_is_created(tmp_path: Path) -> None:
    with pytest.raises(MissingSessionPath):
        make_writer(tmp_path).append("u1", SESSION, event(SESSION))
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_opened_is_an_io_error(writer: LogWriter, log: Path) -> None:
    log.mkdir()
    with pytest.raises(RecorderIOError):
        writer.append("u1", SESSION, event(SESSION))


def test_an_error_s_text_does_not_tell_where_the_log_root_is(writer: LogWriter, log: Path, tmp_path: Path) -> None:
    log.mkdir()
    with pytest.raises(RecorderIOError) as error:
        writer.append("u1", SESSION, event(SESSION))
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(("user", "session"), [("..", SESSION), ("u1", "../x"), ("a/b", SESSION)])
def test_an_id_that_could_leave_the_log_root_is_refused(writer: LogWriter, user: str, session: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        writer.append(user, session, b"{}")


# --- failed writes ----------------------------------------------------------------------------------


def _full_disk(_: int, __: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def _half(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    return lambda descriptor, data: write(descriptor, data[: len(data) // 2])


@pytest.mark.parametrize("fault", [_full_disk, _half(os.write)], ids=["refused", "short"])
def test_a_write_that_fails_or_is_short_leaves_nothing_of_the_line(
    writer: LogWriter, log: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[int, bytes], int]
) -> None:
    writer.append("u1", SESSION, event(SESSION, n=1))
    before = log.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fault)
        with pytest.raises(RecorderIOError):
            writer.append("u1", SESSION, event(SESSION, n=2))
    assert log.read_bytes() == before
    writer.append("u1", SESSION, event(SESSION, n=2))
    assert events_in(log) == [event(SESSION, n=1), event(SESSION, n=2)]


def test_with_fsync_always_a_line_that_is_not_on_the_disk_is_undone(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = make_writer(tmp_path, fsync=True)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(RecorderIOError):
            writer.append("u1", SESSION, event(SESSION))
    assert log.read_bytes() == b""
    writer.append("u1", SESSION, event(SESSION))
    assert len(events_in(log)) == 1


@pytest.mark.parametrize("fsync", [True, False])
def test_fsync_is_called_only_if_asked_for(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    make_writer(tmp_path, fsync=fsync).append("u1", SESSION, event(SESSION))
    assert bool(calls) is fsync


# --- the same event again ----------------------------------------------------------------------------


def test_the_same_event_bytes_are_not_repeated_and_answer_with_the_first_time(writer: LogWriter, log: Path) -> None:
    first = writer.append("u1", SESSION, event(SESSION, n=1))
    writer.append("u1", SESSION, event(SESSION, n=2))
    assert writer.append("u1", SESSION, event(SESSION, n=1)) == first
    assert len(events_in(log)) == 2


def test_a_different_event_with_the_same_record_id_is_appended(writer: LogWriter, log: Path) -> None:
    writer.append("u1", SESSION, event(SESSION, record_id="r", n=1))
    writer.append("u1", SESSION, event(SESSION, record_id="r", n=2))
    assert len(events_in(log)) == 2


def test_a_writer_that_never_saw_the_log_reads_it_first(tmp_path: Path, log: Path) -> None:
    first = make_writer(tmp_path).append("u1", SESSION, event(SESSION))
    assert make_writer(tmp_path).append("u1", SESSION, event(SESSION)) == first
    assert len(events_in(log)) == 1


def test_what_another_writer_appended_meanwhile_is_seen(tmp_path: Path, writer: LogWriter, log: Path) -> None:
    writer.append("u1", SESSION, event(SESSION, n=1))
    theirs = make_writer(tmp_path).append("u1", SESSION, event(SESSION, n=2))
    assert writer.append("u1", SESSION, event(SESSION, n=2)) == theirs
    assert len(events_in(log)) == 2


def test_a_log_dropped_from_the_bounded_index_is_read_again(tmp_path: Path, log: Path) -> None:
    writer = make_writer(tmp_path, max_files=1)
    other = "sess_fedcba9876543210"
    first = writer.append("u1", SESSION, event(SESSION))
    writer.append("u1", other, event(other))
    assert writer.append("u1", SESSION, event(SESSION)) == first
    assert len(events_in(log)) == 1


def test_logs_whose_lines_exceed_the_bound_of_all_make_room_for_the_one_that_is_written(
    tmp_path: Path, log: Path
) -> None:
    writer = make_writer(tmp_path, max_lines=2)
    other = "sess_fedcba9876543210"
    for n in range(3):  # more than the bound: the log that is written to is known all the same
        writer.append("u1", SESSION, event(SESSION, n=n))
        writer.append("u1", SESSION, event(SESSION, n=n))
    assert len(events_in(log)) == 3
    writer.append("u1", other, event(other))
    assert list(writer._index) == [session_log_path(tmp_path, "u1", other)]
    writer.append("u1", SESSION, event(SESSION, n=0))
    assert len(events_in(log)) == 3
    os.truncate(log, 0)
    writer.append("u1", SESSION, event(SESSION, n=0))
    assert writer._lines == sum(seen.lines for seen in writer._index.values()) == 2


def test_a_line_takes_few_bytes_of_memory_however_many_there_are(tmp_path: Path, log: Path) -> None:
    """A user decides how many lines a log has: the recorder's memory must not grow with them by much."""
    lines = 100_000
    with log.open("wb") as file:
        for n in range(lines):
            file.write(encode_line(b'{"n":%d}' % n, format_utc(NOON), 1 << 20))
    writer = make_writer(tmp_path)
    tracemalloc.start()
    try:
        writer.append("u1", SESSION, b'{"n":5}')
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(events_in(log)) == lines
    assert kept < 24 * lines


def test_events_whose_digests_begin_alike_are_not_taken_for_one_another(
    writer: LogWriter, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.writer._digest", lambda event: bytes(32))
    for _ in range(2):
        for n in (1, 2, 10):
            writer.append("u1", SESSION, event(SESSION, n=n))
    assert events_in(log) == [event(SESSION, n=n) for n in (1, 2, 10)]


def test_a_line_longer_than_one_read_is_seen_whole(tmp_path: Path, log: Path) -> None:
    big = event(SESSION, text="x" * 2_500_000)
    first = make_writer(tmp_path, max_event_bytes=1 << 22).append("u1", SESSION, big)
    assert make_writer(tmp_path, max_event_bytes=1 << 22).append("u1", SESSION, big) == first
    assert len(events_in(log)) == 1


@pytest.mark.parametrize("how", ["emptied", "replaced", "removed"])
def test_a_log_that_was_emptied_replaced_or_removed_is_read_again(writer: LogWriter, log: Path, how: str) -> None:
    given = event(SESSION, n=1)
    writer.append("u1", SESSION, given)
    if how == "emptied":
        os.truncate(log, 0)
    elif how == "replaced":
        fresh = log.with_suffix(".new")
        fresh.write_bytes(encode_line(event(SESSION, n="another's, and longer"), format_utc(NOON), 1 << 20))
        fresh.replace(log)
    else:
        log.unlink()
    writer.append("u1", SESSION, given)
    assert events_in(log)[-1] == given


def test_a_log_replaced_between_open_and_lock_is_opened_again(
    writer: LogWriter, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line must go into the file that has the log's name, not into the one that lost it."""
    writer.append("u1", SESSION, event(SESSION, n=1))
    flock, moved = fcntl.flock, log.with_suffix(".moved")

    def replace_first(descriptor: int, operation: int) -> None:
        if not moved.exists():
            log.rename(moved)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", replace_first)
    writer.append("u1", SESSION, event(SESSION, n=2))
    assert events_in(moved) == [event(SESSION, n=1)]
    assert events_in(log) == [event(SESSION, n=2)]


def test_a_line_that_the_recorder_did_not_write_is_left_alone(writer: LogWriter, log: Path) -> None:
    log.write_bytes(b"a stranger's note\n")
    writer.append("u1", SESSION, event(SESSION))
    assert log.read_bytes().startswith(b"a stranger's note\n{")


# --- the torn last line ------------------------------------------------------------------------------


def test_a_torn_last_line_is_a_dead_letter_before_it_is_cut_off(tmp_path: Path, log: Path) -> None:
    whole = encode_line(event(SESSION, n=1), format_utc(NOON), 1 << 20)
    log.write_bytes(whole + b'{"recorded_at":"2026-01')
    kept = []

    def keep(name: str, tail: bytes) -> None:
        assert log.read_bytes().endswith(tail), "it is still in the file"
        kept.append((name, tail))

    make_writer(tmp_path, on_torn_tail=keep).append("u1", SESSION, event(SESSION, n=2))
    assert kept == [(log.relative_to(tmp_path).as_posix(), b'{"recorded_at":"2026-01')]
    assert log.read_bytes().startswith(whole)
    assert events_in(log) == [event(SESSION, n=1), event(SESSION, n=2)]


def test_a_torn_line_stays_in_the_log_while_its_dead_letter_cannot_be_written(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"torn")

    def fail(_: str, __: bytes) -> None:
        raise RecorderIOError("no dead letter")

    with pytest.raises(RecorderIOError):
        make_writer(tmp_path, on_torn_tail=fail).append("u1", SESSION, event(SESSION))
    assert log.read_bytes() == b"torn"


def test_an_event_whose_line_lacks_only_the_newline_is_written_again(tmp_path: Path, log: Path) -> None:
    given = event(SESSION)
    torn = encode_line(given, format_utc(NOON), 1 << 20)[:-1]
    log.write_bytes(torn)
    kept = []
    make_writer(tmp_path, on_torn_tail=lambda _, tail: kept.append(tail)).append("u1", SESSION, given)
    assert kept == [torn]
    assert events_in(log) == [given]


def test_a_long_log_is_read_in_parts_and_other_sessions_are_written_between_them(tmp_path: Path, log: Path) -> None:
    first = b'{"n":0}'
    lines = [
        encode_line(b'{"n":%d,"text":"%s"}' % (n, b"x" * 1000), "2026-01-31T12:00:00.000Z", 9999) for n in range(3000)
    ]
    log.write_bytes(encode_line(first, "2026-01-30T12:00:00.000Z", 9999) + b"".join(lines))
    writer = make_writer(tmp_path, look_s=0.0)
    turns = 0
    while True:
        try:
            recorded_at = writer.append("u1", SESSION, first)
            break
        except SessionLogLocked:
            turns += 1
            writer.append("u1", new_session(), b'{"other":%d}' % turns)
            assert turns < 10
    assert turns >= 2, "one call read the whole log"
    assert recorded_at == "2026-01-30T12:00:00.000Z", "the part read by the first call was forgotten"
