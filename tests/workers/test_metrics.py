"""The metrics of a pool's parent process."""

from __future__ import annotations

from pathlib import Path

from contracts.process.metrics import exposition
from workers.metrics import PoolMetrics


def test_deaths_are_counted_by_kind_and_each_kind_starts_at_zero(tmp_path: Path) -> None:
    metrics = PoolMetrics(tmp_path, ["extractor", "live worker"])

    def shown() -> set[str]:
        text, _ = exposition(metrics.registry, "text/plain")
        return {line for line in text.decode().splitlines() if line.startswith("a3cp_worker_deaths_total")}

    assert shown() == {
        'a3cp_worker_deaths_total{kind="extractor"} 0.0',
        'a3cp_worker_deaths_total{kind="live worker"} 0.0',
    }
    metrics.note_death("extractor", "extractor-1")
    assert 'a3cp_worker_deaths_total{kind="extractor"} 1.0' in shown()


def test_the_gauges_of_a_process_that_died_no_longer_count(tmp_path: Path) -> None:
    dead = tmp_path / "gauge_livesum_extractor-1.db"
    dead.touch()
    PoolMetrics(tmp_path, ["extractor"]).note_death("extractor", "extractor-1")
    assert not dead.exists()
