"""``a3cp list``, ``review``, ``relabel``, ``reassign``, ``withdraw``: a running gateway's library, in the terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from contracts.messages.library import LibraryCapture, Withdrawn
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import format_utc, is_record_id
from scripts.client import CaptureLibrary, LibraryFilters
from scripts.client.errors import ClientError, UsageError
from scripts.commands.gateway_client import gateway_client
from scripts.terminal import many, printable

__all__ = ["list_captures", "say", "withdraw"]

Answer = TypeVar("Answer")

_COLUMNS = ("recorded", "participant", "label", "length", "quality", "review", "consent", "capture")


def list_captures(
    settings: Settings,
    gateway_url: str | None,
    filters: LibraryFilters,
    most: int,
    *,
    as_json: bool = False,
    console: Console | None = None,
) -> int:
    """Print the newest captures as a table, or each as a line of JSON; returns 0. ``most`` is how many at most.

    Raises:
        ConfigurationError: a filter is not valid.
        ClientError: the gateway does not answer, or refuses.
    """

    async def read(library: CaptureLibrary) -> tuple[list[LibraryCapture], int]:
        first = await library.page(limit=min(most, 500), **filters)
        captures, cursor = first.captures, first.next
        while cursor is not None and len(captures) < most:
            page = await library.page(limit=min(most - len(captures), 500), cursor=cursor, **filters)
            captures, cursor = captures + page.captures, page.next
        return captures, first.total

    captures, total = asyncio.run(_with_library(settings, gateway_url, read))
    if as_json:
        for capture in captures:
            print(capture.model_dump_json())
        return 0
    # rich takes a pipe for 80 columns wide and would fold each line
    console = console or (Console() if sys.stdout.isatty() else Console(width=1000))
    if captures:
        console.print(_table(captures), markup=False)  # a label may contain rich's markup
    more = f"; --limit {total} shows all" if len(captures) < total else ""
    shown = many(total, "capture") if len(captures) == total else f"{len(captures)} of {many(total, 'capture')}"
    console.print(f"{shown}{more}", highlight=False)
    return 0


def say(
    settings: Settings,
    gateway_url: str | None,
    name: str,
    statement: Callable[[CaptureLibrary, LibraryCapture], Awaitable[datetime]],
) -> int:
    """Say something about the capture with this capture_id or record_id, and print when the session's log had it;
    returns 0.

    Raises:
        ConfigurationError: what is said is not valid.
        ClientError: the gateway does not answer, or refuses; there is no such capture.
    """

    async def said(library: CaptureLibrary) -> datetime:
        return await statement(library, await _capture(library, name))

    print(f"recorded {format_utc(asyncio.run(_with_library(settings, gateway_url, said)))}")
    return 0


def withdraw(
    settings: Settings,
    gateway_url: str | None,
    capture_id: str | None,
    *,
    user_id: str | None,
    session_id: str | None,
    erase: bool,
    performer_id: str,
    confirm: Callable[[str], bool],
) -> int:
    """Withdraw consent to a capture, a session, or all that shows a person, after ``confirm`` was asked in a sentence.
    Print how many captures that were; returns 0, or 1 if it was not confirmed.

    Raises:
        ConfigurationError: nothing is named, or too much.
        ClientError: the gateway does not answer, or refuses; there is no such capture.
    """
    if capture_id is None and user_id is None:
        raise ConfigurationError("name a capture, or --user USER, with --session SESSION for one session")
    if capture_id is not None and session_id is not None:
        raise ConfigurationError("name either a capture or a --session")
    one = f"the session {session_id} of {user_id}" if session_id else f"everything that shows {user_id}"
    what = one if capture_id is None else f"the capture {capture_id}"
    forever = " and erase it; this cannot be undone" if erase else ""
    if not confirm(f"Withdraw consent to {what}{forever}?"):
        print("nothing was withdrawn")
        return 1

    async def said(library: CaptureLibrary) -> Withdrawn:
        named = await _capture(library, capture_id) if capture_id is not None and user_id is None else capture_id
        return await library.withdraw(
            named, user_id=user_id, session_id=session_id, erase=erase, performer_id=performer_id
        )

    answer = asyncio.run(_with_library(settings, gateway_url, said))
    waiting = f"; {answer.erasing} to be erased, as soon as an extractor has time" if answer.erasing else ""
    print(f"withdrawn: {many(answer.withdrawn, 'capture')}{waiting}")
    return 0


async def _with_library(
    settings: Settings, gateway_url: str | None, action: Callable[[CaptureLibrary], Awaitable[Answer]]
) -> Answer:
    async with gateway_client(settings, gateway_url) as client:
        try:
            return await action(client.library)
        except UsageError as error:
            raise ConfigurationError(str(error)) from error


async def _capture(library: CaptureLibrary, name: str) -> LibraryCapture:
    """The capture with this capture_id, or with this record_id, which `ingest` and `verify` print.

    Raises:
        ClientError: there is none.
    """
    if (found := await library.capture(name)) is not None:
        return found
    page = await library.page(search=name) if is_record_id(name) else None
    for capture in page.captures if page else ():
        if capture.record_id.lower() == name.lower():
            return capture
    raise ClientError(f"the library has no capture or record {name!r}")


def _table(captures: list[LibraryCapture]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for capture in captures:
        verdict = capture.quality.get("verdict") if capture.quality else None
        table.add_row(
            f"{capture.recorded_at:%Y-%m-%d %H:%M}",
            capture.participant,
            printable(capture.label or "-"),
            f"{capture.duration_ms / 1000:.1f} s",
            str(verdict or "-"),
            capture.review or "-",
            capture.consent if capture.state != "erased" else "erased",
            capture.capture_id,
        )
    return table
