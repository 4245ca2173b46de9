"""The two private brokers alone, and single processes of the pipeline on them, to measure one part."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from contracts.process.settings import Settings
from scripts.stack.embedded import EmbeddedBrokers, wait_for_socket
from scripts.stack.supervision import Part, PartSpec

__all__ = ["brokers", "process"]

START_S = 20.0


@asynccontextmanager
async def brokers(settings: Settings) -> AsyncIterator[Settings]:
    """Start both brokers, as `a3cp up` does; yields settings with their URLs."""
    embedded = EmbeddedBrokers.prepare(settings.state_dir)
    parts = [Part(spec, _silent) for spec in embedded.specs()]
    try:
        for part in parts:
            part.start()
        async with asyncio.timeout(START_S):
            for role in ("frames", "events"):
                await wait_for_socket(embedded.socket_of(role))
        urls = {f"{role}_url": SecretStr(embedded.url_of(role)) for role in ("frames", "events")}
        yield settings.model_copy(update=urls)
    finally:
        await asyncio.gather(*(part.stop() for part in parts))
        embedded.release()


@asynccontextmanager
async def process(settings: Settings, module: str, *arguments: str) -> AsyncIterator[Part]:
    """Run ``python -m module arguments`` with these settings; SIGTERM stops it when the block is left."""
    part = Part(PartSpec(module, (sys.executable, "-m", module, *arguments), settings.environ(), stop_s=20.0), _silent)
    part.start()
    try:
        yield part
    finally:
        await part.stop()


def _silent(_name: str, _line: str) -> None:
    """Ignore a line."""
