"""Write lines to a descriptor without raising or blocking, even if its disk is full or its reader is gone or stuck.

A plain ``print`` would raise or block there, and stop the process's own work. So a thread does the writing. It drops
and counts the lines that it cannot write, and reports their number once writing works again.
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
"""How many bytes may wait while the reader does not read. Further lines are dropped and counted."""


def printable(text: str) -> str:
    """Escape every character that is not printable: it could control a terminal, hide text, or have no encoding. File
    names may contain such characters, and so may logs that clients append to."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


class _PendingLine(NamedTuple):
    """A line that waits. ``lines_lost``: how many lines to count as lost if this one cannot be written."""

    data: bytes
    lines_lost: int


class LineWriter:
    """Writes lines to a stream's descriptor. No method raises, and only `flush` waits.

    ``lost(count)`` returns the line that reports how many lines could not be written. If ``stream`` is None, every line
    is discarded: Python sets its standard streams to None if the process was started with them closed.
    """

    def __init__(
        self, stream: TextIO | None, lost: Callable[[int], str], *, max_waiting_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._descriptor = _own_descriptor(stream)
        self._lost_line = lost
        self._max_waiting_bytes = max_waiting_bytes
        self._line_is_open = False
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        """Forget the thread and the lock: after a fork the child has no such thread, and the lock may be held."""
        self._lines: deque[_PendingLine] = deque()
        self._waiting_bytes = self._lost = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Queue a line; the thread writes it later, in order. Escapes characters that the stream cannot encode."""
        if self._descriptor is None:
            return
        with self._changed:
            data = self._encoded(line)
            if self._waiting_bytes + len(data) > self._max_waiting_bytes or not self._has_thread():
                self._lost += 1
                return
            self._report_lost()
            self._put(_PendingLine(data, 1))

    def flush(self, within_s: float) -> None:
        """Wait until every queued line is written or lost, ``within_s`` seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, within_s)

    def _encoded(self, line: str) -> bytes:
        return line.encode(self._encoding, "backslashreplace") + b"\n"

    def _put(self, line: _PendingLine) -> None:
        self._lines.append(line)
        self._waiting_bytes += len(line.data)
        self._changed.notify_all()

    def _report_lost(self) -> None:
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
                    self._lost += line.lines_lost
                elif not self._lines:
                    self._report_lost()
                self._changed.notify_all()

    def _write(self, data: bytes) -> bool:
        """Write all bytes; returns False on an error. If only a part was written, the next call starts a new line."""
        assert self._descriptor is not None
        left = b"\n" + data if self._line_is_open else data
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
                self._line_is_open = bool(left)
        except OSError:
            return False
        return True


_all: weakref.WeakSet[LineWriter] = weakref.WeakSet()


def _reset_all() -> None:
    for writer in list(_all):
        writer._reset()


os.register_at_fork(after_in_child=_reset_all)


def _own_descriptor(stream: TextIO | None) -> int | None:
    """Duplicate the descriptor: closing the stream later must not give its number to another file."""
    if stream is None:
        return None
    try:
        return os.dup(stream.fileno())
    except (OSError, ValueError):  # the stream has no descriptor, or is closed
        return None
