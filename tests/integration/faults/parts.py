"""The stack's processes with shorter intervals, so that a fault costs seconds: ``python -m … gateway | extractor |
recorder``. Nothing else is changed, except that two images, which no camera makes, kill or hang an extractor, that an
extractor takes a second capture however busy it is, and that a process heeds a `Note` where no command tells the
harness how far it is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import simplejpeg

import contracts.broker.roles
import contracts.state.captures
import contracts.state.heartbeats
import contracts.state.recording
import contracts.state.records
import contracts.state.uploads
from contracts.process.settings import Settings, load_settings
from tests.integration.faults.stand_in import StandIn
from workers.vision.pipelines.base import Findings, Image, Pipeline

__all__ = ["HANGS", "KILLS", "SWEEP_AGE_S", "Note", "hanging_jpeg", "killing_jpeg", "main"]

PATIENCE_S = float(os.environ.get("FAULTS_PATIENCE_S", 0.0))
"""The least of the times after which a process thinks that another one is away, for faults in which none is."""

MODEL = os.environ.get("FAULTS_MODEL", "mediapipe")

SOCKET_TIMEOUT_S = max(2.0, PATIENCE_S)
SWEEP_AGE_S = 9.0
"""How old an unfinished capture is before the sweep looks at it; more than opening one may take."""

OPEN_TTL_S = 12
"""How long a capture outlives a gateway that died before it told any extractor."""

ARRIVING_TTL_S = 6
"""How long a video outlives a gateway that died while it arrived."""

UNATTENDED_MS = 10_000
"""How long a video waits where no extractor is."""

Note = Literal["die in the middle of an artifact", "die in the middle of a line", "sleep under a log's lock"]
"""What a process does if a file of this name is beside DATA_ROOT; the first whom it concerns takes it away."""

KILLS = (255, 0, 255)
HANGS = (0, 255, 0)


def killing_jpeg(width: int, height: int) -> bytes:
    """A frame that ends its extractor with a signal."""
    return _plain(KILLS, width, height)


def hanging_jpeg(width: int, height: int) -> bytes:
    """A frame on which an extractor hangs."""
    return _plain(HANGS, width, height)


def _plain(colour: tuple[int, int, int], width: int, height: int) -> bytes:
    return simplejpeg.encode_jpeg(np.full((height, width, 3), colour, np.uint8), quality=95, colorsubsampling="444")


def _is_plain(image: Any, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(image[::16, ::16].astype(int) - colour) < 16).all())


def _shorten_broker() -> None:
    for connect in (contracts.broker.roles.connect, contracts.broker.roles.connect_sync):
        connect.__kwdefaults__["socket_timeout_s"] = SOCKET_TIMEOUT_S
    contracts.broker.roles.CONNECT_TIMEOUT_S = SOCKET_TIMEOUT_S
    contracts.state.recording.LEADER_TTL_MS = 2_000
    contracts.state.captures.OPEN_TTL_S = OPEN_TTL_S
    contracts.state.uploads.ARRIVING_TTL_S = ARRIVING_TTL_S


def _takes(settings: Settings, note: Note) -> bool:
    """Whether this process takes the note; false if there is none or another process took it first."""
    try:
        (settings.data_root.parent / note).unlink()
    except FileNotFoundError:
        return False
    return True


def _artifacts_break_off(settings: Settings) -> None:
    import workers.vision.local_store

    write = workers.vision.local_store._write_synced

    def write_or_die(path: Path, data: bytes) -> None:
        if _takes(settings, "die in the middle of an artifact"):
            path.write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, data)

    workers.vision.local_store._write_synced = write_or_die


def _lines_break_off(settings: Settings) -> None:
    import recorder.writer

    write = recorder.writer.LogWriter._write_line

    def write_or_not(self: Any, log: int, path: Path, line: bytes, end: int) -> None:
        if _takes(settings, "die in the middle of a line"):
            os.write(log, line[: len(line) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        if _takes(settings, "sleep under a log's lock"):
            # to this thread: otherwise it would go on, with the lock, until another thread takes the signal
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        write(self, log, path, line, end)

    recorder.writer.LogWriter._write_line = write_or_not  # type: ignore[method-assign]


def _choose_model() -> None:
    """Run MediaPipe or its stand-in, and heed the two images."""
    from workers.vision.pipelines import registry

    make = registry.make_pipeline if MODEL == "mediapipe" else lambda _: StandIn()

    def make_pipeline(pipeline_id: str) -> Pipeline:
        pipeline = make(pipeline_id)
        process = pipeline.process

        def heeding(image: Image) -> Findings:
            if _is_plain(image, KILLS):
                os.kill(os.getpid(), signal.SIGKILL)
            while _is_plain(image, HANGS):
                time.sleep(1)
            return process(image)

        pipeline.process = heeding  # type: ignore[method-assign]
        return pipeline

    registry.make_pipeline = make_pipeline


def extractor_process(settings: Settings, metrics_folder: Path | None) -> None:
    """`workers.extract.extractor.extractor_process` with short intervals and the two images."""
    import workers.extract.eraser
    import workers.extract.extractor
    import workers.extract.slots
    from workers.extract.lease import Timing

    _choose_model()
    _shorten_broker()
    _artifacts_break_off(settings)
    timing = Timing(
        lease_ms=2_000, heartbeat_s=0.4, alive_s=0.5, poll_ms=300, read_ms=300, frame_deadline_s=3.0,
        quiet_s=max(3.0, PATIENCE_S),
        patience_s=10.0,
    )  # fmt: skip
    workers.extract.eraser.POLL_MS, workers.extract.eraser.AGAIN_MS = 300, 1_000
    workers.extract.extractor.Timing = lambda: timing  # type: ignore[misc, assignment]
    workers.extract.extractor.HEARTBEAT_TIMEOUT_S = 1.0
    # a backlog would be extracted one by one; here a fault in one capture must not harm another one of its process
    workers.extract.slots.LOOK_S, workers.extract.slots.MOST_LOAD = 0.1, 1_000.0
    workers.extract.extractor.extractor_process(settings, metrics_folder)


def _extractor() -> int:
    import workers.__main__

    workers.__main__.extractor_process = extractor_process
    return workers.__main__.main(lane="capture")


def _recorder() -> int:
    import recorder.__main__
    import recorder.consumer
    import recorder.sweep

    _lines_break_off(load_settings())
    recorder.consumer.RENEW_S = 0.4
    recorder.sweep.MIN_AGE_MS = int(1000 * SWEEP_AGE_S)
    recorder.sweep.SWEEP_S = 1.0
    recorder.sweep.UNATTENDED_MS = UNATTENDED_MS
    contracts.state.heartbeats.EXTRACTOR_ALIVE_MS = 5_000
    return recorder.__main__.main()


def _gateway() -> int:
    import gateway.__main__
    import gateway.library.erasures
    import gateway.process
    import gateway.uploads.incoming_upload

    gateway.process.ANSWER_WITHIN_S = SOCKET_TIMEOUT_S
    gateway.library.erasures.COMPARE_S = 0.5
    gateway.uploads.incoming_upload.RENEW_S = ARRIVING_TTL_S / 4
    return gateway.__main__.main()


def main(name: str) -> int:
    """Be one part; returns its exit code."""
    _shorten_broker()
    return {"gateway": _gateway, "extractor": _extractor, "recorder": _recorder}[name]()


if __name__ == "__main__":
    from tests.integration.faults import parts  # not __main__: a spawned process must find the function by name

    sys.exit(parts.main(sys.argv[1]))
