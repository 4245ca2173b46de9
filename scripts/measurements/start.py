"""Measure the time from `a3cp up` until a capture could be recorded."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from subprocess import DEVNULL

import httpx

from contracts.process.settings import Settings
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.servers import brokers
from scripts.stack.ports import gateway_port
from scripts.stack.stack import gateway_address

__all__ = ["measure_start"]

REPEATS = 5
POLL_S = 0.01
GIVE_UP_S = 60.0
ROOT = Path(__file__).parents[2]
PACKAGES = [str(ROOT / name) for name in ("contracts", "gateway", "workers", "recorder", "scripts")]


async def measure_start(settings: Settings) -> list[BenchRow]:
    """Measure the stack and the floors in turns, each time on new folders. The first round only loads all files into
    memory."""
    up: list[float] = []
    valkey: list[float] = []
    imported: list[float] = []
    await _compile()
    for number in range(REPEATS + 1):
        folders = {name: getattr(settings, name) / str(number) for name in ("data_root", "log_root", "state_dir")}
        fresh = settings.model_copy(update=folders)
        up.append(await _up_s(fresh))
        valkey.append(await _valkey_s(fresh.model_copy(update={"state_dir": fresh.state_dir / "floor"})))
        imported.append(await _import_s())
    floors = [one + other for one, other in zip(valkey[1:], imported[1:], strict=True)]
    return [
        BenchRow(
            "cold start, `a3cp up` to /readyz",
            median(up[1:]),
            "s",
            2.0,
            median(floors),
            "Valkey, then import MediaPipe",
        ),
        BenchRow("   … of that floor, the import", median(imported[1:]), "s"),
    ]


async def _compile() -> None:
    """Compile the bytecode, because the environment may forbid Python to write it when it imports a module."""
    command = (sys.executable, "-m", "compileall", "-q", "-x", "/node_modules/", *PACKAGES)
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
    if await process.wait():
        raise RuntimeError("the packages cannot be compiled")


async def _up_s(settings: Settings) -> float:
    """Start `a3cp up` with its defaults: one extractor, one recorder, one live worker; returns seconds until it is
    ready."""
    settings = settings.model_copy(update={"port": gateway_port(settings)})
    command = (sys.executable, "-m", "scripts.cli", "up")
    began_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, env=settings.environ(), stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with asyncio.timeout(GIVE_UP_S):
            await _ready(gateway_address(settings))
        return time.perf_counter() - began_s
    finally:
        os.kill(process.pid, signal.SIGTERM)
        await process.wait()


async def _ready(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=1.0) as client:
        while True:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL_S)


async def _valkey_s(settings: Settings) -> float:
    """Both servers at once, to their first answer: two start as quickly as one."""
    began_s = time.perf_counter()
    async with brokers(settings):
        return time.perf_counter() - began_s


async def _import_s() -> float:
    """A fresh interpreter that imports MediaPipe and ends."""
    began_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import mediapipe", stdout=DEVNULL, stderr=DEVNULL, cwd=Path("/")
    )
    if await process.wait():
        raise RuntimeError("MediaPipe cannot be imported")
    return time.perf_counter() - began_s
