"""The previous release's processes beside the present ones: nothing is lost, doubled or wrong.

The short form, with the stand-in for MediaPipe; ``python -m tests.integration.versions`` plays all for minutes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from contracts.broker import acl
from tests.integration.faults.harness import play
from tests.integration.faults.rigs import broker_pair
from tests.integration.versions import previous
from tests.integration.versions.mixed_rig import mixed_rig_on
from tests.integration.versions.mixes import MIXES, UPGRADE, exchanged, faults_of
from tests.integration.versions.previous import NoPreviousRelease, make_previous, named_release, previous_tree
from tests.integration.versions.verified import verified_alike


def test_two_releases_record_together_and_one_replaces_the_other(tmp_path: Path) -> None:
    mix = MIXES["both of each"]
    cut = faults_of(mix)["replies cut"]
    cases = {
        "replies cut": replace(cut, plan=replace(cut.plan, captures=4, uploads=0), recorded=2),
        "upgrade": exchanged([name for name in (*UPGRADE, "gateway-2") if mix[name] == "previous"], kills=False),
    }

    async def main() -> None:
        with broker_pair("valkey") as pair:
            async with mixed_rig_on(pair, tmp_path, release, mix, model="stand_in") as rig:
                for name, case in cases.items():
                    report = await play(rig, case.plan, case.fault, case.allow)
                    assert report.ok, (name, report.findings)
                    assert report.recorded >= case.recorded
                assert set(rig.releases.values()) == {"present"}
                assert await verified_alike(rig, release) == []

    with TemporaryDirectory(prefix="a3cp-previous-") as folder:
        release = make_previous(Path(folder))
        asyncio.run(main())


def test_the_previous_release_is_the_one_that_is_named(tmp_path: Path) -> None:
    project = tomllib.loads((previous_tree(tmp_path) / "pyproject.toml").read_text())["project"]
    assert project["version"] == named_release()[0]


RIGHTS = """
import json
from contracts.broker.acl import RIGHTS
print(json.dumps({role: {user: dict(rights) for user, rights in users.items()} for role, users in RIGHTS.items()}))
"""


def test_the_present_rules_of_the_brokers_have_every_right_of_the_previous_release(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", RIGHTS]
    environ = {"PYTHONPATH": str(previous_tree(tmp_path))}
    before = json.loads(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)
    lacking = rights_in(before) - rights_in(acl.RIGHTS)
    assert not lacking, "its processes run beside the present ones under these rules"


def rights_in(table: Mapping[str, Mapping[str, Mapping[str, str]]]) -> set[tuple[str, ...]]:
    """Role, user, key pattern and command of every right."""
    return {
        (role, user, pattern, command)
        for role, users in table.items()
        for user, rights in users.items()
        for patterns, commands in rights.items()
        for pattern in patterns.split() or [""]
        for command in commands.split()
    }


def test_a_clone_without_the_commit_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "previous_release.toml"
    named.write_text(f'version = "0.0.1"\ncommit = "{"0" * 40}"\n')
    monkeypatch.setattr(previous, "NAMED", named)
    with pytest.raises(NoPreviousRelease, match=r"does not have release 0\.0\.1.*fetch --unshallow.*fetch-depth: 0"):
        make_previous(tmp_path / "made")
