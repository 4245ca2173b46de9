"""What a pool's processes compute at a scrape is the same in the files of all of them as in one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contracts.process.metrics import exposition, mark_dead, shared_registry

ROOT = Path(__file__).parents[3]

PROCESS = """
import asyncio, sys
from pathlib import Path
from contracts.process.metrics import keep_metrics_in
folder, name, depths = Path(sys.argv[1]), sys.argv[2], [int(depth) for depth in sys.argv[3:]]
keep_metrics_in(folder, name)
from gateway.metrics import GatewayMetrics
metrics = GatewayMetrics(folder)
metrics.capture.watch(lambda: len(depths), lambda: 1)
metrics.publish()
for depth in depths:
    metrics.capture.forwarded.depths[depth] += 1
    metrics.capture.forwarded.bytes += 100
metrics.capture.opened.inc()
metrics.brokers.frames["backlog"].set(len(depths))
metrics.publish()
metrics.publish()
text, _ = asyncio.run(metrics.text(""))
assert b"a3cp_capture_frames_total" in text
"""


def run(folder: Path, name: str, *depths: int) -> None:
    arguments = [str(folder), name, *map(str, depths)]
    subprocess.run([sys.executable, "-c", PROCESS, *arguments], cwd=ROOT, check=True)


def lines(folder: Path) -> set[str]:
    return set(exposition(shared_registry(folder), "")[0].decode().splitlines())


def test_any_process_shows_the_sums_and_no_gauge_of_a_dead_one(tmp_path: Path) -> None:
    run(tmp_path, "gateway-1", 1, 2, 6)
    run(tmp_path, "gateway-2", 1)
    shown = lines(tmp_path)
    assert shown >= {
        "a3cp_capture_frames_total 4.0",
        "a3cp_capture_bytes_total 400.0",
        'a3cp_capture_forward_queue_frames_bucket{le="1.0"} 2.0',
        'a3cp_capture_forward_queue_frames_bucket{le="2.0"} 3.0',
        'a3cp_capture_forward_queue_frames_bucket{le="10.0"} 4.0',
        'a3cp_capture_forward_queue_frames_bucket{le="+Inf"} 4.0',
        "a3cp_capture_forward_queue_frames_count 4.0",
        "a3cp_capture_forward_queue_frames_sum 10.0",
        "a3cp_capture_opened_total 2.0",
        "a3cp_capture_sockets 4.0",
        "a3cp_capture_active 2.0",
        "a3cp_gateway_processes 2.0",
        "a3cp_capture_backlog 1.0",  # the newest: every process reads the same broker
    }
    assert not [line for line in shown if "pid=" in line]
    mark_dead(tmp_path, "gateway-1")
    assert lines(tmp_path) >= {
        "a3cp_capture_sockets 1.0",
        "a3cp_gateway_processes 1.0",
        "a3cp_capture_frames_total 4.0",
    }


def test_a_process_that_replaces_a_dead_one_goes_on_from_its_counts(tmp_path: Path) -> None:
    run(tmp_path, "gateway-1", 1, 1)
    run(tmp_path, "gateway-1", 3)
    assert lines(tmp_path) >= {
        "a3cp_capture_frames_total 3.0",
        'a3cp_capture_forward_queue_frames_bucket{le="1.0"} 2.0',
        "a3cp_capture_forward_queue_frames_count 3.0",
        "a3cp_capture_sockets 1.0",
    }
