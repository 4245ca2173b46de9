"""SIGTERM and SIGINT as a descriptor to wait for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["stop_signals"]


def _noted(*_: Any) -> None:
    """Do nothing: `signal.set_wakeup_fd` has written the byte to the pipe."""


@contextmanager
def stop_signals() -> Iterator[int]:
    """A descriptor that becomes readable as soon as SIGTERM or SIGINT comes. For the main thread.

    It does not wait for the main thread's next bytecode, which may be far when native code runs; and no lock
    is taken in a handler. Blocking the signals would not do: libraries start threads before anyone can.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    wakeup_before = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    before = {number: signal.signal(number, _noted) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, before)  # the pool starts its processes with SIGINT blocked
    try:
        yield readable
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)
        os.close(readable)
        os.close(writable)
