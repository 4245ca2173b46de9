"""A release whose formats are all one higher than this one's, in this process: it writes what tests plant."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from contracts.broker import script
from contracts.broker.script import ScriptName
from contracts.rules import formats

__all__ = ["CHECK", "LITERAL", "newer_release"]

CHECK = re.compile(r"if (s\[\d\]) and \1 ~= '(\d+)' and \1 ~= '(\d+)' then return")
"""How a script asks whether it reads a hash: the formats before and of this release."""

LITERAL = re.compile(r"'format', '(\d+)'")
"""How a script writes the format of a hash or an entry."""


@contextmanager
def newer_release() -> Iterator[None]:
    """Inside, the process writes the next formats, and reads them and this release's."""
    source = script._source

    def newer(name: ScriptName) -> tuple[str, str]:
        text, _ = source(name)
        text = LITERAL.sub(lambda found: f"'format', '{int(found[1]) + 1}'", text)
        text = CHECK.sub(
            lambda found: (
                f"if {found[1]} and {found[1]} ~= '{found[3]}' and {found[1]} ~= '{int(found[3]) + 1}' then return"
            ),
            text,
        )
        return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    raised = {kind: number + 1 for kind, number in formats.WRITTEN.items()}
    with mock.patch.dict(formats.WRITTEN, raised), mock.patch.object(script, "_source", newer):
        yield


def _check(value: str, before: int) -> str:
    return f"if {value} and {value} ~= '{before}' and {value} ~= '{before + 1}' then return"
