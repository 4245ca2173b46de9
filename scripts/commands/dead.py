"""``a3cp dead list``, ``show``, ``retry``, ``drop``: what a running gateway's recorder could not append."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson
from rich.console import Console
from rich.table import Table

from contracts.messages.operate import DeadItem, DeadItemWhole
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import format_utc
from scripts.client.dead import DeadItems
from scripts.client.errors import GatewayRefused
from scripts.commands.gateway_client import gateway_client
from scripts.terminal import bytes_text, many, printable

__all__ = ["drop_dead", "list_dead", "retry_dead", "show_dead"]

Answer = TypeVar("Answer")

_COLUMNS = ("id", "dead since", "reason", "event", "user", "session", "size")


def list_dead(
    settings: Settings, gateway_url: str | None, *, as_json: bool = False, console: Console | None = None
) -> int:
    """Print all of them as a table, or each as a line of JSON; returns 0.

    Raises:
        ClientError: the gateway does not answer, or refuses.
    """
    items = asyncio.run(_with_letters(settings, gateway_url, lambda letters: letters.items()))
    if as_json:
        for item in items:
            print(item.model_dump_json())
        return 0
    # rich takes a pipe for 80 columns wide and would fold each line
    console = console or (Console() if sys.stdout.isatty() else Console(width=1000))
    if items:
        console.print(_table(items), markup=False)  # an id of a broken entry may contain rich's markup
    size = f", {bytes_text(sum(item.byte_length for item in items))}" if items else ""
    captures = sum(item.kind == "capture" for item in items)
    kept = f", {many(captures, 'failed capture')}" if captures else ""
    console.print(f"{many(len(items) - captures, 'dead letter')}{kept}{size}", highlight=False)
    return 0


def show_dead(settings: Settings, gateway_url: str | None, item_id: str) -> int:
    """Print one, why it is there, what to do, and its event; returns 0.

    Raises:
        ClientError: the gateway does not answer, or refuses; there is no such letter.
    """
    item = asyncio.run(_with_letters(settings, gateway_url, lambda letters: letters.show(item_id)))
    for line in _lines(item):
        print(printable(line))
    return 0


def retry_dead(settings: Settings, gateway_url: str | None, item_id: str | None, *, all_: bool) -> int:
    """Try one again, or all, the oldest first, and print the outcome of each; returns 0, or 1 if one of all was
    refused.

    Raises:
        ConfigurationError: neither one nor all is named, or both.
        ClientError: the gateway does not answer, or refuses the one.
    """
    if (item_id is None) != all_:
        raise ConfigurationError("name one id, or --all")

    async def retried(letters: DeadItems) -> int:
        if item_id is not None:
            print(f"{item_id} is on its way again since {format_utc(await letters.retry(item_id))}")
            return 0
        refused = 0
        for item in reversed(await letters.items()):
            try:
                print(f"{item.id} is on its way again since {format_utc(await letters.retry(item.id))}")
            except GatewayRefused as refusal:
                if refusal.status not in (404, 409, 410):
                    raise
                print(printable(f"{item.id} stays: {refusal.detail}"))
                refused += 1
        return int(refused > 0)

    return asyncio.run(_with_letters(settings, gateway_url, retried))


def drop_dead(settings: Settings, gateway_url: str | None, item_id: str, *, confirm: Callable[[str], bool]) -> int:
    """Remove one for good, after ``confirm`` was asked in a sentence that says what is lost; returns 0, or 1 if it was
    not confirmed.

    Raises:
        ClientError: the gateway does not answer, or refuses; there is no such letter.
    """

    async def dropped(letters: DeadItems) -> int:
        item = await letters.show(item_id)
        if not confirm(printable(f"Drop {_what(item)}? {item.loss} This cannot be undone.")):
            print("nothing was dropped")
            return 1
        print(f"{item_id} was dropped at {format_utc(await letters.drop(item_id))}")
        return 0

    return asyncio.run(_with_letters(settings, gateway_url, dropped))


def _what(item: DeadItem) -> str:
    if item.kind == "capture":
        return f"the frames of the capture {item.capture_id} of {item.user_id}"
    name = f"the event {item.event}" if item.event else "the event"
    return f"{name} of {item.user_id or 'an unknown user'}"


async def _with_letters(
    settings: Settings, gateway_url: str | None, action: Callable[[DeadItems], Awaitable[Answer]]
) -> Answer:
    async with gateway_client(settings, gateway_url) as client:
        return await action(client.dead)


def _table(items: list[DeadItem]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for item in items:
        table.add_row(
            item.id,
            f"{item.dead_at:%Y-%m-%d %H:%M:%S}",
            *(printable(text or "-") for text in (item.reason, item.event, item.user_id, item.session_id)),
            f"{item.byte_length:,} bytes",
        )
    return table


def _lines(item: DeadItemWhole) -> list[str]:
    named = {"user": item.user_id, "session": item.session_id, "record": item.record_id, "capture": item.capture_id}
    return [
        f"{item.id}, dead since {format_utc(item.dead_at)}, {item.byte_length:,} bytes",
        *(f"{name} {value}" for name, value in named.items() if value),
        f"{item.reason}: {item.detail}",
        f"What happened: {item.explanation}",
        f"What to do: {item.advice}",
        f"Another try would fail: {item.refusal}" if item.refusal else "Another try would be accepted now.",
        *_pretty(item.content),
    ]


def _pretty(content: str) -> list[str]:
    """The event as indented JSON; as it is if it cannot be read."""
    try:
        return json.dumps(orjson.loads(content), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return content.split("\n")
