"""What no file of the repository may say.

A package registry's host in a file decides for everybody where packages come from, against what their own tools are
set to; a machine's path works on that machine only.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.guards.sources import ROOT, listed

# In pieces, so that this file does not say it.
_HOSTS = [
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("registry.", "npmjs"),
    ("registry.", "yarnpkg"),
    ("deb.", "debian.org"),
    ("archive.", "ubuntu.com"),
    ("crates", ".io"),
    ("proxy.", "golang.org"),
    ("conda.", "anaconda.org"),
    ("repo.", "anaconda.com"),
    ("docker", ".io"),
]
_HOMES = ["work", "home", "root", "Users"]
HOST = re.compile("|".join(re.escape(first + second) for first, second in _HOSTS), re.IGNORECASE)
HOME = re.compile(r"(?<![\w.})])/(?:" + "|".join(_HOMES) + ")/")


def slips(path: str, text: str) -> list[str]:
    """Lines that name a registry's host or a place on one machine."""
    found: list[str] = []
    if not HOME.search(text) and not any(first + second in text.lower() for first, second in _HOSTS):
        return found  # most files, and a search in each line takes long
    for number, line in enumerate(text.splitlines(), 1):
        if HOST.search(line):
            found.append(f"{path}:{number}: names a package registry's host")
        if HOME.search(line):
            found.append(f"{path}:{number}: names a path of one machine")
    return found


def tracked() -> list[str]:
    """The paths that git knows, and that are there."""
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in answer.stdout.split("\0") if path and (ROOT / path).is_file()]


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    paths = tracked()
    assert "pyproject.toml" in paths
    findings = [
        finding for path in paths for finding in slips(path, (ROOT / path).read_text("utf-8", errors="replace"))
    ]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    "line",
    [
        "https://" + "py" + "pi.org/simple",
        "https://files." + "Python" + "Hosted.org/x.whl",
        "cd /" + "work/main",
        '"/' + 'home/user/clip.mp4"',
        "HOME=/" + "root/",
    ],
)
def test_a_registry_or_a_machine_is_found(line: str) -> None:
    assert slips("README.md", f"fine\n{line}\n")


@pytest.mark.parametrize("line", ["src/" + "work/item", "GET /session_manager/sessions.start", "framework/x"])
def test_other_paths_are_fine(line: str) -> None:
    assert not slips("README.md", line)
