"""``python -m scripts.measurements.trace FILE.png``: record captures on a whole stack, and draw the trace of one."""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from contracts.process.settings import Settings
from contracts.process.trace_settings import TraceSettings
from contracts.rules.paths import session_log_path
from scripts.measurements.clips import TWO_HANDS, clip
from scripts.measurements.closing import FPS, CameraMessages, record
from scripts.measurements.collector import CollectedSpan, Collector, collector
from scripts.measurements.stacks import running
from scripts.pictures.trace import trace_picture

__all__ = ["main"]

USER = "trace"
SECONDS = 3
CAPTURES = 5


def main(arguments: Sequence[str]) -> int:
    """Write the picture; returns 0."""
    [name] = arguments
    with collector() as collected, tempfile.TemporaryDirectory(prefix="a3cp-trace-") as folder:
        spans = asyncio.run(_recorded(collected, Path(folder)))
    Path(name).write_bytes(trace_picture(spans, "close"))
    print(f"written: {name}, {len(spans)} spans")
    return 0


async def _recorded(collected: Collector, folder: Path) -> list[CollectedSpan]:
    """The trace of the quickest of `CAPTURES` captures of `SECONDS` at a camera's pace: other work on the machine makes
    some slower."""
    roots = {name: folder / name for name in ("data_root", "log_root", "state_dir")}
    settings = Settings(**roots, port=0, traces=TraceSettings(endpoint=collected.address))
    pictures = list(itertools.islice(itertools.cycle(clip(TWO_HANDS)), SECONDS * FPS))
    async with running(settings, extractors=1) as (_, gateway):
        session_id = await gateway.start_session(USER)
        log = session_log_path(settings.log_root, USER, session_id)
        for _ in range(CAPTURES):
            await record(gateway, CameraMessages(USER, session_id), pictures, log)
    traces: defaultdict[str, list[CollectedSpan]] = defaultdict(list)
    for span in collected.spans:
        traces[span.trace_id].append(span)
    return min(traces.values(), key=lambda spans: max(span.end_ns for span in spans) - spans[0].begin_ns)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
