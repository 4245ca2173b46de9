"""The gateway process: ``python -m gateway``, or ``a3cp gateway``."""

from __future__ import annotations

import asyncio
import ctypes
import resource
import socket
import sys
from contextlib import suppress
from importlib import import_module

import uvloop

from contracts.broker.roles import connect
from contracts.process.run import run_process
from contracts.process.settings import Settings, load_settings
from gateway.app import create_app
from gateway.monitoring.health import BrokerWatch
from gateway.server.uvicorn_server import GatewayServer, open_listeners
from gateway.sessions.store import make_roots
from gateway.state import GatewayState

__all__ = ["load_decoder", "main"]

_M_MMAP_THRESHOLD = -3  # malloc.h

ANSWER_WITHIN_S = 2.0
"""How long the gateway waits for a broker's reply before it sends the command again. It is less than the forwarder's
3 s, so one lost reply ends no capture."""


async def serve(settings: Settings, listeners: list[socket.socket]) -> None:
    """Serve until a signal, or until a broker turns out not to be what its role needs.

    Raises:
        BrokerMisconfigured: that; the text says how to fix it.
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
        await state.frames.aclose()
        await state.events.aclose()


async def load_decoder(complete: asyncio.Event) -> None:
    """Load what reads JPEG headers as soon as captures can be taken: it brings numpy, for which every start would wait.
    A frame that comes sooner loads it itself."""
    await complete.wait()
    await asyncio.to_thread(import_module, "simplejpeg")


def _allow_many_sockets() -> None:
    """As many open files as the system lets this process have: often only the first 1,024 are allowed at first."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _give_large_buffers_back() -> None:
    """Have glibc map each buffer of 128 KiB or more by itself, so that freeing it returns it to the system. By default
    it stops after the first such buffer, and keeps the memory of messages that are gone: 75 MiB of 900 cut sockets."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 128 * 1024)


def run() -> int:
    """Read the settings, listen, serve."""
    _give_large_buffers_back()
    settings = load_settings()
    settings.broker_urls()
    make_roots(settings.artifact_root, settings.log_root)
    _allow_many_sockets()
    listeners = open_listeners(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listeners))
    return 0


def main() -> int:
    """Run the gateway; returns its exit code."""
    return run_process("gateway", run)


if __name__ == "__main__":
    sys.exit(main())
