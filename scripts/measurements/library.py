"""Measure the library: how long the catalog of 10,000 captures takes to build, and how long lists and counts take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

from httpx import AsyncClient, HTTPError

from contracts.process.settings import Settings
from contracts.storage.log_tail import find_logs
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import read_log
from gateway.library.catalog import Catalog
from scripts.measurements.library_logs import LABELS, write_logs
from scripts.measurements.rows import BenchRow, percentile
from scripts.measurements.servers import brokers, process
from scripts.stack.ports import gateway_port
from scripts.stack.stack import gateway_address

__all__ = ["CAPTURES", "PEOPLE", "measure_library", "when_built"]

CAPTURES, PEOPLE = 10_000, 50
REPEATS = 50
GOAL_MS = 200.0
POLL_S = 0.1


async def measure_library(settings: Settings) -> list[BenchRow]:
    """Measure the build in this process, and the answers of a running gateway over HTTP, all on generated logs."""
    write_logs(settings.log_root, CAPTURES, PEOPLE)
    with closing(Catalog(settings.state_dir / "built", settings.log_root)) as catalog:
        build_s = _seconds(lambda: list(catalog.turns()))
        pass_s = _seconds(lambda: list(catalog.turns()))
    fold_s = _seconds(lambda: [_fold(Path(log.path)) for log in find_logs(settings.log_root, _raise)])
    of = f"of {CAPTURES:,} captures of {PEOPLE} people"
    return [
        BenchRow(f"catalog {of}, first build", build_s, "s", None, fold_s, "the same logs folded, nothing stored"),
        BenchRow("   … a pass over unchanged logs", pass_s * 1000, "ms"),
        *await _answers(settings),
    ]


async def _answers(settings: Settings) -> list[BenchRow]:
    """Ask a gateway for the same thing again and again, one request at a time."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(brokers(settings.model_copy(update={"port": gateway_port(settings)})))
        await stack.enter_async_context(process(running, "gateway"))
        client = await stack.enter_async_context(AsyncClient(base_url=gateway_address(running), timeout=60))
        newest = await when_built(client)
        filters = {"label": LABELS[7], "quality": "good", "review": "keep", "consent": "given", "state": "kept"}
        asked: dict[str, tuple[str, dict[str, str]]] = {
            "a page": ("/library/captures", {}),
            "a page of one person's": ("/library/captures", {"user_id": "person-007"}),
            "a page by five filters": ("/library/captures", filters),
            "a search of two words": ("/library/captures", {"search": "SIGN-7 person-02"}),
            "the counts": ("/library/summary", {}),
            "one with its history": (f"/library/captures/{newest}", {}),
        }
        return [
            BenchRow(f"   … {name} over HTTP, p95", await _p95_ms(client, *request), "ms", GOAL_MS)
            for name, request in asked.items()
        ]


async def when_built(client: AsyncClient) -> str:
    """Wait until the gateway has read all logs. Returns the newest capture's id.

    Raises:
        TimeoutError: it has not in 300 s.
    """
    async with asyncio.timeout(300):
        while True:
            await asyncio.sleep(POLL_S)
            with suppress(HTTPError):  # it does not listen yet
                page = (await client.get("/library/captures")).json()
                if page.get("total") == CAPTURES:
                    return str(page["captures"][0]["capture_id"])


def _fold(log: Path) -> SessionFold:
    return SessionFold.of(log.parent.parent.name, log.stem, read_log(log))


def _raise(error: OSError) -> None:
    raise error


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


async def _p95_ms(client: AsyncClient, path: str, query: dict[str, str]) -> float:
    took: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        (await client.get(path, params=query)).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 0.95)
