"""What ``a3cp verify`` of both releases says of the same logs."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from tests.integration.faults.rig import REPOSITORY
from tests.integration.versions.mixed_rig import MixedRig
from tests.integration.versions.previous import PreviousRelease

__all__ = ["verified_alike"]

COUNTS = re.compile(r"(\d+) (line|capture|artifact|event)s?\b")


async def verified_alike(rig: MixedRig, previous: PreviousRelease) -> list[str]:
    """What either release finds wrong in the logs, or counts otherwise than the other one."""
    present = await _verify(rig, sys.executable, REPOSITORY)
    earlier = await _verify(rig, str(previous.python), previous.tree)
    problems = [
        f"verify of {name}: {text}" for name, (code, text) in (("this", present), ("the previous", earlier)) if code
    ]
    if not problems and COUNTS.findall(present[1]) != COUNTS.findall(earlier[1]):
        problems.append(f"the releases count otherwise:\n{present[1]}\n{earlier[1]}")
    return problems


async def _verify(rig: MixedRig, python: str, tree: Path) -> tuple[int, str]:
    settings = rig.settings
    environ = {"DATA_ROOT": str(settings.data_root), "LOG_ROOT": str(settings.log_root), "PYTHONPATH": str(tree)}
    process = await asyncio.create_subprocess_exec(
        python, "-P", "-m", "scripts.cli", "verify", env={"PATH": os.environ["PATH"], **environ},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return int(process.returncode or 0), said.decode(errors="replace")[-3000:]
