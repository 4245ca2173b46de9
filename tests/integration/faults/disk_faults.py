"""Disks under the artifacts or the logs that are full or read-only, and writable again later."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.integration.faults.checker import Allow
from tests.integration.faults.harness import Fault, Plan, Rig
from tests.integration.faults.process_faults import Case
from tests.integration.faults.rigs import RigKind, plain
from tests.support.brokers import Flavour
from tests.support.waiting import until

__all__ = ["CASES", "Disk"]

DISK_BYTES = 32 * 1024 * 1024

Root = Literal["data", "logs"]


class Disk:
    """A small file system at ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def mount(self) -> None:
        """Make it.

        Raises:
            CalledProcessError: this machine does not let us.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.folder]
        subprocess.run(mount, stderr=subprocess.DEVNULL, check=True)

    def unmount(self) -> None:
        """Unmount it even if processes use it."""
        subprocess.run(["umount", "-l", self.folder], check=True)

    def fill(self) -> None:
        """Fill the disk, also the free part of each file's last page."""
        with self._ballast.open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def empty(self) -> None:
        """Free the disk again."""
        self._ballast.unlink()

    def freeze(self) -> None:
        """Remount read-only, at a moment at which no process has a file open for writing."""
        while subprocess.run(["mount", "-o", "remount,ro", self.folder], stderr=subprocess.DEVNULL).returncode:
            pass

    def thaw(self) -> None:
        """Remount the disk writable."""
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)


def no_mount() -> str:
    """Why a small file system cannot be mounted here."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(Path(folder))
        try:
            disk.mount()
        except subprocess.CalledProcessError:
            return "a small file system cannot be mounted here: it needs root"
        disk.unmount()
    return ""


@asynccontextmanager
async def on_disk(root: Root, flavour: Flavour, folder: Path, **options: Any) -> AsyncIterator[Rig]:
    """DATA_ROOT or LOG_ROOT is a `Disk`."""
    disk = Disk(folder / root)
    disk.mount()
    try:
        async with plain(flavour, folder, **options) as rig:
            yield rig
    finally:
        disk.unmount()


def refused(root: Root, says: str, break_it: Callable[[Disk], None], mend_it: Callable[[Disk], None]) -> Fault:
    """Break the disk before the load, and fix it after it has refused several writes."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        disk, before = Disk(rig.folder / root), len(rig.said)
        await asyncio.to_thread(break_it, disk)
        try:
            armed.set()

            async def refuses() -> bool:
                return sum(says in line for line in rig.said[before:]) >= 4

            await until(refuses, "the disk refuses, again and again")
        finally:
            await asyncio.to_thread(mend_it, disk)

    return fault


# lines that do not fit into what is left of a log's last page, and that may be cut off in the middle
LONG = Plan(captures=3, appends=8, padding=6000)

CASES: dict[str, Case] = {
    f"disk under {root}/: {what}": Case(
        refused(root, says, break_it, mend_it), LONG, Allow(append_answers=frozenset({500, 503})), 3, rig_kind
    )
    for root, says in (("data", "the artifacts' store refuses"), ("logs", "a session is held back"))
    for rig_kind in [RigKind(partial(on_disk, root), needs=no_mount)]
    for what, break_it, mend_it in (("full", Disk.fill, Disk.empty), ("read-only", Disk.freeze, Disk.thaw))
}
