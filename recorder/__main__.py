"""``a3cp recorder``: the process that appends events to session logs; any number may stand by."""

from __future__ import annotations

from contracts.process.loading import loading

with loading():
    import asyncio
    import os
    import signal
    import socket
    import sys
    from contextlib import suppress
    from datetime import UTC, datetime
    from uuid import uuid4

    import uvloop

    from contracts.broker import keys
    from contracts.broker.roles import AsyncBroker, connect, ensure_group, wait_for_brokers
    from contracts.process.logs import bind_to_log, get_logger
    from contracts.process.metrics import Liveness
    from contracts.process.metrics_server import metrics_served
    from contracts.process.retry import Stopped, unless_stopped
    from contracts.process.run import run_process
    from contracts.process.settings import Settings, load_settings
    from contracts.process.tracing import tracing
    from contracts.rules.errors import BrokerUnavailable, ConfigurationError, UnreadableValue
    from recorder.consumer import Consumer, Leadership
    from recorder.handler import EntryHandler
    from recorder.metrics import RecorderMetrics
    from recorder.sweep import Sweep

__all__ = ["main", "serve"]

BEAT_S = 1.0

_log = get_logger()


def main() -> int:
    """Record until SIGTERM or SIGINT, then finish the entry in hand and return 0."""
    return run_process("recorder", _run)


def _run() -> int:
    settings = load_settings()
    with tracing(settings, "recorder"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_main(settings))  # uvloop halves the cost of a thread call


async def _main(settings: Settings) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    frames_url, events_url = settings.broker_urls()
    frames = _connect("A3CP_FRAMES_URL", frames_url)
    events = _connect("A3CP_EVENTS_URL", events_url)
    metrics, liveness = RecorderMetrics(), Liveness()
    reporting = asyncio.create_task(_report_liveness(liveness))
    try:
        with metrics_served(settings, metrics.registry, liveness.is_alive):
            await unless_stopped(_check(frames, events, settings), stopping)
            await serve(frames, events, settings, stopping, metrics)
    except Stopped:
        pass
    finally:
        reporting.cancel()
        await frames.aclose()
        await events.aclose()
    return 0


async def _report_liveness(liveness: Liveness) -> None:
    """Report every second, so that ``/livez`` shows whether the event loop is stuck."""
    while True:
        liveness.report()
        await asyncio.sleep(BEAT_S)


def _connect(name: str, url: str) -> AsyncBroker:
    try:
        return connect(url)
    except ValueError:
        raise ConfigurationError(f"{name}: not the URL of a broker") from None


async def _check(frames: AsyncBroker, events: AsyncBroker, settings: Settings) -> None:
    """Wait until both brokers answer and have the settings that this system needs."""
    advice = await wait_for_brokers(frames, events, assume_volatile=settings.assume_volatile)
    if advice is not None:
        _log.warning("a setting of the events broker should be changed", detail=f"{advice.problem}; {advice.fix}")
    with suppress(BrokerUnavailable, UnreadableValue):  # the consumer creates it if it is missing
        await ensure_group(events, "events", keys.EVENTS, keys.RECORDER_GROUP)


async def serve(
    frames: AsyncBroker,
    events: AsyncBroker,
    settings: Settings,
    stopping: asyncio.Event,
    metrics: RecorderMetrics | None = None,
) -> None:
    """Run a recorder, active or standing by, until ``stopping``."""
    metrics = metrics or RecorderMetrics()
    me = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    bind_to_log(recorder=me)
    leadership = Leadership(events, me, metrics.takeovers.inc, metrics.background)
    handler = EntryHandler(events, settings, lambda: datetime.now(UTC), metrics)
    metrics.watch(lambda: leadership.leads, lambda: len(handler.blocked_sessions))
    consumer = Consumer(events, leadership, handler, metrics.background)
    sweep = Sweep(events, frames, settings.log_root, leadership, handler.handle, metrics.background, metrics.lost)
    _log.info("the recorder stands by", app_env=settings.app_env)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(leadership.keep(stopping))
        tasks.create_task(sweep.run(stopping))
        await consumer.run(stopping)
    await leadership.release_leadership()
    with suppress(BrokerUnavailable, UnreadableValue):
        await consumer.leave()
    _log.info("the recorder stopped")


if __name__ == "__main__":
    sys.exit(main())
