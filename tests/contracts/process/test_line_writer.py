"""Writing a log line never raises and never waits; lost lines are counted, and the count is logged."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from contracts.process.line_writer import LineWriter, printable

ROOT = Path(__file__).resolve().parents[3]

QUIET = ("-W", "ignore::DeprecationWarning")  # Python 3.12 warns of any fork beside a thread
HEAD = """
import os, resource, signal, sys, threading
from contracts.process.logs import configure_logs, flush_logs, get_logger, write_last_line
from contracts.process.run import run_process
log = get_logger()
"""
LOUD = """
def main():
    for number in range(20_000):
        log.info("a line", number=number, text=100 * "x")
    print("done")
    return 0
sys.exit(run_process("part", main))
"""


def start(program: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that receives SIGHUP even if these tests run under ``nohup``."""
    options.setdefault("preexec_fn", lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    return subprocess.Popen([sys.executable, *QUIET, "-c", HEAD + program], cwd=ROOT, stdout=subprocess.PIPE, **options)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """The exit code and standard output; standard error is not read."""
    with process.stdout as out:  # type: ignore[union-attr]
        said = out.read()
    return process.wait(300), said


def numbers(lines: list[bytes]) -> list[int]:
    return [event["number"] for event in map(json.loads, lines) if event["event"] == "a line"]


def lost(lines: list[bytes]) -> int:
    return sum(event["lines"] for event in map(json.loads, lines) if event["event"] == "log lines lost")


def test_a_full_disk_ends_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        assert ended(start(LOUD, stderr=full)) == (0, b"done\n")


def test_a_pipe_whose_reader_is_gone_ends_nothing() -> None:
    readable, writable = os.pipe()
    os.close(readable)
    process = start(LOUD, stderr=writable)
    os.close(writable)
    assert ended(process) == (0, b"done\n")


def test_a_pipe_whose_reader_stands_still_holds_nothing_up() -> None:
    process = start(LOUD, stderr=subprocess.PIPE)
    assert ended(process) == (0, b"done\n")
    assert process.stderr is not None
    with process.stderr as pipe:
        written = numbers(pipe.read().splitlines()[:-1])  # the process ended in the middle of a line
    assert written == list(range(len(written)))


@pytest.mark.parametrize("which", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_descriptor_that_is_closed_is_taken_by_no_other_file(which: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    program = (
        HEAD
        + f"""
def main():
    descriptor = os.open({str(file)!r}, os.O_RDWR)
    log.error("a line")
    flush_logs()
    return 7 if descriptor > 2 else 8
sys.exit(run_process("part", main))
"""
    )
    done = subprocess.run(["bash", "-c", f'"$0" -c "$1" {which}', sys.executable, program], cwd=ROOT, timeout=300)
    assert (done.returncode, file.read_bytes()) == (7, b"")


TWO_DISKS = """
def main():
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_050, hard))  # EFBIG in the middle of a line, as ENOSPC would be
    for number in range(100):
        log.info("a line", number=number)
        flush_logs()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    log.info("a line", number=100)
    return 0
sys.exit(run_process("part", main))
"""


def test_when_the_disk_has_room_again_the_log_continues_with_the_number_of_lost_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab") as file:
        assert ended(start(TWO_DISKS, stderr=file))[0] == 0
    lines = path.read_bytes().splitlines()
    (torn,) = [line for line in lines if not line.endswith(b"}")]
    whole = [line for line in lines if line is not torn]
    written = numbers(whole)
    assert 100 in written
    assert len(written) + lost(whole) == 101
    about = json.loads(whole[-2])
    assert (about["event"], about["process"], about["level"]) == ("log lines lost", "part", "warning")


def read_lines(pipe: IO[bytes], until: str) -> list[str]:
    lines: list[str] = []
    for line in pipe:
        lines.append(line.decode().rstrip("\n"))
        if until in lines[-1]:
            break
    return lines


def pipe_writer(encoding: str = "utf-8", **options: Any) -> tuple[int, LineWriter]:
    """A writer, and the other end of its pipe; the writer has an end of its own."""
    readable, writable = os.pipe()
    with os.fdopen(writable, "w", encoding=encoding) as stream:
        return readable, LineWriter(stream, lambda count: f"lost {count}", **options)


def test_a_reader_that_resumes_gets_the_kept_lines_and_the_number_of_lost_ones() -> None:
    readable, writable = os.pipe()
    fill(writable)
    with os.fdopen(writable, "w") as stream:
        writer = LineWriter(stream, lambda count: f"lost {count}", max_waiting_bytes=10_000)
    for number in range(100_000):
        writer.write(f" line {number:<50}")
    with os.fdopen(readable, "rb") as pipe:
        *lines, last = read_lines(pipe, "lost")
        assert len(lines) + int(last.removeprefix("lost ")) == 100_000
        assert [int(line.split()[-1]) for line in lines] == list(range(len(lines)))
        writer.write("after")
        assert read_lines(pipe, "after") == ["after"]


def test_lines_lost_while_the_count_cannot_be_written_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    readable, writer = pipe_writer()
    really = os.write

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("contracts.process.line_writer.os.write", full)
    for number in range(3):
        writer.write(str(number))
        writer.flush(30)
    monkeypatch.setattr("contracts.process.line_writer.os.write", really)
    writer.write("3")
    with os.fdopen(readable, "rb") as pipe:
        assert [pipe.readline(), pipe.readline()] == [b"lost 3\n", b"3\n"]


def test_a_pipe_that_another_process_made_non_blocking_loses_nothing() -> None:
    readable, writable = os.pipe()
    os.set_blocking(writable, False)  # O_NONBLOCK holds for every descriptor of this end
    with os.fdopen(writable, "w") as stream:
        writer = LineWriter(stream, lambda count: f"lost {count}")
    lines = [f"{number} {500 * 'x'}" for number in range(1_000)]
    for line in lines:
        writer.write(line)
    writer.write("end")
    with os.fdopen(readable, "rb") as pipe:
        assert read_lines(pipe, "end") == [*lines, "end"]


@pytest.mark.parametrize(
    ("encoding", "written"), [("latin-1", "ü \\u2026 \\udce9"), ("ascii", "\\xfc \\u2026 \\udce9")]
)
def test_a_character_that_the_encoding_lacks_is_written_as_its_escape(encoding: str, written: str) -> None:
    readable, writer = pipe_writer(encoding)
    writer.write("ü … \udce9")
    with os.fdopen(readable, "rb") as pipe:
        assert pipe.readline().decode(encoding) == f"{written}\n"


def test_a_fork_writes_lines_of_its_own() -> None:
    program = """
configure_logs("part")
log.info("before")
flush_logs()
child = os.fork()
log.info("child" if child == 0 else "parent")
flush_logs()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""
    process = start(program, stderr=subprocess.PIPE)
    with process.stderr as pipe:  # type: ignore[union-attr]
        said = [json.loads(line)["event"] for line in pipe]
    assert ended(process)[0] == 0
    assert sorted(said) == ["before", "child", "parent"]


def test_the_last_line_reaches_its_reader_and_does_not_wait_for_a_slow_one() -> None:
    program = 'write_last_line("a3cp part: no\\x1b[31m"); os._exit(5)'
    process = start(program, stderr=subprocess.PIPE)
    with process.stderr as pipe:  # type: ignore[union-attr]
        assert pipe.read() == b"a3cp part: no\\x1b[31m\n"
    assert ended(process)[0] == 5
    readable, writable = os.pipe()
    fill(writable)
    process = start(program, stderr=writable)
    assert ended(process)[0] == 5
    os.close(readable)
    os.close(writable)


def fill(pipe: int) -> None:
    """Write to a pipe until it is full; the next write would wait for a reader."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    own = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(own, b"x")
    except BlockingIOError:
        os.close(own)


HANGUP = """
def main():
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    print("up", flush=True)
    return 0 if stopped.wait(300) else 1
sys.exit(run_process("part", main))
"""


def test_a_terminal_that_is_closed_stops_a_process_as_sigterm_does() -> None:
    process = start(HANGUP)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    assert ended(process)[0] == 0


def test_a_process_without_a_handler_ends_by_the_signal_that_it_takes_a_hangup_for() -> None:
    program = 'run_process("part", lambda: print("up", flush=True) or threading.Event().wait(300))'
    process = start(program)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    assert ended(process)[0] == -signal.SIGTERM


def test_under_nohup_a_hangup_is_ignored() -> None:
    process = start(HANGUP, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert process.stdout is not None
    process.stdout.readline()
    ignored = int(next(line for line in status(process) if line.startswith("SigIgn")).split()[1], 16)
    assert ignored & 1 << signal.SIGHUP - 1
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0


def status(process: subprocess.Popen[bytes]) -> list[str]:
    return Path(f"/proc/{process.pid}/status").read_text().splitlines()


def test_a_value_that_json_cannot_hold_raises_nothing() -> None:
    program = """
import logging
class Unspeakable:
    def __repr__(self): raise ValueError
def main():
    log.info("a line", value=Unspeakable(), name="x")
    logging.getLogger("library").warning("%d of %d", 1)
    return 0
sys.exit(run_process("part", main))
"""
    process = start(program, stderr=subprocess.PIPE)
    with process.stderr as pipe:  # type: ignore[union-attr]
        one, two = [json.loads(line) for line in pipe]
    assert ended(process)[0] == 0
    assert (one["event"], one["name"], one["unreadable"]) == ("a line", "x", "ValueError")
    assert two["event"] == "%d of %d"


def test_printable_keeps_what_people_write_and_escapes_what_terminals_obey() -> None:
    assert printable("Grüße 手話 🙂") == "Grüße 手話 🙂"
    assert printable("\x1b[31m\n\u202e\udce9") == "\\x1b[31m\\n\\u202e\\udce9"
