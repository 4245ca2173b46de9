"""Measure the capture socket: the cost of the gateway beside that of the simplest endpoint on the same server.

Both use the same broker, and the same clients send to them in turns, one block of time each; each number is the median
of its blocks. No extractor runs: a drain deletes the frames as soon as they come.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from contracts.broker.roles import connect
from contracts.process.settings import Settings
from scripts.client import CaptureClient
from scripts.clips.sample import SampleSource
from scripts.measurements.drain import Drain, draining
from scripts.measurements.processes import tree_cpus_s
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.senders import Sender, Senders, Sent, sending
from scripts.stack.stack import Stack
from scripts.stack.supervision import Part, PartSpec

__all__ = [
    "FAST_BLOCKS",
    "FAST_BLOCK_S",
    "FAST_CONNECTIONS",
    "PACED_CONNECTIONS",
    "Block",
    "IngestRun",
    "Side",
    "count_aborted",
    "make_senders",
    "measure_ingest",
]

FAST_CONNECTIONS, FAST_BLOCKS, FAST_BLOCK_S = 32, 3, 3.0
PACED_CONNECTIONS, PACED_BLOCKS, PACED_BLOCK_S = 100, 2, 20.0
WARM_UP_S = 0.7
"""How long connections are opened and buffers filled before a block is measured."""


@dataclass(frozen=True, slots=True)
class Side:
    """What blocks are sent to: its name, and the URLs of its servers, between which the clients are divided. Its
    processes are those in ``pids`` and their descendants."""

    name: str
    addresses: tuple[str, ...]
    pids: tuple[int, ...]

    def cpus_s(self) -> dict[int, float]:
        """Seconds of processor time of each of its processes, by process id."""
        return {pid: used_s for root in self.pids for pid, used_s in tree_cpus_s(root).items()}


@dataclass(frozen=True, slots=True)
class Block:
    """The result of one block: the frames that arrived in ``elapsed_s``, the processor time of the server's busiest
    process and of all of them, the clients' result."""

    frames: int
    elapsed_s: float
    server_cpu_s: float
    all_cpu_s: float
    sent: Sent

    @property
    def fps(self) -> float:
        """The frames that arrived in a second."""
        return self.frames / self.elapsed_s

    @property
    def cpu_us(self) -> float:
        """The server's processor time for a frame, in µs."""
        return 1e6 * self.server_cpu_s / self.frames

    @property
    def client_cpu_us(self) -> float:
        """The clients' processor time for a frame, in µs."""
        return 1e6 * self.sent.cpu_s / self.sent.frames


async def measure_ingest(settings: Settings) -> list[BenchRow]:
    """Measure every row of the capture socket, on a stack without extractors."""
    jpegs = [frame.jpeg for frame in SampleSource().frames()]
    stack = Stack(settings, extractors=0, recorders=1)
    async with stack, draining(connect(stack.urls[0])) as drain, _bare(stack) as bare:
        await stack.ready()
        pid = stack.parts["gateway"].pid
        assert pid is not None
        sides = [bare, Side("gateway", (stack.address,), (pid,))]
        token = settings.api_token.get_secret_value() if settings.api_token else None
        senders = await make_senders(stack.address, token)
        with sending(jpegs) as clients:
            run = IngestRun(clients, drain)
            fast = await run.blocks(sides, senders[:FAST_CONNECTIONS], FAST_BLOCKS, FAST_BLOCK_S, paced=False)
            before = await _queued(stack.address, token)
            paced = await run.blocks(sides, senders, PACED_BLOCKS, PACED_BLOCK_S, paced=True)
            queued = await _queued(stack.address, token)
    queued.subtract(before)
    return _fast_rows(*fast) + _paced_rows(*paced, queued=queued)


async def make_senders(address: str, token: str | None) -> list[Sender]:
    """Start a session for each of `PACED_CONNECTIONS` senders."""
    names = [f"bench-{number}" for number in range(PACED_CONNECTIONS)]
    async with CaptureClient(address, token) as gateway:
        return [Sender(user_id, await gateway.start_session(user_id)) for user_id in names]


async def _queued(address: str, token: str | None) -> Counter[float]:
    """The gateway's histogram: for each length how many frames found the forward queue no longer, themselves
    included."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as http:
        text = (await http.get("/metrics")).raise_for_status().text
    return Counter(
        {
            float(sample.labels["le"]): int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "a3cp_capture_forward_queue_frames_bucket"
        }
    )


def _percentile(queued: Counter[float], share: float) -> float:
    return min(edge for edge, frames in queued.items() if frames >= share * queued[math.inf])


@asynccontextmanager
async def _bare(stack: Stack) -> AsyncIterator[Side]:
    """Start the floor, `bare_gateway`, in another process."""
    settings = stack.settings.model_copy(update={"port": 0})
    said: asyncio.Queue[str] = asyncio.Queue()
    command = (sys.executable, "-m", "scripts.measurements.bare_gateway")
    part = Part(PartSpec("bare", command, settings.environ()), lambda _, line: said.put_nowait(line))
    part.start()
    try:
        async with asyncio.timeout(30):
            address = await said.get()
        assert part.pid is not None
        yield Side("bare endpoint", (address,), (part.pid,))
    finally:
        await part.stop()


class IngestRun:
    """Runs blocks of sending, to one side after the other."""

    def __init__(self, clients: Senders, drain: Drain) -> None:
        self._clients = clients
        self._drain = drain

    async def blocks(
        self, sides: Sequence[Side], senders: Sequence[Sender], blocks: int, block_s: float, *, paced: bool
    ) -> list[list[Block]]:
        """Run ``blocks`` blocks for each side, in turns; returns each side's blocks."""
        measured: list[list[Block]] = [[] for _ in sides]
        for _ in range(blocks):
            for side, its in zip(sides, measured, strict=True):
                its.append(await self._block(side, senders, block_s, paced=paced))
        return measured

    async def _block(self, side: Side, senders: Sequence[Sender], block_s: float, *, paced: bool) -> Block:
        loop = asyncio.get_running_loop()
        self._clients.start(side.addresses, senders, paced=paced)
        await asyncio.sleep(WARM_UP_S)
        began_s, frames, before_s = loop.time(), self._drain.frames, side.cpus_s()
        await asyncio.sleep(block_s)
        elapsed_s = loop.time() - began_s
        frames, after_s = self._drain.frames - frames, side.cpus_s()
        used_s = [after_s[pid] - before_s[pid] for pid in before_s.keys() & after_s.keys()]
        return Block(frames, elapsed_s, max(used_s), sum(used_s), await self._clients.stop())


def _fast_rows(bare: Sequence[Block], ours: Sequence[Block]) -> list[BenchRow]:
    floor_name = "barest endpoint on the same server"
    return [
        BenchRow(f"ingest, {FAST_CONNECTIONS} connections as fast as they can", median([block.fps for block in ours]),
            "frames/s", 0.85, median([block.fps for block in bare]), floor_name, "at least"),
        BenchRow("   … gateway's CPU a frame", median([block.cpu_us for block in ours]), "µs", None,
            median([block.cpu_us for block in bare]), floor_name),
        BenchRow("   … clients' CPU a frame", median([block.client_cpu_us for block in ours]), "µs", None,
            median([block.client_cpu_us for block in bare]), floor_name),
        BenchRow("   … captures aborted", count_aborted(ours), "", 0),
    ]  # fmt: skip


def _paced_rows(bare: Sequence[Block], ours: Sequence[Block], *, queued: Counter[float]) -> list[BenchRow]:
    floor_name = "barest endpoint on the same server"
    return [
        BenchRow(f"ingest, {PACED_CONNECTIONS} connections at 15 fps: captures aborted", count_aborted(ours), "", 0),
        BenchRow("   … frames", median([block.fps for block in ours]), "frames/s", 0.98, PACED_CONNECTIONS * 15.0,
            "wall clock", "at least"),
        BenchRow("   … forward queue p99", _percentile(queued, 0.99), "frames", 1),
        BenchRow("   … gateway's CPU a frame", median([block.cpu_us for block in ours]), "µs", 1.3,
            median([block.cpu_us for block in bare]), floor_name),
    ]  # fmt: skip


def count_aborted(blocks: Sequence[Block]) -> int:
    """How many captures did not end well; it also prints how they ended."""
    ended = sum((block.sent.ended for block in blocks), Counter())
    if bad := {code: count for code, count in ended.items() if code != "1000"}:
        print(f"captures that did not end well: {bad}", file=sys.stderr)
    return sum(bad.values())
