"""What ``a3cp export --check`` and ``--diff`` print: a table, or one JSON object."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import orjson
from rich.console import Console
from rich.table import Table

from scripts.exports.changes import CHANGES, compare
from scripts.exports.exported import ExportedCapture
from scripts.exports.older import OlderExport
from scripts.exports.stale import StaleCapture
from scripts.terminal import many, printable

__all__ = ["print_changes", "print_stale"]


def print_stale(old: OlderExport, stale: Sequence[StaleCapture], *, as_json: bool) -> None:
    """Print the stale captures of an export."""
    if as_json:
        about = {"folder": str(old.folder), "format": old.format, "version": old.version or None}
        _print_json({**about, "captures": len(old.captures), "stale": [asdict(capture) for capture in stale]})
        return
    for capture in stale:
        print(printable(f"stale  record {capture.record_id}: {'; '.join(capture.reasons)}"))
    result = f"{len(stale):,} of them stale: export again, with --replace" if stale else "up to date"
    print(printable(f"{old.folder}: {many(len(old.captures), 'capture')}, {result}"))


def print_changes(old: OlderExport, new: Mapping[str, ExportedCapture], *, as_json: bool) -> None:
    """Print the changes from an older export to the captures of a new one."""
    changes = compare(old.captures, new)
    if as_json:
        _print_json({"old": str(old.folder), "changes": [asdict(change) for change in changes]})
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("change", "record", "participant", "before", "after"):
        table.add_column(column, overflow="fold")
    for change in changes:
        before, after = (printable(text or "-") for text in (change.before, change.after))
        table.add_row(change.kind, change.record_id, change.participant, before, after)
    # rich takes a pipe for 80 columns wide and would fold each line
    console = Console() if sys.stdout.isatty() else Console(width=1000)
    if changes:
        console.print(table, markup=False)  # a label may contain rich's markup
    counted = Counter(change.kind for change in changes)
    told = ", ".join(f"{counted[kind]:,} {kind}" for kind in CHANGES if counted[kind]) or "no change"
    print(printable(f"{old.folder}: {many(len(old.captures), 'capture')} before, {len(new):,} now: {told}"))


def _print_json(document: object) -> None:
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
