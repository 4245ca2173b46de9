"""Supervise child processes: start each again, with backoff, when it dies.

honcho's Manager would be the ready-made supervisor, but it stops every process as soon as one of them ends, and has no
hook for a restart.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from contracts.process.retry import backoff_s
from contracts.process.run import FATAL_EXIT_CODES
from contracts.rules.errors import FatalError

__all__ = ["Part", "PartFailed", "PartSpec", "Show"]

STEADY_S = 10.0
"""After a part has run for this long, its backoff starts over."""

MAX_LINE_BYTES = 1 << 20

Show = Callable[[str, str], None]
"""Called with a part's name and each line of its output. It must not block: the event loop calls it."""


class PartFailed(FatalError):
    """A part stopped, and a restart would not help. The text is the part's last line."""


@dataclass(frozen=True, slots=True)
class PartSpec:
    """How to run one part.

    Attributes:
        stop_s: how many seconds it may take to stop before it is killed.
        inherit: open file descriptors that the process inherits.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    stop_s: float = 10.0
    inherit: Sequence[int] = ()


def _load_prctl() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl
    return prctl


_prctl = _load_prctl()
_PR_SET_PDEATHSIG = 1

CORE_LIMIT_BYTES = 1 if sys.platform.startswith("linux") else 0
"""A child's ``RLIMIT_CORE``, unless the hard limit is 0. If ``kernel.core_pattern`` is a pipe, Linux dumps the memory
of a crashed process into it even if the limit is 0, but not if it is 1 (``fs/coredump.c``, which keeps a crashing pipe
program from dumping itself). Every core file is larger than one byte, so none is
written."""


def _in_child(parent_pid: int) -> Callable[[], None]:
    """Prepare the child before it runs its program: it leaves no core dump, and on Linux it ends with its parent.

    The kernel watches the thread that forked, so a stack must be started in the main thread.
    """

    def prepare() -> None:
        limit = CORE_LIMIT_BYTES if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0 else 0
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent_pid:
                os._exit(1)

    return prepare


@dataclass(slots=True)
class Part:
    """One supervised process.

    ``starts`` counts how often it was started; ``recent`` has its last 20 lines of output.
    """

    spec: PartSpec
    show: Show
    starts: int = 0
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    _stopping: bool = False

    @property
    def pid(self) -> int | None:
        """The id of the running process; None if none runs."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    def start(self, after: Callable[[], Awaitable[None]] | None = None) -> None:
        """Keep the part running until `stop`; first wait for ``after``.

        ``task`` raises `PartFailed` if the part cannot be started, or exits with a code of `FATAL_EXIT_CODES` before
        it has run for `STEADY_S`. After that, the part is started again until it works, and the other parts go on.
        """
        self.task = asyncio.create_task(self._run(after), name=self.spec.name)

    async def _run(self, after: Callable[[], Awaitable[None]] | None) -> None:
        if after is not None:
            await after()
        loop = asyncio.get_running_loop()
        attempt, was_steady = 0, False
        while not self._stopping:
            started_at = loop.time()
            code = await self._run_once()
            if self._stopping:
                return
            is_steady = loop.time() - started_at > STEADY_S
            was_steady = was_steady or is_steady
            if code in FATAL_EXIT_CODES and not was_steady:
                raise PartFailed(self.recent[-1] if self.recent else f"{self.spec.name} ended with exit code {code}")
            attempt = 0 if is_steady else attempt + 1
            delay_s = backoff_s(attempt)
            self._show_line(f"{_ending(code)}; it is started again in {delay_s:g} s")
            await asyncio.sleep(delay_s)

    async def _run_once(self) -> int:
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *self.spec.command,
                env=self.spec.environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=MAX_LINE_BYTES,
                pass_fds=tuple(self.spec.inherit),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the parts in order
                preexec_fn=_in_child(os.getpid()),
            )
        except OSError as error:
            raise PartFailed(f"{self.spec.name} cannot be started: {error}") from error
        self.starts += 1
        if self._stopping:
            process.terminate()
        reading = asyncio.create_task(self._read(process))
        try:
            code = await process.wait()
            # read the rest; not to the end, because a grandchild may hold the pipe open after the part's end
            await asyncio.wait({reading}, timeout=1.0)
            return code
        finally:
            reading.cancel()
            # asyncio has no public way to close a pipe that another process still holds; left open, it warns at exit
            process._transport.close()  # type: ignore[attr-defined]

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue  # over MAX_LINE_BYTES, longer than any line of A3CP; its rest comes as the next line
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self.recent.append(text)
            self._show_line(text)

    def _show_line(self, line: str) -> None:
        """Show a line. If that fails, go on reading and supervising the part."""
        with suppress(Exception):
            self.show(self.spec.name, line)

    async def stop(self) -> None:
        """Stop the part for good: SIGTERM, and SIGKILL if it takes longer than ``stop_s``."""
        self._stopping = True
        if self.task is None:
            return
        if self.process is not None and self.process.returncode is None:
            await self._end(self.process)
            await asyncio.wait({self.task}, timeout=2.0)  # the task reads the process's last lines
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.spec.stop_s):
                await process.wait()
        except TimeoutError:
            self._show_line(f"it did not stop within {self.spec.stop_s:g} s and is killed")
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """Kill the part at once, with its child processes."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is None:
            return
        try:
            if number == signal.SIGKILL:
                os.killpg(self.pid, number)  # start_new_session made it the leader of a process group
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
