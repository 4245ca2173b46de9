"""Clients of the capture socket that take little processor time: their messages are made beforehand, except for the
ids.

They keep the contract: event time advances by ``1 / fps`` with every frame, however fast they send, and each connection
carries one capture of bounded length, after which they open the next.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import random
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

from contracts.messages.capture import CaptureClose, CaptureOpen, FrameMeta
from contracts.rules.ids import SCHEMA_VERSION
from scripts.measurements.processes import cpu_s
from scripts.measurements.wire import BINARY, CLOSE, TEXT, Wire, connected, framed

__all__ = ["CAPTURE_FRAMES", "Sender", "Senders", "Sent", "sending"]

FPS = 15
CAPTURE_FRAMES = 300
WIDTH, HEIGHT = 640, 480
CAPTURE_PATH = "/camera_feed_worker/capture"
_NO_ID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Sender:
    """The user and session of the captures that one client sends, over one connection after the other."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The result of a block of sending: frames, the clients' processor seconds, and the connections by how they
    ended."""

    frames: int
    cpu_s: float
    ended: Counter[str]


class Senders:
    """The process of the clients."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, addresses: Sequence[str], senders: Sequence[Sender], *, paced: bool) -> None:
        """Start to send for each of ``senders``, to the addresses in turn, at 15 frames a second if ``paced``, else as
        fast as the gateway reads."""
        self._connection.send((list(addresses), list(senders), paced))

    async def stop(self) -> Sent:
        """Complete the open captures and stop; returns the result of the block."""
        self._connection.send(None)
        sent = await asyncio.to_thread(self._connection.recv)
        assert isinstance(sent, Sent)
        return sent


@contextmanager
def sending(jpegs: Sequence[bytes]) -> Iterator[Senders]:
    """Start the process; its frames are made when this returns."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, list(jpegs)), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield Senders(ours)
    finally:
        ours.close()
        process.join()


def _serve(connection: Connection, jpegs: list[bytes]) -> None:
    frames = [framed(BINARY, jpeg) for jpeg in jpegs]
    pid = multiprocessing.current_process().pid
    assert pid is not None
    connection.send(None)
    while True:
        try:
            addresses, senders, paced = connection.recv()
        except EOFError:
            return
        block = _SendingThreads(paced, frames, jpegs)
        began_cpu_s = cpu_s(pid)
        sending = zip(senders, itertools.cycle(addresses), strict=False)
        threads = [threading.Thread(target=block.run, args=pair, daemon=True) for pair in sending]
        for thread in threads:
            thread.start()
        connection.recv()
        block.stopping.set()
        for thread in threads:
            thread.join()
        connection.send(Sent(block.sent, cpu_s(pid) - began_cpu_s, block.ended))


class _SendingThreads:
    """Threads that send one frame with one system call, which does not block the other threads."""

    def __init__(self, paced: bool, frames: Sequence[bytes], jpegs: Sequence[bytes]) -> None:
        self.stopping = threading.Event()
        self.sent = 0
        self.ended: Counter[str] = Counter()
        self._paced = paced
        self._frames = frames
        self._sizes = [len(jpeg) for jpeg in jpegs]
        self._lock = threading.Lock()

    def run(self, sender: Sender, address: str) -> None:
        messages = _Messages(sender, self._sizes)
        phase_s = random.Random(sender.user_id).random() / FPS  # noqa: S311 - cameras are not synchronous
        while not self.stopping.is_set():
            try:
                sent, ended = self._capture(address, messages, phase_s)
            except OSError as error:
                sent, ended = 0, type(error).__name__
            with self._lock:
                self.sent += sent
                self.ended[ended] += 1

    def _capture(self, address: str, messages: _Messages, phase_s: float) -> tuple[int, str]:
        opening, metas, closing = messages.of(str(uuid4()))
        sent = 0
        with connected(address, CAPTURE_PATH) as wire:
            wire.send(opening)
            began_s = time.monotonic() + phase_s
            for meta in metas:
                if self._paced:
                    time.sleep(max(0.0, began_s + sent / FPS - time.monotonic()))
                wire.send(meta, self._frames[sent % len(self._frames)])
                sent += 1
                if self.stopping.is_set() and sent > 2 * FPS:
                    break
            wire.send(closing)
            return sent, _ending(wire)


class _Messages:
    """The messages of one sender's captures, with a placeholder for the capture's ids."""

    def __init__(self, sender: Sender, sizes: Sequence[int]) -> None:
        start = datetime.now(UTC).replace(microsecond=0)
        names: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION, "capture_id": _NO_ID,
            "user_id": sender.user_id, "session_id": sender.session_id,
        }  # fmt: skip

        def at(frame: int) -> datetime:
            return start + timedelta(milliseconds=round(1000 * frame / FPS))

        opening = CaptureOpen(
            **names, record_id=_NO_ID, timestamp=start, event="capture.open", timestamp_start=start, fps_target=FPS,
            width=WIDTH, height=HEIGHT, encoding="jpeg",
        )  # fmt: skip
        metas = [
            FrameMeta(
                **names, record_id=str(uuid4()), timestamp=at(frame), event="capture.frame_meta", seq=frame + 1,
                timestamp_frame=at(frame), byte_length=sizes[frame % len(sizes)],
            )
            for frame in range(CAPTURE_FRAMES)
        ]  # fmt: skip
        end = at(CAPTURE_FRAMES)
        closing = CaptureClose(**names, record_id=str(uuid4()), timestamp=end, event="capture.close", timestamp_end=end)
        self._opening, *self._metas, self._closing = (
            framed(TEXT, message.model_dump_json(exclude_none=True).encode()) for message in (opening, *metas, closing)
        )

    def of(self, capture_id: str) -> tuple[bytes, list[bytes], bytes]:
        """The messages of one capture, framed; its window is named after it."""
        old, new = _NO_ID.encode(), capture_id.encode()
        return (
            self._opening.replace(old, new),
            [meta.replace(old, new) for meta in self._metas],
            self._closing.replace(old, new),
        )


def _ending(wire: Wire) -> str:
    """Read until the server closes: the code and the reason it gave."""
    try:
        while (message := wire.message())[0] != CLOSE:
            continue
    except ConnectionResetError:
        return "cut off"
    body = message[1]
    wire.send(framed(CLOSE, body))
    return f"{struct.unpack('!H', body[:2])[0]} {body[2:].decode()}".rstrip()
