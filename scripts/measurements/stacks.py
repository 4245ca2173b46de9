"""A whole stack to measure, and a client of its gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.process.settings import Settings
from scripts.client import CaptureClient
from scripts.stack.stack import Stack

__all__ = ["running"]


@asynccontextmanager
async def running(settings: Settings, *, extractors: int, live: int = 0) -> AsyncIterator[tuple[Stack, CaptureClient]]:
    """Start a stack with these workers, and a client of its gateway. It can record captures when this returns."""
    token = settings.api_token.get_secret_value() if settings.api_token else None
    async with Stack(settings, extractors=extractors, live=live) as stack:
        await stack.ready()
        async with CaptureClient(stack.address, token) as client:
            yield stack, client
