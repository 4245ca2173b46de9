"""Draw a trace as bars under each other: its spans in, a PNG's bytes out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.measurements.collector import CollectedSpan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["in_order", "trace_picture"]

_WIDTH_INCHES, _ROW_INCHES, _DPI = 11.0, 0.3, 100
_COLOURS = ("#1f6f8b", "#c8553d", "#6a994e", "#8d6a9f")
_LOOK: dict[Any, Any] = {"font.family": "DejaVu Sans", "axes.edgecolor": "#8a9996", "axes.axisbelow": True}
_LEAST_SHARE = 0.004
"""The width that a bar has at least, as a share of the axis: one of a millisecond should be seen too."""


class _Window(NamedTuple):
    """What a panel shows: from when until when, counted from ``zero_ns`` in units of ``unit_ns``."""

    title: str
    zero_ns: int
    from_ns: int
    until_ns: int
    unit_ns: float


def trace_picture(spans: Sequence[CollectedSpan], closer: str) -> bytes:
    """Draw the whole trace, and beside it the part from the begin of the span ``closer`` on. A colour is a service. The
    PNG is 1100 pixels wide.

    Raises:
        ValueError: there is no span ``closer``.
    """
    rows = in_order(spans)
    zero_ns, end_ns = min(span.begin_ns for span, _ in rows), max(span.end_ns for span, _ in rows)
    close_ns = next((span.begin_ns for span, _ in rows if span.name == closer), None)
    if close_ns is None:
        raise ValueError(f"the trace has no span {closer}")
    import matplotlib  # a fifth of a second
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        size = (_WIDTH_INCHES, _ROW_INCHES * len(rows) + 1.3)
        figure = Figure(size, _DPI, layout="constrained")
        whole, last = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        _panel(whole, rows, _Window("the whole trace, seconds", zero_ns, zero_ns, end_ns, 1e9))
        _panel(last, rows, _Window(f"from “{closer}” on, milliseconds", close_ns, close_ns, end_ns, 1e6))
        _label(whole, rows)
        figure.legend(*whole.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        png = io.BytesIO()
        figure.savefig(png, format="png", metadata={"Software": None})
        return png.getvalue()


def in_order(spans: Sequence[CollectedSpan]) -> list[tuple[CollectedSpan, int]]:
    """Each span and its depth; a span comes before those below it, and these by their begin. A span whose parent is not
    here has depth 0."""
    known = {span.span_id for span in spans}
    rows: list[tuple[CollectedSpan, int]] = []

    def add(parent_id: str, depth: int) -> None:
        for span in sorted(spans, key=lambda each: each.begin_ns):
            if (span.parent_id if span.parent_id in known else "") == parent_id:
                rows.append((span, depth))
                add(span.span_id, depth + 1)

    add("", 0)
    return rows


def _panel(axes: Axes, rows: Sequence[tuple[CollectedSpan, int]], window: _Window) -> None:
    services = list(dict.fromkeys(span.service for span, _ in rows))
    least = _LEAST_SHARE * (window.until_ns - window.from_ns)
    for row, (span, _) in enumerate(rows):
        begin, length = span.begin_ns - window.zero_ns, max(least, span.end_ns - span.begin_ns)
        colour = services.index(span.service)
        label = "" if services[colour] in axes.get_legend_handles_labels()[1] else span.service
        bar = [(begin / window.unit_ns, length / window.unit_ns)]
        axes.broken_barh(bar, (row - 0.32, 0.64), facecolor=_COLOURS[colour % len(_COLOURS)], label=label)
    left, right = (at - window.zero_ns for at in (window.from_ns, window.until_ns))
    axes.set_xlim(left / window.unit_ns, (right + 0.02 * (right - left)) / window.unit_ns)
    axes.set_title(window.title, fontsize=9)
    axes.grid(axis="x", color="#dfe5e3")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _label(axes: Axes, rows: Sequence[tuple[CollectedSpan, int]]) -> None:
    """Write each span's name, and how long it lasted, left of the bars."""
    axes.set_yticks(range(len(rows)), [f"{'   ' * depth}{span.name}" for span, depth in rows], ha="left")
    axes.tick_params(axis="y", pad=165)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for row, (span, _) in enumerate(rows):
        text = f"{(span.end_ns - span.begin_ns) / 1e6:,.1f} ms"
        axes.annotate(
            text, (0, row), (-8, 0), xycoords=axes.get_yaxis_transform(), textcoords="offset points", ha="right",
            va="center", fontsize=9, color="#5d706c",
        )  # fmt: skip
