"""Write lines to a descriptor whose disk may be full, and whose reader may be gone or may not read.

A print to such a descriptor raises, or blocks until the reader reads, and its caller stops working. So a thread writes.
It drops and counts the lines that it cannot write, and reports their number as soon as writing works again.
"""

from __future__ import annotations

import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TextIO

__all__ = ["LineWriter", "printable"]

MAX_WAITING_BYTES = 1 << 20
"""How much may wait for a reader that does not read. Further lines are lost."""


def printable(text: str) -> str:
    """``text`` with every character that could steer a terminal, hide another, or be in no encoding, as its escape.
    File names, and logs that clients append to, may hold any."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


class _PendingLine(NamedTuple):
    """``stands_for``: how many lines are lost if this one cannot be written."""

    data: bytes
    stands_for: int


class LineWriter:
    """Writes lines to a stream's descriptor. No method raises, and only `flush` waits.

    ``lost(count)`` is the line that tells how many could not be written. A stream that is None, as Python's are if the
    process began with the descriptor closed, takes every line to nowhere.
    """

    def __init__(
        self, stream: TextIO | None, lost: Callable[[int], str], *, max_waiting_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._descriptor = _own_descriptor(stream)
        self._lost_line = lost
        self._max_waiting_bytes = max_waiting_bytes
        self._torn = False
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        """Begin without a thread: a fork leaves it behind, and a lock that it held."""
        self._lines: deque[_PendingLine] = deque()
        self._waiting_bytes = self._lost = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Write a line, later and in order. What the stream's encoding does not have is written as its escape."""
        if self._descriptor is None:
            return
        with self._changed:
            data = self._encoded(line)
            if self._waiting_bytes + len(data) > self._max_waiting_bytes or not self._has_thread():
                self._lost += 1
                return
            self._tell_lost()
            self._put(_PendingLine(data, 1))

    def flush(self, within_s: float) -> None:
        """Wait until what was said is written or lost, ``within_s`` seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, within_s)

    def _encoded(self, line: str) -> bytes:
        return line.encode(self._encoding, "backslashreplace") + b"\n"

    def _put(self, line: _PendingLine) -> None:
        self._lines.append(line)
        self._waiting_bytes += len(line.data)
        self._changed.notify_all()

    def _tell_lost(self) -> None:
        if self._lost:
            self._put(_PendingLine(self._encoded(self._lost_line(self._lost)), self._lost))
            self._lost = 0

    def _has_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="lines", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is about to end
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._lines))
                line = self._lines[0]
            written = self._write(line.data)
            with self._changed:
                self._lines.popleft()
                self._waiting_bytes -= len(line.data)
                if not written:
                    self._lost += line.stands_for
                elif not self._lines:
                    self._tell_lost()
                self._changed.notify_all()

    def _write(self, data: bytes) -> bool:
        """Write all of it. After a line of which only a part went out, the next one begins a line of its own."""
        assert self._descriptor is not None
        left = b"\n" + data if self._torn else data
        try:
            while left:
                try:
                    count = os.write(self._descriptor, left)
                except BlockingIOError:  # another process has made the terminal or the pipe non-blocking
                    poll = select.poll()
                    poll.register(self._descriptor, select.POLLOUT)
                    poll.poll()
                    continue
                left = left[count:]
                self._torn = bool(left)
        except OSError:
            return False
        return True


_all: weakref.WeakSet[LineWriter] = weakref.WeakSet()


def _renew_all() -> None:
    for writer in list(_all):
        writer._renew()


os.register_at_fork(after_in_child=_renew_all)


def _own_descriptor(stream: TextIO | None) -> int | None:
    """A copy, so that it stays this stream's whatever is closed later."""
    if stream is None:
        return None
    try:
        return os.dup(stream.fileno())
    except (OSError, ValueError):  # it has none, or is closed
        return None
