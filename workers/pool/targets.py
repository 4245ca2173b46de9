"""The functions that the processes of the pool run.

Only the child imports their modules: the parent starts it a tenth of a second sooner, and holds no numpy.
"""

from __future__ import annotations

from pathlib import Path

from contracts.process.loading import loading
from contracts.process.settings import Settings

__all__ = ["extractor_process", "live_process"]


def extractor_process(settings: Settings, metrics_folder: Path | None) -> None:
    """See `workers.extract.extractor.extractor_process`."""
    with loading():
        from workers.extract import extractor

    extractor.extractor_process(settings, metrics_folder)


def live_process(settings: Settings, metrics_folder: Path | None) -> None:
    """See `workers.live.process.live_process`."""
    with loading():
        from workers.live import process as live

    live.live_process(settings, metrics_folder)
