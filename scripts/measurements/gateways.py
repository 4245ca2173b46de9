"""Measure a gateway of two processes beside one of a single process: on the same broker, with the same clients.

Clients and broker need cores too, so on two cores no second process can double the frames a second. Measured is what
the gateway itself could forward if each of its processes had a core: the frames of a block for each second of processor
time of its busiest process, which would be the first to have its core full. Two processes get twice the connections, so
that each has as much to do as the single one. The ratio is less than 2 if the connections are divided unevenly, or if a
frame costs more in two processes.

Two busy cores share caches and memory, so a frame costs more beside another process that shares nothing with this one.
Two gateways of one process each, on the same broker, have that cost too and no other: the ratio to them is the cost of
sharing a port and the rules for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx

from contracts.broker.roles import connect
from contracts.process.settings import Settings
from scripts.clips.sample import SampleSource
from scripts.measurements.drain import draining
from scripts.measurements.ingest import (
    FAST_BLOCK_S,
    FAST_BLOCKS,
    FAST_CONNECTIONS,
    PACED_CONNECTIONS,
    Block,
    IngestRun,
    Side,
    count_aborted,
    make_senders,
)
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.senders import Sender, sending
from scripts.measurements.servers import process
from scripts.stack.ports import gateway_port
from scripts.stack.stack import Stack, gateway_address

__all__ = ["measure_gateways", "other_gateway"]

PROCESSES = 2
PACED_BLOCKS, PACED_BLOCK_S = 3, 6.0
START_S = 60.0


async def measure_gateways(settings: Settings) -> list[BenchRow]:
    """Measure both gateways with few connections that send as fast as they can, and with many that keep 15 fps."""
    jpegs = [frame.jpeg for frame in SampleSource().frames()]
    stack = Stack(settings, extractors=0, recorders=1)
    async with (
        stack,
        draining(connect(stack.urls[0])) as drain,
        other_gateway(stack.settings, "two processes", "--processes", str(PROCESSES)) as two,
        other_gateway(stack.settings, "another gateway") as other,
    ):
        await stack.ready()
        pid = stack.parts["gateway"].pid
        assert pid is not None
        one = Side("one process", (stack.address,), (pid,))
        apart = Side("two gateways", one.addresses + other.addresses, one.pids + other.pids)
        sides = [one, two, apart]
        token = settings.api_token.get_secret_value() if settings.api_token else None
        senders = await make_senders(stack.address, token)
        with sending(jpegs) as clients:
            run = IngestRun(clients, drain)
            await run.blocks(sides, senders, 1, 1.0, paced=True)  # to load what is loaded at the first frame
            fast = await _compare(run, sides, senders[:FAST_CONNECTIONS], FAST_BLOCKS, FAST_BLOCK_S, paced=False)
            paced = await _compare(run, sides, senders, PACED_BLOCKS, PACED_BLOCK_S, paced=True)
    return [
        *_rows(f"{FAST_CONNECTIONS} connections as fast as they can", *fast),
        *_rows(f"{PACED_CONNECTIONS} connections at 15 fps", *paced),
    ]


async def _compare(
    run: IngestRun, sides: Sequence[Side], senders: Sequence[Sender], blocks: int, block_s: float, *, paced: bool
) -> list[list[Block]]:
    """Run blocks in turns: half of the senders to the single process, all to the others."""
    one, *others = sides
    measured: list[list[Block]] = [[] for _ in sides]
    for _ in range(blocks):
        alone = await run.blocks([one], senders[: len(senders) // PROCESSES], 1, block_s, paced=paced)
        both = await run.blocks(others, senders, 1, block_s, paced=paced)
        for its, new in zip(measured, alone + both, strict=True):
            its += new
    return measured


@asynccontextmanager
async def other_gateway(settings: Settings, name: str, *arguments: str) -> AsyncIterator[Side]:
    """Start one more gateway with these settings, at a port of its own, and wait until it is ready."""
    settings = settings.model_copy(update={"port": 0})
    settings = settings.model_copy(update={"port": gateway_port(settings)})
    address = gateway_address(settings)
    async with process(settings, "gateway", *arguments) as part:
        async with asyncio.timeout(START_S), httpx.AsyncClient(base_url=address, trust_env=False) as http:
            while not await _serves(http):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        assert part.pid is not None
        yield Side(name, (address,), (part.pid,))


async def _serves(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def _rows(load: str, one: Sequence[Block], two: Sequence[Block], apart: Sequence[Block]) -> list[BenchRow]:
    alone, nothing_shared = "one process, half of them", "two gateways that share nothing"
    capacity, least, most = (median([_capacity(block) for block in blocks]) for blocks in (two, one, apart))
    return [
        BenchRow(f"gateway of {PROCESSES} processes, {load}: frames for a second of its busiest one's processor time",
            capacity, "frames/s", 1.8, least, alone, "at least"),
        BenchRow("   … of two gateways that share nothing", most, "frames/s", None, least, alone),
        BenchRow("   … of the two processes to those", capacity, "frames/s", 0.95, most, nothing_shared, "at least"),
        BenchRow("   … processor time of all for a frame", median([_all_us(block) for block in two]), "µs", None,
            median([_all_us(block) for block in apart]), nothing_shared),
        BenchRow("   … the busiest one's share of it", median([block.server_cpu_s / block.all_cpu_s for block in two]),
            ""),
        BenchRow("   … frames a second, on the cores that clients and broker use too", median([b.fps for b in two]),
            "frames/s"),
        BenchRow("   … captures aborted", count_aborted([*two, *apart]), "", 0),
    ]  # fmt: skip


def _capacity(block: Block) -> float:
    return block.frames / block.server_cpu_s


def _all_us(block: Block) -> float:
    return 1e6 * block.all_cpu_s / block.frames
