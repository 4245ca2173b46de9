"""A trace as a picture: the order of its bars, and a PNG."""

from __future__ import annotations

import pytest

from scripts.measurements.collector import CollectedSpan
from scripts.pictures.trace import in_order, trace_picture

MS = 1_000_000


def span(name: str, parent: str, begin_ms: int, end_ms: int, service: str = "gateway") -> CollectedSpan:
    return CollectedSpan(service, name, "t", name, parent, begin_ms * MS, end_ms * MS)


SPANS = [
    span("extract", "dispatch", 5, 3200, "extractor"),
    span("close", "capture", 3000, 3005),
    span("capture", "of a client", 0, 3010),
    span("open", "capture", 0, 4),
    span("dispatch", "open", 3, 4),
]


def test_a_span_comes_before_those_below_it_and_these_by_their_begin() -> None:
    assert [(each.name, depth) for each, depth in in_order(SPANS)] == [
        ("capture", 0), ("open", 1), ("dispatch", 2), ("extract", 3), ("close", 1),
    ]  # fmt: skip


def test_the_same_trace_gives_the_same_picture() -> None:
    picture = trace_picture(SPANS, "close")
    assert picture.startswith(b"\x89PNG") and picture == trace_picture(SPANS, "close")
    with pytest.raises(ValueError, match="no span abort"):
        trace_picture(SPANS, "abort")
