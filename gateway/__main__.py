"""The gateway process: ``python -m gateway``, or ``a3cp gateway``."""

from __future__ import annotations

import asyncio
import ctypes
import resource
import socket
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module

import uvloop

from contracts.broker.roles import connect
from contracts.process.run import run_process
from contracts.process.settings import Settings, load_settings
from gateway.app import create_app
from gateway.library.library import Library
from gateway.monitoring.health import BrokerWatch
from gateway.server.uvicorn_server import GatewayServer, open_listeners
from gateway.sessions.store import make_roots
from gateway.state import GatewayState

__all__ = ["load_decoder", "main"]

_M_MMAP_THRESHOLD = -3  # malloc.h

ANSWER_WITHIN_S = 2.0
"""How long the gateway waits for a broker's reply before it sends the command again, in seconds. It is less than the
forwarder's 3 s, so that one lost reply does not end a capture."""


async def serve(settings: Settings, listeners: list[socket.socket]) -> None:
    """Serve until a signal.

    Raises:
        BrokerMisconfigured: a broker is not configured for its role; the text says how to fix it.
    """
    frames_url, events_url = settings.broker_urls()
    frames = connect(frames_url, socket_timeout_s=ANSWER_WITHIN_S)
    events = connect(events_url, socket_timeout_s=ANSWER_WITHIN_S)
    state = GatewayState(settings, frames, events)
    app = create_app(state)
    server = GatewayServer(app, state)
    brokers: BrokerWatch = app.state.brokers
    watching = asyncio.create_task(brokers.run())
    watching.add_done_callback(lambda _: server.stop())
    background = [watching]
    background.append(asyncio.create_task(load_decoder(brokers.complete)))
    library: Library = app.state.library
    note = state.metrics.background.note
    background.append(asyncio.create_task(library.run(partial(note, "library"))))
    background.append(asyncio.create_task(app.state.erasures.run(partial(note, "erasures"))))
    if settings.stream_enabled:
        background.append(asyncio.create_task(app.state.live.run()))
    try:
        await server.serve(listeners)
        for task in background:
            task.cancel()
        for task in background:
            with suppress(asyncio.CancelledError):
                await task
    finally:
        await library.close()
        await state.frames.aclose()
        await state.events.aclose()


async def load_decoder(complete: asyncio.Event) -> None:
    """Import simplejpeg, which reads JPEG headers, once captures can be opened. It imports numpy, which would delay the
    start. If a frame comes sooner, its check imports it."""
    await complete.wait()
    await asyncio.to_thread(import_module, "simplejpeg")


def _allow_many_sockets() -> None:
    """Raise the limit of open files to the hard limit. The default is often 1,024, and each socket is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _return_large_buffers() -> None:
    """Let glibc map each buffer of 128 KiB or more separately, so that the system gets the memory back when it is freed
    (mallopt(3)). By default glibc raises that threshold after it has freed the first such buffer. Then the process
    keeps the memory of freed messages: 75 MiB after 900 lost connections."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 128 * 1024)


def run() -> int:
    """Read the settings, create the roots, listen and serve. Returns the exit code."""
    _return_large_buffers()
    settings = load_settings()
    settings.broker_urls()
    make_roots(settings.artifact_root, settings.log_root)
    _allow_many_sockets()
    listeners = open_listeners(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listeners))
    return 0


def main() -> int:
    """Run the gateway. Returns the process's exit code."""
    return run_process("gateway", run)


if __name__ == "__main__":
    sys.exit(main())
