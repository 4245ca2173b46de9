"""How two exports differ: ``a3cp export --diff``. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from scripts.exports.exported import ExportedCapture

__all__ = ["CHANGES", "ChangeKind", "ExportChange", "compare"]

ChangeKind = Literal["added", "removed", "relabelled", "reassigned", "moved", "changed"]

CHANGES: dict[ChangeKind, str] = {
    "added": "only in the new one",
    "removed": "only in the old one",
    "relabelled": "another label",
    "reassigned": "another participant",
    "moved": "another part of the split",
    "changed": "another artifact",
}


@dataclass(frozen=True, slots=True)
class ExportChange:
    """One change of one capture. ``before`` and ``after`` are the label, the participant, the part of the split or the
    hash; for an added or a removed capture its label."""

    kind: ChangeKind
    record_id: str
    participant: str
    before: str | None
    after: str | None


def compare(old: Mapping[str, ExportedCapture], new: Mapping[str, ExportedCapture]) -> list[ExportChange]:
    """Every change from ``old`` to ``new``, both by ``record_id``, in the order of `CHANGES` and then of the records.
    One capture may have several."""
    found = [change for record_id in {**old, **new} for change in _changes(old.get(record_id), new.get(record_id))]
    order = list(CHANGES)
    return sorted(found, key=lambda change: (order.index(change.kind), change.record_id))


def _changes(old: ExportedCapture | None, new: ExportedCapture | None) -> Iterator[ExportChange]:
    if old is None or new is None:
        if new is not None:
            yield ExportChange("added", new.record_id, new.participant, None, new.label)
        if old is not None:
            yield ExportChange("removed", old.record_id, old.participant, old.label, None)
        return
    compared: tuple[tuple[ChangeKind, str | None, str | None], ...] = (
        ("relabelled", old.label, new.label),
        ("reassigned", old.participant, new.participant),
        ("moved", old.split, new.split),
        ("changed", old.hash, new.hash),
    )
    for kind, before, after in compared:
        if before != after:
            yield ExportChange(kind, new.record_id, new.participant, before, after)
