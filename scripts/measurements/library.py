"""Measure the library: how long the catalog of 10,000 captures takes to build, and how long lists and counts take."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import orjson

from contracts.messages.library import LibraryQuery
from contracts.process.settings import Settings
from contracts.storage.log_tail import find_logs
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import read_log
from gateway.library.catalog import Catalog
from gateway.library.library import catalog_folder
from gateway.library.reader import read_capture, read_page, read_summary
from scripts.measurements.library_logs import LABELS, write_logs
from scripts.measurements.rows import BenchRow, percentile

__all__ = ["measure_library"]

CAPTURES, PEOPLE = 10_000, 50
REPEATS = 50
GOAL_MS = 200.0


async def measure_library(settings: Settings) -> list[BenchRow]:
    """Measure in this process, on generated logs; the gateway runs the same functions in threads."""
    write_logs(settings.log_root, CAPTURES, PEOPLE)
    folder = catalog_folder(settings)
    with closing(Catalog(folder, settings.log_root)) as catalog:
        build_s = _seconds(lambda: list(catalog.turns()))
        pass_s = _seconds(lambda: list(catalog.turns()))
    fold_s = _seconds(lambda: [_fold(Path(log.path)) for log in find_logs(settings.log_root, _raise)])
    of = f"of {CAPTURES:,} captures of {PEOPLE} people"
    newest = orjson.loads(read_page(folder, LibraryQuery()))["captures"][0]["capture_id"]
    filters = {"label": LABELS[7], "quality": "good", "review": "keep", "consent": "given", "state": "kept"}
    asked: dict[str, Callable[[], object]] = {
        "a page": partial(read_page, folder, LibraryQuery()),
        "a page of one person's": partial(read_page, folder, LibraryQuery(user_id="person-007")),
        "a page by five filters": partial(read_page, folder, LibraryQuery.model_validate(filters)),
        "the counts": partial(read_summary, folder),
        "one with its history": partial(read_capture, folder, newest),
    }
    return [
        BenchRow(f"catalog {of}, first build", build_s, "s", None, fold_s, "the same logs folded, nothing stored"),
        BenchRow("   … a pass over unchanged logs", pass_s * 1000, "ms"),
        *(BenchRow(f"   … {name}, p95", _p95_ms(ask), "ms", GOAL_MS) for name, ask in asked.items()),
    ]


def _fold(log: Path) -> SessionFold:
    return SessionFold.of(log.parent.parent.name, log.stem, read_log(log))


def _raise(error: OSError) -> None:
    raise error


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _p95_ms(step: Callable[[], object]) -> float:
    return percentile([_seconds(step) * 1000 for _ in range(REPEATS)], 0.95)
