"""The commands for ``redis-cli`` that the documents of this repository show."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

__all__ = ["documented_commands"]

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "contracts", "gateway", "workers", "recorder", "scripts", ".github")
_CLI = re.compile(r"(?:redis|valkey)-cli([^`\n|]*)")


@cache
def documented_commands() -> list[tuple[str, list[str]]]:
    """Each ``redis-cli`` command with its document.

    The options that address the broker are left out; a placeholder like ``<this_kind>`` is one word.
    """
    paths = {path for folder in FOLDERS for path in (ROOT / folder).glob("**/*.md" if folder else "*.md")}
    found = []
    for path in sorted(path for path in paths if "node_modules" not in path.parts):
        for shown in _CLI.findall(path.read_text(encoding="utf-8")):
            words = shlex.split(shown, comments=True)
            while words and words[0] in ("-s", "-u", "--user", "-h", "-p"):
                words = words[2:]
            if words:
                found.append((str(path.relative_to(ROOT)), words))
    return found
