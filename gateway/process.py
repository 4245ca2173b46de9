"""One process of the gateway: it serves until a signal. It may be the only one, or one of a pool."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import socket
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import uvloop
from starlette.applications import Starlette

from contracts.broker.roles import connect
from contracts.process.logs import bind_to_log, get_logger
from contracts.process.metrics import keep_metrics_in
from contracts.process.open_files import allow_many_files
from contracts.process.run import run_process
from contracts.process.settings import Settings, load_settings
from contracts.process.tracing import tracing
from gateway.app import create_app
from gateway.counts import ProcessCounts
from gateway.library.library import Library
from gateway.metrics import GatewayMetrics
from gateway.monitoring.health import BrokerWatch
from gateway.server.uvicorn_server import GatewayServer, open_listeners
from gateway.sessions.store import make_roots
from gateway.state import GatewayState

__all__ = ["load_decoder", "run", "run_in_pool"]

_M_MMAP_THRESHOLD = -3  # malloc.h
_MAPPED_BYTES = 256 * 1024

ANSWER_WITHIN_S = 2.0
"""How long the gateway waits for a broker's reply before it sends the command again, in seconds. It is less than the
forwarder's 3 s, so that one lost reply does not end a capture."""


async def serve(
    settings: Settings,
    listeners: list[socket.socket],
    counts: ProcessCounts | None = None,
    metrics_folder: Path | None = None,
) -> None:
    """Serve until a signal. A process of a pool also stops if its parent ends.

    Args:
        counts: the numbers that it shares with the other processes of its pool.
        metrics_folder: the folder of the pool's metrics.

    Raises:
        BrokerMisconfigured: a broker is not configured for its role; the text says how to fix it.
    """
    frames_url, events_url = settings.broker_urls()
    frames = connect(frames_url, socket_timeout_s=ANSWER_WITHIN_S)
    events = connect(events_url, socket_timeout_s=ANSWER_WITHIN_S)
    state = GatewayState(
        settings, frames, events, counts=counts or ProcessCounts(), metrics=GatewayMetrics(metrics_folder)
    )
    app = create_app(state)
    server = GatewayServer(app, state)
    _stop_with_parent(server)
    library: Library = app.state.library
    background = _background(app, state, server)
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


def _stop_with_parent(server: GatewayServer) -> None:
    """Stop if the parent of the pool ends. A gateway of one process has none."""
    parent, loop = multiprocessing.parent_process(), asyncio.get_running_loop()
    if parent is not None:
        sentinel = parent.sentinel

        def stop() -> None:
            loop.remove_reader(sentinel)
            server.stop()

        loop.add_reader(sentinel, stop)


def _background(app: Starlette, state: GatewayState, server: GatewayServer) -> list[asyncio.Task[None]]:
    """Start the tasks that run beside the server. It stops if the first one ends."""
    brokers: BrokerWatch = app.state.brokers
    library: Library = app.state.library
    note = state.metrics.background.note
    watching = asyncio.create_task(brokers.run())
    watching.add_done_callback(lambda _: server.stop())
    tasks = [
        watching,
        asyncio.create_task(load_decoder(brokers.complete)),
        asyncio.create_task(library.run(partial(note, "library"))),
        asyncio.create_task(app.state.erasures.run(partial(note, "erasures"))),
        asyncio.create_task(app.state.retention.run(partial(note, "retention"))),
    ]
    if state.settings.stream_enabled:
        tasks.append(asyncio.create_task(app.state.live.run()))
    return tasks


async def load_decoder(complete: asyncio.Event) -> None:
    """Import simplejpeg, which reads JPEG headers, once captures can be opened. It imports numpy, which would delay the
    start. If a frame comes sooner, its check imports it."""
    await complete.wait()
    await asyncio.to_thread(import_module, "simplejpeg")


def _return_large_buffers() -> None:
    """Let glibc map each buffer of 256 KiB or more separately, so that the system gets the memory back when it is freed
    (mallopt(3)). By default glibc raises that threshold after it has freed the first such buffer. Then the process
    keeps the memory of freed messages: 75 MiB after 900 lost connections.

    It is more than one read from a socket, at most 250 KiB in uvloop: with 128 KiB, reads from fast clients were mapped
    too, which cost a tenth of a frame's processor time."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def run() -> int:
    """Read the settings, create the roots, listen and serve. Returns the exit code."""
    _return_large_buffers()
    settings = load_settings()
    settings.broker_urls()
    make_roots(settings.artifact_root, settings.log_root)
    allow_many_files()
    listeners = open_listeners(settings)
    with tracing(settings, "gateway"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listeners))
    return 0


def run_in_pool(
    name: str, settings: Settings, listeners: list[socket.socket], counts: ProcessCounts, metrics_folder: Path
) -> NoReturn:
    """Be one process of the pool, ``name``, on the parent's listeners. Ends with ``SystemExit`` and the exit code of
    `contracts.process.run.run_process`. SIGINT stays blocked: Ctrl-C reaches the parent, which stops its processes."""

    def _serve() -> int:
        bind_to_log(gateway=name)
        get_logger().info("process starts", pid=os.getpid())
        keep_metrics_in(metrics_folder, name)
        _return_large_buffers()
        make_roots(settings.artifact_root, settings.log_root)
        with tracing(settings, "gateway"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, listeners, counts, metrics_folder))
        return 0

    sys.exit(run_process("gateway", _serve))
