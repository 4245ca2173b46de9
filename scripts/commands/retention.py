"""``a3cp retention``: what a running gateway keeps longer than it was to be kept, and its erasure."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime

from rich.console import Console
from rich.table import Table

from contracts.messages.operate import RetentionReport, RetentionStudy
from contracts.process.settings import Settings
from scripts.client.retention import RetentionClient
from scripts.commands.gateway_client import gateway_client
from scripts.terminal import many, printable

__all__ = ["retention"]

_COLUMNS = ("study", "kept for", "captures", "due", "oldest")
_DUE = ("capture", "user", "study", "due since")


def retention(
    settings: Settings,
    gateway_url: str | None,
    *,
    dry_run: bool,
    confirm: Callable[[str], bool],
    as_json: bool = False,
    console: Console | None = None,
) -> int:
    """Print what is due; unless ``dry_run``, have it erased after ``confirm`` was asked. Returns 0, or 1 if it was not
    confirmed or some could not be withdrawn.

    Raises:
        ClientError: the gateway does not answer, or refuses.
    """

    async def heeded() -> int:
        async with gateway_client(settings, gateway_url) as client:
            report = await client.retention.report()
            if as_json:
                print(report.model_dump_json())
            else:
                _print(report, console or (Console() if sys.stdout.isatty() else Console(width=1000)))
            due = sum(study.due for study in report.studies)
            if dry_run or not due:
                return 0
            asked = f"Erase {many(due, 'capture')} that {'is' if due == 1 else 'are'} due at {_day(report.now)} UTC? "
            if not confirm(asked + "This cannot be undone."):
                print("nothing was erased")
                return 1
            return await _erase(client.retention, report.now)

    return asyncio.run(heeded())


async def _erase(client: RetentionClient, until: datetime) -> int:
    withdrawn = 0
    while True:
        done = await client.erase(until)
        withdrawn += done.withdrawn
        if not done.left or not done.withdrawn:
            break
    print(f"{many(withdrawn, 'capture')} withdrawn; workers erase them", file=sys.stderr)
    if done.left:
        print(f"{many(done.left, 'capture')} left: the gateway's log says why", file=sys.stderr)
    return int(done.left > 0)


def _print(report: RetentionReport, console: Console) -> None:
    studies = _table(_COLUMNS)
    for each in report.studies:
        studies.add_row(
            printable(each.study or "-"), _days(each), f"{each.kept:,}", f"{each.due:,}", f"{_day(each.oldest)}"
        )
    console.print(studies, markup=False)
    if report.captures:
        captures = _table(_DUE)
        for due in report.captures:
            captures.add_row(due.capture_id, due.user_id, due.study or "-", _day(due.due_at))
        console.print(captures, markup=False)
    unknown = [each.study for each in report.studies if not each.known]
    if unknown:
        console.print(
            f"Kept, because the gateway does not know for how long: {', '.join(map(str, unknown))}. Put the study's "
            "file back, or correct it.", markup=False, highlight=False,
        )  # fmt: skip


def _table(columns: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _days(study: RetentionStudy) -> str:
    if not study.known:
        return "unknown"
    return "ever" if study.days is None else many(study.days, "day")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
