"""The processes that hostile values are tried on: ``python -m … gateway | recorder | extractor | live``. Their loops
turn many times a second and they wait for seconds at most, so that each meets every value. Nothing else is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import contracts.state.recording
import contracts.state.records
from contracts.process.settings import Settings

__all__ = ["main"]

LOOP_S = 0.05
"""How often the gateway looks at the brokers, and the recorder at unfinished captures."""

ALIVE_S = 0.2


def extractor_process(settings: Settings, metrics_folder: Path | None) -> None:
    """`workers.extract.extractor.extractor_process` with short intervals, except the deadline of a frame."""
    import workers.extract.eraser
    import workers.extract.extractor
    from workers.extract.lease import Timing

    workers.extract.eraser.POLL_MS = workers.extract.eraser.AGAIN_MS = 100
    timing = Timing(
        lease_ms=2_000, heartbeat_s=ALIVE_S, alive_s=ALIVE_S, poll_ms=100, read_ms=100, quiet_s=2.0, patience_s=2.0
    )
    workers.extract.extractor.Timing = lambda: timing  # type: ignore[misc, assignment]
    workers.extract.extractor.extractor_process(settings, metrics_folder)


def live_process(settings: Settings, metrics_folder: Path | None) -> None:
    """`workers.live.process.live_process` with short intervals."""
    import workers.live.process
    from workers.live.worker import LiveTiming

    timing = LiveTiming(alive_s=ALIVE_S, read_ms=100, backoff_s=ALIVE_S)
    workers.live.process.LiveTiming = lambda: timing  # type: ignore[misc, assignment]
    workers.live.process.live_process(settings, metrics_folder)


def _extractor() -> int:
    import workers.__main__

    workers.__main__.extractor_process = extractor_process
    return workers.__main__.main(lane="capture")


def _live() -> int:
    import workers.__main__

    workers.__main__.live_process = live_process
    return workers.__main__.main(lane="live")


def _recorder() -> int:
    import recorder.__main__
    import recorder.consumer
    import recorder.sweep

    contracts.state.recording.LEADER_TTL_MS = 2_000
    recorder.consumer.RENEW_S = 0.4
    recorder.sweep.SWEEP_S = LOOP_S
    return recorder.__main__.main()


def _gateway() -> int:
    import gateway.__main__
    import gateway.library.erasures
    import gateway.monitoring.health

    gateway.library.erasures.COMPARE_S = LOOP_S
    gateway.monitoring.health.CHECK_EVERY_S = LOOP_S
    return gateway.__main__.main()


def main(name: str) -> int:
    """Be one process; returns its exit code."""
    return {"gateway": _gateway, "recorder": _recorder, "extractor": _extractor, "live": _live}[name]()


if __name__ == "__main__":
    from tests.integration.faults import hostile_parts  # not __main__: a child must find the function by its name

    sys.exit(hostile_parts.main(sys.argv[1]))
