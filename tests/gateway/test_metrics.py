"""The gateway's metrics of frames, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from contracts.process.metrics import exposition
from gateway.metrics import ForwardedFrames


def scraped(registry: CollectorRegistry) -> dict[str, float]:
    text = exposition(registry, "")[0].decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name + sample.labels.get("le", ""): sample.value for sample in samples}


def test_frames_their_bytes_and_the_depth_of_their_queue_are_counted() -> None:
    registry = CollectorRegistry()
    forwarded = ForwardedFrames(registry)
    for byte_length, depth in [(100, 1), (200, 1), (300, 2), (400, 12)]:
        forwarded.bytes += byte_length
        forwarded.depths[depth] += 1
    queue = "a3cp_capture_forward_queue_frames"
    assert scraped(registry) == {
        "a3cp_capture_frames_total": 4,
        "a3cp_capture_bytes_total": 1000,
        f"{queue}_bucket1.0": 2,
        f"{queue}_bucket2.0": 3,
        f"{queue}_bucket3.0": 3,
        f"{queue}_bucket5.0": 3,
        f"{queue}_bucket10.0": 3,
        f"{queue}_bucket+Inf": 4,
        f"{queue}_count": 4,
        f"{queue}_sum": 16,
    }


def test_a_gateway_without_frames_shows_zeros() -> None:
    registry = CollectorRegistry()
    ForwardedFrames(registry)
    assert set(scraped(registry).values()) == {0}
