"""Cases as tests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.faults.cases import case_of
from tests.integration.faults.harness import Rig, play
from tests.integration.faults.stand_in import Model
from tests.support.brokers import Flavour

__all__ = ["play_cases", "play_on"]

MANY = 1000
"""More captures than any case has."""


def play_cases(
    names: Sequence[str], flavour: Flavour, folder: Path, model: Model = "stand_in", at_most: int = MANY
) -> None:
    """Play cases on one rig of their kind, one after another, with ``at_most`` captures each; the test fails by the
    first finding. It is skipped where this machine lacks something; in CI it fails. The long run plays all of them with
    MediaPipe."""
    (rig_kind,) = {case_of(name).rig_kind for name in names}
    if lack := rig_kind.lacks(flavour):
        pytest.fail(lack) if os.environ.get("CI") else pytest.skip(lack)

    async def main() -> None:
        async with rig_kind.rig(flavour, folder, model=model) as rig:
            await play_on(rig, names, at_most)

    asyncio.run(main())


async def play_on(rig: Rig, names: Sequence[str], at_most: int = MANY) -> None:
    """Play cases on a rig."""
    for name in names:
        case = case_of(name)
        plan = replace(case.plan, captures=min(case.plan.captures, at_most))
        report = await play(rig, plan, case.fault, case.allow)
        assert report.ok, (name, report.findings)
        assert report.recorded >= min(case.recorded, at_most), (name, report.recorded)
