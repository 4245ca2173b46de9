"""Parts are kept alive, stopped in time, and do not outlive their supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from scripts.stack import supervision
from scripts.stack.supervision import CORE_LIMIT_BYTES, Part, PartFailed, PartSpec
from tests.support.waiting import DEADLINE_S, until, wait_until

ROOT = Path(__file__).resolve().parents[3]


def part(script: str, *, stop_s: float = 10.0, lines: list[str] | None = None) -> Part:
    said = lines if lines is not None else []
    spec = PartSpec("part", [sys.executable, "-u", "-c", script], dict(os.environ), stop_s)
    return Part(spec, lambda _name, line: said.append(line))


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())


SLEEP = "import time; print('up'); time.sleep(600)"


def test_a_process_of_the_stack_may_supervise_children() -> None:
    """A resource limit of the process must not keep it from starting children."""
    program = (
        "import asyncio, sys\n"
        "from contracts.process.run import run_process\n"
        "from scripts.stack.supervision import Part, PartSpec\n"
        "async def main():\n"
        "    said = []\n"
        "    one = Part(PartSpec('one', [sys.executable, '-c', 'print(1)'], {}), lambda _, line: said.append(line))\n"
        "    print(await one._run_once(), said)\n"
        "    return 0\n"
        "sys.exit(run_process('test', lambda: asyncio.run(main())))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "0 ['1']\n"), done.stderr


def failed(one: Part) -> object:
    """The task of a part that is not started again; None while it runs."""
    return one.task if one.task is not None and one.task.done() else None


def test_a_part_that_is_killed_is_started_again() -> None:
    async def test() -> None:
        lines: list[str] = []
        one = part(SLEEP, lines=lines)
        one.start()
        await until(lambda: "up" in lines, unless=lambda: failed(one))
        first = one.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: lines.count("up") == 2, unless=lambda: failed(one))
        assert one.starts == 2
        assert one.pid not in (None, first)
        assert any("SIGKILL" in line for line in lines)
        await one.stop()
        assert one.pid is None

    run(test)


def test_a_part_that_ends_by_itself_is_started_again_with_backoff() -> None:
    async def test() -> None:
        lines: list[str] = []
        one = part("raise SystemExit(1)", lines=lines)
        one.start()
        await until(lambda: one.starts == 3, unless=lambda: failed(one))
        await one.stop()
        delays = [line.rsplit(" in ", 1)[1] for line in lines if "exit code 1" in line]
        assert delays[:2] == ["0.2 s", "0.4 s"]

    run(test)


@pytest.mark.parametrize("code", [2, 3])
def test_a_fatal_exit_is_not_retried_and_shows_the_part_s_own_error(code: int) -> None:
    async def test() -> None:
        one = part(f"print('a3cp x: A3CP_PORT: no'); raise SystemExit({code})")
        one.start()
        assert one.task is not None
        with pytest.raises(PartFailed, match="A3CP_PORT: no"):
            await asyncio.wait_for(one.task, DEADLINE_S)
        assert one.starts == 1

    run(test)


def test_a_part_that_ran_steadily_is_started_again_after_a_fatal_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "STEADY_S", 0.0)

    async def test() -> None:
        one = part("raise SystemExit(2)")
        one.start()
        await until(lambda: one.starts == 3, unless=lambda: failed(one))
        await one.stop()

    run(test)


def test_a_program_that_is_not_there_is_one_line() -> None:
    async def test() -> None:
        one = Part(PartSpec("ghost", ["/no/such/program"], {}), lambda *_: None)
        one.start()
        assert one.task is not None
        with pytest.raises(PartFailed, match="ghost cannot be started"):
            await asyncio.wait_for(one.task, DEADLINE_S)

    run(test)


def test_a_part_that_does_not_stop_is_killed() -> None:
    async def test() -> None:
        lines: list[str] = []
        one = part(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}", stop_s=0.2, lines=lines)
        one.start()
        await until(lambda: "up" in lines, unless=lambda: failed(one))
        await one.stop()
        assert one.process is not None
        assert one.process.returncode == -signal.SIGKILL

    run(test)


def test_a_part_that_is_waiting_to_be_started_again_stops_at_once() -> None:
    async def test() -> None:
        one = part("raise SystemExit(1)")
        one.start()
        await until(lambda: one.starts >= 2, unless=lambda: failed(one))
        await asyncio.wait_for(one.stop(), 5)
        starts = one.starts
        assert one.task is not None
        assert one.task.done()
        assert one.starts == starts

    run(test)


def test_a_line_longer_than_any_buffer_stops_nothing() -> None:
    async def test() -> None:
        lines: list[str] = []
        one = part(f"print('x' * 3_000_000); {SLEEP}", lines=lines)
        one.start()
        await until(lambda: "up" in lines, unless=lambda: failed(one))
        await one.stop()

    run(test)


def test_a_line_that_cannot_be_shown_ends_neither_the_reading_nor_the_part() -> None:
    async def test() -> None:
        def show(_name: str, _line: str) -> None:
            raise BrokenPipeError

        one = part("print('\\n'.join(str(number) for number in range(500_000)))")
        one.show = show
        assert await asyncio.wait_for(one._run_once(), DEADLINE_S) == 0
        assert one.recent[-1] == "499999", "all of 3 MB was read"

    run(test)


def test_a_part_is_started_again_although_that_cannot_be_shown() -> None:
    async def test() -> None:
        def show(_name: str, _line: str) -> None:
            raise UnicodeEncodeError("latin-1", "…", 0, 1, "no")

        one = part("raise SystemExit(1)")
        one.show = show
        one.start()
        await until(lambda: one.starts == 2, unless=lambda: failed(one))
        await one.stop()

    run(test)


def test_parts_write_no_core_files() -> None:
    async def test() -> None:
        lines: list[str] = []
        one = part(f"import resource; print(resource.getrlimit(resource.RLIMIT_CORE)); {SLEEP}", lines=lines)
        one.start()
        await until(lambda: "up" in lines, unless=lambda: failed(one))
        await one.stop()
        assert lines[0] == f"({CORE_LIMIT_BYTES}, {CORE_LIMIT_BYTES})"

    run(test)


SUPERVISOR = """
import asyncio, os, sys
from scripts.stack import supervision
from scripts.stack.supervision import Part, PartSpec
async def main():
    part = Part(PartSpec("p", [sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ)), print)
    part.start()
    while part.pid is None:
        await asyncio.sleep(0.01)
    print(part.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot do it")
def test_a_part_does_not_outlive_a_supervisor_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert _alive(pid)
        process.kill()
    wait_until(lambda: not _alive(pid), "the part ends")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # there may be no process to reap it
