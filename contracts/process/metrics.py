"""Prometheus metrics, of one process or of several.

The processes of a pool write their numbers into files in one shared folder, and their parent process adds them up.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Metric, disable_created_metrics, multiprocess, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from contracts.process.folder_lock import is_free
from contracts.process.logs import get_logger
from contracts.process.settings import set_library_variable
from contracts.rules.errors import ConfigurationError

__all__ = [
    "SECONDS",
    "Liveness",
    "exposition",
    "keep_metrics_in",
    "mark_dead",
    "preset",
    "shared_folder",
    "shared_registry",
]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Histogram buckets for one step of work, in seconds. No step may take longer than the last one."""

STALE_S = 60.0
"""How old an unlocked folder must be before it is removed, in seconds: a younger one may not be locked yet."""

log = get_logger()

disable_created_metrics()  # type: ignore[no-untyped-call]  # `…_created` doubles the series, and no dashboard uses it


def preset(counter: Counter, values_of_label: Iterable[str]) -> Counter:
    """Create the counter's series for every value of its one label, at zero. Without the zero, Prometheus's ``rate()``
    does not see the first increment."""
    for value in values_of_label:
        counter.labels(value)
    return counter


def exposition(registry: Collector, accept: str) -> tuple[bytes, str]:
    """All metrics in the text format that the scraper's ``Accept`` header asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class Liveness:
    """Whether the process's own work makes progress: it must report at least every ``within_s`` seconds."""

    def __init__(self, within_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._within_s = within_s
        self._clock = clock
        self._reported_at_s = clock()

    def report(self) -> None:
        """Report that the work makes progress."""
        self._reported_at_s = self._clock()

    def is_alive(self) -> bool:
        """Whether the last report is recent enough."""
        return self._clock() - self._reported_at_s <= self._within_s


# --- several processes -------------------------------------------------------------------------------


@contextmanager
def shared_folder(setting: str = "A3CP_METRICS_PORT") -> Iterator[Path]:
    """Create a private folder for the numbers of a pool's processes, and remove it when the block ends.

    Also remove the folders of killed pools, once they are older than `STALE_S`.

    Raises:
        ConfigurationError: the folder cannot be created. The text names ``setting``, which asked for it.
    """
    try:
        _remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise ConfigurationError(f"{setting}: cannot create a folder for metrics: {error.strerror}") from error
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


_PREFIX = "a3cp-metrics-"


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > STALE_S and is_free(folder):
                shutil.rmtree(folder, ignore_errors=True)


def keep_metrics_in(folder: Path, name: str) -> None:
    """Store every metric that this process creates from now on in ``folder``, under ``name`` (without underscores).

    A process with the name of one that died continues that one's counts, so there are never more files than names. Two
    running processes must not have the same name.
    """
    set_library_variable("PROMETHEUS_MULTIPROC_DIR", str(folder))
    mark_dead(folder, name)
    # prometheus_client names the files by process id, which would leave new files after every restart of a worker
    values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]


def shared_registry(folder: Path) -> CollectorRegistry:
    """A registry whose numbers are the sums over all processes that use the folder."""
    registry = CollectorRegistry()
    _Sums(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry


class _Sums(multiprocess.MultiProcessCollector):
    """Leaves out a file that a process has made and not filled yet: prometheus_client cannot read it."""

    def collect(self) -> Iterable[Metric]:
        filled = [str(path) for path in Path(self._path).glob("*.db") if _has_content(path)]
        sums: Iterable[Metric] = self.merge(filled)  # type: ignore[no-untyped-call]
        return sums


def _has_content(path: Path) -> bool:
    with suppress(FileNotFoundError):  # its process died: `mark_dead`
        return path.stat().st_size > 0
    return False


def mark_dead(folder: Path, name: str) -> None:
    """Drop the gauges of a process that died. Its counters and histograms stay in the sums."""
    multiprocess.mark_process_dead(name, str(folder))  # type: ignore[no-untyped-call]
