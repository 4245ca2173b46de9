"""``python -m workers``: a pool of processes for each lane that ``A3CP_WORKER_LANES`` names."""

from __future__ import annotations

from contracts.process.loading import loading

with loading():
    import argparse
    import asyncio
    import sys
    from collections.abc import Callable
    from pathlib import Path
    from typing import get_args

    from contracts.broker.keys import EXTRACTOR_GROUP
    from contracts.broker.roles import connect, ensure_group, wait_for_brokers
    from contracts.process.logs import get_logger
    from contracts.process.pool import Pool
    from contracts.process.retry import Stopped, unless_stopped
    from contracts.process.run import run_process
    from contracts.process.settings import Lane, Settings, load_settings
    from contracts.process.stop_signals import stop_signals
    from contracts.rules.errors import BrokerUnavailable, ConfigurationError, UnreadableValue
    from workers.extract.dispatch import QUEUES
    from workers.metrics import pool_metrics
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
    """Wait until both brokers are what they must be; false if the process is told to stop first."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(stop_descriptor, stop.set)
    try:
        await unless_stopped(_check_brokers(settings), stop)
    except Stopped:
        return False
    finally:
        loop.remove_reader(stop_descriptor)
    return True


async def _check_brokers(settings: Settings) -> None:
    frames_url, events_url = settings.broker_urls()
    frames, events = connect(frames_url), connect(events_url)
    try:
        await wait_for_brokers(frames, events, assume_volatile=settings.assume_volatile)
        if "capture" not in settings.lanes:
            return
        try:
            for queue in QUEUES:
                await ensure_group(frames, "frames", queue, EXTRACTOR_GROUP)
        # the broker is away again, or the key is no stream: each extractor creates the group when it finds it missing
        except (BrokerUnavailable, UnreadableValue) as error:
            log.warning("group not created yet", detail=str(error))
    finally:
        await frames.aclose()
        await events.aclose()


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--lane", choices=get_args(Lane), help="this one alone")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    chosen = _arguments(sys.argv[1:])
    sys.exit(main(chosen.processes, lane=chosen.lane))
