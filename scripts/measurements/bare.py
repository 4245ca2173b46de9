"""The floor of everything that looks at pictures: a process with nothing but a decoder and MediaPipe."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from workers.process import mute_native_logs

__all__ = ["BareLoop", "bare_loop"]

SOLUTIONS = {"pose": ("pose", "Pose"), "holistic": ("holistic", "Holistic")}
"""MediaPipe's own classes, used directly: nothing of ours is in the loop."""


class BareLoop:
    """Decodes and infers one picture after the other, in a process of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def once(self, jpeg: bytes) -> float:
        """How long decode and inference of the next picture took, in ms, as the process itself saw it."""
        return await asyncio.to_thread(self._once, jpeg)

    def _once(self, jpeg: bytes) -> float:
        self._connection.send_bytes(jpeg)
        return float(self._connection.recv())


@contextmanager
def bare_loop(pipeline_id: str) -> Iterator[BareLoop]:
    """Start one; it is warm when this returns."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_loop, args=(theirs, pipeline_id), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield BareLoop(ours)
    finally:
        ours.close()
        process.join()


def _loop(connection: Connection, pipeline_id: str) -> None:
    mute_native_logs()
    import simplejpeg

    module, name = SOLUTIONS[pipeline_id]
    graph: Any = getattr(import_module(f"mediapipe.python.solutions.{module}"), name)(model_complexity=1)
    connection.send(None)
    while True:
        try:
            jpeg = connection.recv_bytes()
        except EOFError:
            return
        started_s = time.perf_counter()
        graph.process(simplejpeg.decode_jpeg(jpeg))
        connection.send(1000 * (time.perf_counter() - started_s))
