"""The floor of extraction and of the real-time lane: processes with only a decoder and MediaPipe."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from workers.pool.process import mute_native_logs

__all__ = ["BareCrowd", "BareLoop", "BareRun", "bare_crowd", "bare_loop", "crowd", "process_of"]

SOLUTIONS = {"pose": ("pose", "Pose"), "holistic": ("holistic", "Holistic")}
"""MediaPipe's own classes, used as its documentation does: OpenCV decodes, and the loops contain none of this project's
code."""


MakeOne = Callable[[Sequence[bytes]], Callable[[int], None]]
"""Makes, of a clip, the function that processes its frame with this index."""


class BareLoop:
    """Decodes and infers one picture after the other in another process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def once(self, jpeg: bytes) -> float:
        """Send a picture; returns the milliseconds that decode and inference took in the process."""
        return await asyncio.to_thread(self._once, jpeg)

    def _once(self, jpeg: bytes) -> float:
        self._connection.send_bytes(jpeg)
        return float(self._connection.recv())


@contextmanager
def bare_loop(pipeline_id: str) -> Iterator[BareLoop]:
    """Start a bare loop; its graph is made when this returns."""
    with process_of(_loop, pipeline_id) as connection:
        yield BareLoop(connection)


def _loop(connection: Connection, pipeline_id: str) -> None:
    one = _one(pipeline_id)
    connection.send(None)
    while True:
        try:
            jpeg = connection.recv_bytes()
        except EOFError:
            return
        started_s = time.perf_counter()
        one(jpeg)
        connection.send(1000 * (time.perf_counter() - started_s))


def _one(pipeline_id: str) -> Callable[[bytes], None]:
    """Make a function that decodes and infers one picture, always with the same graph."""
    mute_native_logs()
    import cv2
    import numpy as np

    module, name = SOLUTIONS[pipeline_id]
    graph: Any = getattr(import_module(f"mediapipe.python.solutions.{module}"), name)(model_complexity=1)

    def one(jpeg: bytes) -> None:
        picture: Any = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        graph.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))

    return one


class BareRun(NamedTuple):
    """The work of several processes at the same time: frames of all, wall-clock seconds, processor seconds of all."""

    frames: int
    elapsed_s: float
    cpu_s: float


class BareCrowd:
    """Processes that each do the same work for the same frames repeatedly; each has one graph, or its own ones."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections

    async def run(self, processes: int, frames: int) -> BareRun:
        """Let ``processes`` of them process ``frames`` frames each, from the clip's first frame on."""
        return await asyncio.to_thread(self._run, processes, frames)

    def _run(self, processes: int, frames: int) -> BareRun:
        began_s = time.perf_counter()
        working = self._connections[:processes]
        for connection in working:
            connection.send(frames)
        cpu_s = sum(float(connection.recv()) for connection in working)
        return BareRun(processes * frames, time.perf_counter() - began_s, cpu_s)


@contextmanager
def bare_crowd(processes: int, jpegs: Sequence[bytes]) -> Iterator[BareCrowd]:
    """Start the processes; their graphs have processed one frame when this returns."""
    with crowd(processes, jpegs, _bare) as started:
        yield started


@contextmanager
def crowd(processes: int, jpegs: Sequence[bytes], make: MakeOne) -> Iterator[BareCrowd]:
    """Start processes that do with each frame of the clip what ``make`` makes, a function of a module; each has done it
    for one frame when this returns."""
    with ExitStack() as stack:
        yield BareCrowd([stack.enter_context(process_of(_crowd_loop, jpegs, make)) for _ in range(processes)])


def _bare(jpegs: Sequence[bytes]) -> Callable[[int], None]:
    one = _one("holistic")
    return lambda number: one(jpegs[number])


def _crowd_loop(connection: Connection, jpegs: Sequence[bytes], make: MakeOne) -> None:
    one = make(jpegs)
    one(0)
    connection.send(None)
    while True:
        try:
            frames = connection.recv()
        except EOFError:
            return
        started_s = time.process_time()
        for number in range(frames):
            one(number % len(jpegs))
        connection.send(time.process_time() - started_s)


@contextmanager
def process_of(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Start a process that runs ``target(connection, *arguments)``, and wait for its first message, that it is
    ready."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield ours
    finally:
        ours.close()
        process.join()
