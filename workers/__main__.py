"""``python -m workers``: a pool of processes for each lane that ``A3CP_WORKER_LANES`` names."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from contracts.broker.keys import EXTRACTOR_GROUP
from contracts.broker.roles import AsyncBroker, Role, connect, ensure_group, wait_for_role
from contracts.process.logs import get_logger
from contracts.process.run import run_process
from contracts.process.settings import Lane, Settings, load_settings
from contracts.rules.errors import BrokerUnavailable, ConfigurationError, UnreadableValue
from workers.extract.lease import QUEUES
from workers.metrics import pool_metrics
from workers.pool.pool import Pool
from workers.pool.stop_signals import stop_signals
from workers.pool.targets import extractor_process, live_process

__all__ = ["main"]

log = get_logger()

Target = Callable[[Settings, Path | None], None]


def main(processes: int = 1, *, lane: Lane | None = None) -> int:
    """Run ``processes`` processes of each lane until SIGTERM or SIGINT; returns the exit code.

    The lanes are the settings', or ``lane`` alone if one is given.
    """
    return run_process("extractor" if lane == "capture" else "worker", lambda: _main(processes, lane))


def _main(processes: int, lane: Lane | None) -> int:
    if processes < 1:
        raise ConfigurationError(f"--processes: at least 1 is needed, not {processes}")
    settings = load_settings()
    if lane is not None:
        settings = settings.model_copy(update={"worker_lanes": lane})
    targets = _targets(settings)
    settings.broker_urls()
    with stop_signals() as stop_descriptor, pool_metrics(settings, targets) as metrics:
        if asyncio.run(_brokers_ready(settings, stop_descriptor)):
            log.info("workers start", kinds=list(targets), processes_of_each=processes, app_env=settings.app_env)
            folder, on_death = (metrics.folder, metrics.note_death) if metrics else (None, None)
            Pool(targets, processes, settings, folder, on_death=on_death).run(stop_descriptor)
    return 0


def _targets(settings: Settings) -> dict[str, Target]:
    """What the processes run, by what they are called."""
    lanes = settings.lanes
    targets: dict[str, Target] = {}
    if "capture" in lanes:
        targets["extractor"] = extractor_process
    if "live" in lanes:
        targets["live worker"] = live_process
    if not targets:
        raise ConfigurationError(
            f"A3CP_WORKER_LANES is {settings.worker_lanes}, and STREAM_ENABLED is false: no lane is left to serve"
        )
    return targets


async def _brokers_ready(settings: Settings, stop_descriptor: int) -> bool:
    """Wait until both roles are as they must be; false if told to stop meanwhile."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(stop_descriptor, stopped.set)
    check = asyncio.create_task(_check_brokers(settings))
    stop = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({check, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not check.done():
            return False
        check.result()
        return True
    finally:
        loop.remove_reader(stop_descriptor)
        for task in (check, stop):
            task.cancel()
        await asyncio.gather(check, stop, return_exceptions=True)


async def _check_brokers(settings: Settings) -> None:
    frames_url, events_url = settings.broker_urls()
    frames, events = connect(frames_url), connect(events_url)
    try:
        await _wait_for(frames, "frames", assume_volatile=settings.assume_volatile)
        await _wait_for(events, "events", assume_volatile=False)
        if "capture" not in settings.lanes:
            return
        try:
            for queue in QUEUES:
                await ensure_group(frames, "frames", queue, EXTRACTOR_GROUP)
        # gone again already, or no stream: each extractor creates it when it finds it missing
        except (BrokerUnavailable, UnreadableValue) as error:
            log.warning("group not created yet", detail=str(error))
    finally:
        await frames.aclose()
        await events.aclose()


async def _wait_for(broker: AsyncBroker, role: Role, *, assume_volatile: bool) -> None:
    def on_wait(error: BrokerUnavailable, delay_s: float) -> None:
        log.warning("waiting for a broker", detail=str(error), again_in_s=delay_s)

    await wait_for_role(broker, role, assume_volatile=assume_volatile, on_wait=on_wait)


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--lane", choices=get_args(Lane), help="this one alone")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    chosen = _arguments(sys.argv[1:])
    sys.exit(main(chosen.processes, lane=chosen.lane))
