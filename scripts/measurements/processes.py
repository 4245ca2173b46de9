"""The processor time and the memory of a process, from Linux's ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_s", "private_bytes", "tree_cpu_s", "tree_cpus_s"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of processor time of all threads of a process, in user and system mode, to 10 ms."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()  # the name in parentheses may have spaces
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def tree_cpu_s(pid: int) -> float:
    """`cpu_s` of a process and of all its running descendants."""
    return sum(tree_cpus_s(pid).values())


def tree_cpus_s(pid: int) -> dict[int, float]:
    """`cpu_s` of a process and of each of its running descendants, by process id."""
    found = {pid: cpu_s(pid)}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= tree_cpus_s(int(child))
    return found


def private_bytes(pid: int) -> int:
    """The bytes that this process wrote and shares with no other process. Shared pages and pages of files do not
    count, so the number does not depend on other processes."""
    resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
