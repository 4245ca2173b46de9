"""Disks that are full or read-only, under the artifacts and under the logs, and well again a while later."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import BrokerPair, start_pair
from tests.integration.faults import harness
from tests.integration.faults.checker import Allow
from tests.integration.faults.clients import Append
from tests.integration.faults.harness import Fault, Plan, Rig, play, rig_on, until

DISK_BYTES = 8 << 20
WITHIN_S = 30.0


class Disk:
    """A small file system of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
        self.mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0

    def fill(self) -> None:
        """No byte more, and no page of a file that is there."""
        with self._ballast.open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def empty(self) -> None:
        self._ballast.unlink()

    def freeze(self) -> None:
        """Read-only, at a moment at which nobody has a file open for writing."""
        while subprocess.run(["mount", "-o", "remount,ro", self.folder], stderr=subprocess.DEVNULL).returncode:
            pass

    def thaw(self) -> None:
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)

    def remove(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """The disk under DATA_ROOT or LOG_ROOT; where none may be mounted the test is skipped, in CI it fails."""
    made = Disk(tmp_path / request.param)
    if not made.mounted:
        message = "a small file system cannot be mounted here: it needs root"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    yield made
    made.remove()


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[BrokerPair]:
    yield from start_pair(request.param)


@dataclass(slots=True)
class LongAppend(Append):
    """A line that does not fit into what is left of a log's last page, and that may be cut off in the middle."""

    def __post_init__(self) -> None:
        self.text += "." * 6000


@pytest.mark.parametrize(
    ("disk", "pair", "says"),
    [("data", "valkey", "the file system refuses"), ("logs", "redis", "a session is held back")],
    indirect=["disk", "pair"],
)
def test_what_a_full_or_read_only_disk_held_up_is_written_once_when_it_is_well(
    pair: BrokerPair, says: str, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "Append", LongAppend)

    def breaking(break_it: Callable[[], None], mend_it: Callable[[], None]) -> Fault:
        async def fault(rig: Rig, armed: asyncio.Event) -> None:
            before = len(rig.said)
            await asyncio.to_thread(break_it)
            armed.set()

            async def refused() -> bool:
                return sum(says in line for line in rig.said[before:]) >= 4

            await until(refused, "the disk refuses, again and again", WITHIN_S)
            await asyncio.to_thread(mend_it)

        return fault

    async def main() -> None:
        async with rig_on(pair, tmp_path) as rig:
            for fault in (breaking(disk.fill, disk.empty), breaking(disk.freeze, disk.thaw)):
                allow = Allow(append_answers=frozenset({500, 503}))
                report = await play(rig, Plan(captures=3, appends=8), fault, allow)
                assert report.ok, report.findings
                assert report.recorded == 3

    asyncio.run(main())
