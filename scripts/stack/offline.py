"""Run the embedded events broker alone, without the rest of the stack, to change what its file has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from contracts.broker.roles import Broker, broker_errors, connect_sync
from contracts.rules.errors import FatalError
from scripts.stack.embedded import EmbeddedBrokers, wait_for_socket
from scripts.stack.supervision import Part, PartSpec

__all__ = ["offline_events", "rewrite_file"]

START_S = 300.0
_POLL_S = 0.02


@asynccontextmanager
async def offline_events(embedded: EmbeddedBrokers) -> AsyncIterator[Broker]:
    """Start the events server on its file; stop it afterwards, and remove what a killed rewrite left.

    Raises:
        FatalError: the server does not start.
    """
    part = Part(_spec(embedded), lambda *_: None)
    socket = embedded.socket_of("events")
    part.start()
    assert part.task is not None
    try:
        waiting = asyncio.create_task(wait_for_socket(socket))
        await asyncio.wait({waiting, part.task}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            said = " ".join(list(part.recent)[-1:])
            raise FatalError(f"the embedded events broker does not start: {said or 'it says nothing'}")
        broker = connect_sync(embedded.url_of("events"), socket_timeout_s=START_S)
        try:
            yield broker
        finally:
            broker.close()
    finally:
        await part.stop()
    for leftover in leftovers(embedded.state_dir):
        leftover.unlink(missing_ok=True)


def leftovers(state_dir: Path) -> list[Path]:
    """The files of rewrites that were killed."""
    events = state_dir / "events"
    return sorted({*events.glob("temp-*.aof"), *events.glob("temp-*.rdb"), *events.glob("appendonlydir/temp-*")})


def _spec(embedded: EmbeddedBrokers) -> PartSpec:
    """The server as the stack runs it, with the right to rewrite its file.

    The file is rewritten as commands: a snapshot of a stream would still have the bytes of deleted entries.
    """
    spec = embedded.specs()[1]
    command = [*spec.command, "--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage", "0"]
    return PartSpec(spec.name, _with_all_rights(command), spec.environ, stop_s=60.0, inherit=spec.inherit)


def _with_all_rights(command: list[str]) -> list[str]:
    at = command.index("--user")
    end = next(place for place in range(at + 1, len(command)) if command[place].startswith("--"))
    return [*command[:at], "--user", "default", "on", "nopass", "~*", "&*", "+@all", *command[end:]]


async def rewrite_file(broker: Broker) -> None:
    """Rewrite the append-only file from what the broker has now.

    Raises:
        FatalError: the server cannot.
        BrokerUnavailable: it does not answer.
    """
    with broker_errors("events"):
        broker.bgrewriteaof()
        while True:
            state: Any = broker.info("persistence")
            if not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]:
                break
            await asyncio.sleep(_POLL_S)
    if state["aof_last_bgrewrite_status"] != "ok":
        raise FatalError("the embedded events broker cannot rewrite its file; is there room on the disk?")
