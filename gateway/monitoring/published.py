"""Write into the files of a pool what a collector computes at each scrape: such files hold stored values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Metric, values
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

__all__ = ["Published", "count_deaths"]

_MODES = {"process_start_time_seconds": "livemin"}
"""How the gauges of several processes become one, if not as their sum."""


def count_deaths(registry: CollectorRegistry | None) -> Counter:
    """Count the processes of a gateway that died. The pool's parent counts; in each process it is 0."""
    text = "Processes of this gateway that ended by themselves, or hung and were killed."
    return Counter("a3cp_gateway_deaths", text, registry=registry)


class Published:
    """The values of ``collectors`` in this process's files. Make it after `contracts.process.metrics.keep_metrics_in`.

    Counters and histograms go on from the values of the process that had this one's name before.
    """

    def __init__(self, collectors: Iterable[Collector]) -> None:
        self._collectors = list(collectors)
        self._stored: dict[tuple[str, tuple[str, ...]], tuple[Any, float]] = {}

    def publish(self) -> None:
        """Compute the values and store them."""
        for collector in self._collectors:
            for metric in collector.collect():
                for sample in _stored_samples(metric):
                    value, before = self._value(metric, sample)
                    value.set(before + sample.value)

    def _value(self, metric: Metric, sample: Sample) -> tuple[Any, float]:
        key = sample.name, tuple(sample.labels.values())
        if key not in self._stored:
            value: Any = values.ValueClass(
                metric.type, metric.name, sample.name, tuple(sample.labels), key[1], metric.documentation,
                multiprocess_mode=_MODES.get(metric.name, "livesum"),
            )  # fmt: skip
            self._stored[key] = value, 0.0 if metric.type == "gauge" else value.get()
        return self._stored[key]


def _stored_samples(metric: Metric) -> Iterator[Sample]:
    """The samples of a metric as files have them: without the count of a histogram, and each bucket without those below
    it."""
    below = 0.0
    for sample in metric.samples:
        if sample.name.endswith("_bucket"):
            yield sample._replace(value=sample.value - below)
            below = sample.value
        elif metric.type != "histogram" or not sample.name.endswith("_count"):
            yield sample
