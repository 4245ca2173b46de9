"""The format numbers of stream entries and hashes in Redis. No I/O.

A process writes the number of its kind in `WRITTEN`, and reads this number and the one before: so two releases run side
by side. Something without a number has format 1, as release 0.2.0 wrote it. Something with another number is left to a
process that reads it: `OtherFormat`. The entries of a frame stream, the rows and a video's chunks have no number of
their own: their capture's state has it.

To raise a number: ``contracts/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from contracts.rules.errors import UnreadableValue

__all__ = ["FIELD", "WRITTEN", "Kind", "OtherFormat", "check_format", "readable", "written"]

Kind = Literal["dispatch", "capture", "erasure", "live", "event", "dead_letter", "session", "record"]
"""``dispatch``, ``erasure``, ``event``, ``dead_letter`` and ``live`` (frames and answers) are stream entries;
``capture`` is a capture's state with its frames and rows; ``session`` and ``record`` are hashes."""

FIELD: Final = "format"
"""The field that has the number. A dead letter keeps its entry's own, and has its number in ``letter_format``."""

WRITTEN: Final[Mapping[Kind, int]] = {
    "dispatch": 2,
    "capture": 2,
    "erasure": 2,
    "live": 2,
    "event": 2,
    "dead_letter": 2,
    "session": 2,
    "record": 2,
}
"""The format that this release writes, by kind. The Lua scripts repeat it, as ``tests/contracts/state/test_formats.py``
checks."""

_FRAMES: Final = frozenset({"dispatch", "capture", "erasure", "live"})
"""The kinds in the frames broker."""

_MOST_DIGITS = 6


class OtherFormat(UnreadableValue):
    """A broker holds something that another release wrote, in a format that this process does not read. It stays as it
    is: not dropped, not made a dead letter, not counted as a delivery."""

    def __init__(self, kind: Kind, number: int) -> None:
        reads = readable(kind)
        who = "a newer release wrote it: upgrade this process" if number > reads[-1] else "an older release wrote it"
        why = f"it has format {number}, this process reads {reads[0]} and {reads[-1]}; {who}"
        super().__init__("frames" if kind in _FRAMES else "events", kind, why)


def written(kind: Kind) -> str:
    """The value of the field in what this release writes."""
    return str(WRITTEN[kind])


def readable(kind: Kind) -> range:
    """The formats that this release reads: its own and the one before."""
    return range(WRITTEN[kind] - 1, WRITTEN[kind] + 1)


def check_format(kind: Kind, value: bytes | None) -> int:
    """Return the format of something whose field has this ``value``; None: it has no such field.

    Raises:
        OtherFormat: another release wrote it, in a format that this one does not read.
        ValueError: the value is not a format's number.
    """
    if value is not None and not (value.isdigit() and len(value) <= _MOST_DIGITS and int(value) > 0):
        raise ValueError("its format is not a number")
    number = 1 if value is None else int(value)
    if number not in readable(kind):
        raise OtherFormat(kind, number)
    return number
