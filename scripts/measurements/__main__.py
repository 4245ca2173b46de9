"""``./scripts/bench [NAME …]``: measure, print one table, and write ``bench/bench.json``.

A row with a floor is a ratio. The floor is the cost of the simplest program that does the same, measured in the same
run. Machines differ and are shared: ratios can be compared between them, milliseconds cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from contracts.process.settings import Settings, load_settings
from scripts.measurements.extraction import measure_extraction
from scripts.measurements.gateways import measure_gateways
from scripts.measurements.ingest import measure_ingest
from scripts.measurements.library import measure_library
from scripts.measurements.live import measure_live
from scripts.measurements.memory import measure_memory
from scripts.measurements.models import measure_models
from scripts.measurements.plot import draw
from scripts.measurements.recorder import measure_recorder
from scripts.measurements.rows import BenchRow
from scripts.measurements.scrolling import measure_scrolling
from scripts.measurements.start import measure_start
from scripts.measurements.traces import measure_traces

__all__ = ["main"]

MEASUREMENTS: Mapping[str, Callable[[Settings], Awaitable[list[BenchRow]]]] = {
    "ingest": measure_ingest,
    "gateways": measure_gateways,
    "models": measure_models,
    "extraction": measure_extraction,
    "live": measure_live,
    "recorder": measure_recorder,
    "library": measure_library,
    "scrolling": measure_scrolling,
    "memory": measure_memory,
    "start": measure_start,
    "traces": measure_traces,
}


def main(arguments: list[str]) -> int:
    """Run the named measurements, or all; returns 0."""
    parser = argparse.ArgumentParser(prog="./scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASUREMENTS)}; all by default")
    parser.add_argument("--output", type=Path, default=Path("bench"), help="folder for bench.json (default: bench)")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(MEASUREMENTS):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}; there is {', '.join(MEASUREMENTS)}")
    rows = {name: _measured(name) for name in chosen.names or MEASUREMENTS}
    _show(rows)
    chosen.output.mkdir(parents=True, exist_ok=True)
    path = chosen.output / "bench.json"
    path.write_text(json.dumps(_document(rows), indent=2) + "\n")
    print(f"written: {path}")
    picture = path.with_suffix(".png")
    if draw((row for several in rows.values() for row in several), picture):
        print(f"written: {picture}")
    return 0


def _measured(name: str) -> list[BenchRow]:
    print(f"measuring {name} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="a3cp-bench-") as folder:
        roots = {field: Path(folder) / field for field in ("data_root", "log_root", "state_dir")}
        private = {"frames_url": None, "events_url": None, "host": "127.0.0.1", "port": 0, "metrics_port": None}
        return asyncio.run(_run(name, load_settings().model_copy(update=roots | private)))


async def _run(name: str, settings: Settings) -> list[BenchRow]:
    return await MEASUREMENTS[name](settings)


def _show(rows: Mapping[str, list[BenchRow]]) -> None:
    table = Table("what", "measured", "floor", "ratio", "goal", "", box=None, pad_edge=False)
    for row in (row for several in rows.values() for row in several):
        floor = f"{row.floor:.4g} {row.unit}  {row.floor_name}" if row.floor is not None else ""
        goal = f"{row.better} {row.goal:g}" if row.goal is not None else ""
        met = {True: "met", False: "MISSED", None: ""}[row.met]
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        table.add_row(row.name, f"{row.value:.4g} {row.unit}", floor, ratio, goal, met)
    Console(width=160, highlight=False).print(table)


def _document(rows: Mapping[str, list[BenchRow]]) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "rows": {name: [row.document() for row in several] for name, several in rows.items()},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
