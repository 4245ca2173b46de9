"""Measure a gateway of two processes beside one of a single process: on the same broker, with the same clients.

Clients and broker need cores too, so on two cores no second process can double the frames a second. Measured is what
the gateway itself could forward if each of its processes had a core: the frames of a block for each second of processor
time of its busiest process, which would be the first to have its core full. Two processes get twice the connections, so
that each has as much to do as the single one. The ratio is less than 2 if the connections are divided unevenly, or if a
frame costs more in two processes.
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
    async with stack, draining(connect(stack.urls[0])) as drain, _two_processes(stack) as two:
        await stack.ready()
        pid = stack.parts["gateway"].pid
        assert pid is not None
        sides = [Side("one process", stack.address, pid), two]
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
) -> tuple[list[Block], list[Block]]:
    """Run blocks in turns: half of the senders to the single process, all to the two."""
    one, two = sides
    alone: list[Block] = []
    both: list[Block] = []
    for _ in range(blocks):
        alone += (await run.blocks([one], senders[: len(senders) // PROCESSES], 1, block_s, paced=paced))[0]
        both += (await run.blocks([two], senders, 1, block_s, paced=paced))[0]
    return alone, both


@asynccontextmanager
async def _two_processes(stack: Stack) -> AsyncIterator[Side]:
    """Start the gateway of two processes on the brokers of the stack."""
    async with other_gateway(stack.settings, "two processes", "--processes", str(PROCESSES)) as two:
        yield two


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
        yield Side(name, address, part.pid)


async def _serves(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def _rows(load: str, one: Sequence[Block], two: Sequence[Block]) -> list[BenchRow]:
    alone = "one process, half of them"
    return [
        BenchRow(f"gateway of {PROCESSES} processes, {load}: frames for a second of its busiest one's processor time",
            median([_capacity(block) for block in two]), "frames/s", 1.8, median([_capacity(block) for block in one]),
            alone, "at least"),
        BenchRow("   … processor time of all for a frame", median([_all_us(block) for block in two]), "µs", None,
            median([_all_us(block) for block in one]), alone),
        BenchRow("   … the busiest one's share of it", median([block.server_cpu_s / block.all_cpu_s for block in two]),
            ""),
        BenchRow("   … frames a second, on the cores that clients and broker use too", median([b.fps for b in two]),
            "frames/s"),
        BenchRow("   … captures aborted", count_aborted(two), "", 0),
    ]  # fmt: skip


def _capacity(block: Block) -> float:
    return block.frames / block.server_cpu_s


def _all_us(block: Block) -> float:
    return 1e6 * block.all_cpu_s / block.frames
