"""Ask the extractors to erase: the gateway compares its catalog with the stream of requests, and adds what is missing.

So a request that was lost, an empty frames broker or a time without workers only delays an erasure. All gateways may do
it: a request that comes twice is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from contracts.broker.script import run
from contracts.process.logs import get_logger
from contracts.process.retry import pause
from contracts.rules.errors import BrokerUnavailable, RequestRefused, UnreadableValue
from contracts.state import erasures
from contracts.state.erasures import MOST_REQUESTS
from gateway.library.library import Library
from gateway.library.withdrawn import count_to_erase, read_to_erase
from gateway.state import GatewayState

__all__ = ["Erasures"]

COMPARE_S = 5.0
"""How often the catalog is compared with the stream, in seconds, also if no withdrawal comes."""

log = get_logger()


class Erasures:
    """The erasures that wait. `run` asks for them again and again."""

    def __init__(self, state: GatewayState, library: Library) -> None:
        self._state = state
        self._library = library
        self._soon = asyncio.Event()
        self._away = False

    def ask_soon(self) -> None:
        """Compare at once: something was withdrawn."""
        self._soon.set()

    async def run(self, on_error: Callable[[Exception], None]) -> None:
        """Call `ask` every `COMPARE_S`, and after `ask_soon`, after the catalog's first pass. ``on_error`` is given an
        unexpected error."""
        await self._library.first_pass.wait()
        while True:
            self._soon.clear()
            try:
                await self.ask()
                self._away = False
            except (BrokerUnavailable, RequestRefused) as error:  # the library has logged its own
                if not self._away:
                    log.warning("cannot ask for erasures, retrying", detail=str(error))
                self._away = True
            except Exception as error:
                on_error(error)
            await pause(COMPARE_S, self._soon)

    async def ask(self) -> None:
        """Add a request for each capture that waits to be erased and has none, after a note in the events broker that
        permits it.

        Raises:
            BrokerUnavailable: a broker did not answer, or is full.
            RequestRefused: 503 ``library_unavailable``.
        """
        waiting = await self._library.read_now(count_to_erase)
        self._state.metrics.erasing.set(waiting)
        if not waiting:
            return
        requested = await erasures.requested(self._state.frames)
        room = MOST_REQUESTS - len(requested)
        missing = await self._library.read_now(partial(read_to_erase, known=requested, most=room))
        for request in missing:
            try:
                wanted = await run(self._state.events, erasures.allow(request))
            except UnreadableValue as error:  # of this capture alone
                log.error("cannot ask for an erasure", capture_id=request.capture_id, detail=str(error))
                continue
            if wanted:
                await erasures.add_request(self._state.frames, request)
