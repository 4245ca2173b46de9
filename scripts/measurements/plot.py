"""A plot of the rows that have ``against``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.measurements.rows import BenchRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_PANEL_INCHES = (4.5, 3.2)


def draw(rows: Iterable[BenchRow], path: Path) -> bool:
    """Write a PNG with one row of panels for each unit, and one column for each x axis that ``against`` names. The
    measured values are a solid line, their floors a dashed one. Returns false, and writes no file, if no row has
    ``against``.
    """
    panels: dict[tuple[str, str], list[tuple[int, BenchRow]]] = {}
    for row in rows:
        if row.against is not None:
            panels.setdefault((row.unit, row.against[0]), []).append((row.against[1], row))
    if not panels:
        return False
    units, things = (list(dict.fromkeys(names)) for names in zip(*panels, strict=True))
    width, height = _PANEL_INCHES
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * len(things), height * len(units)), layout="constrained")
    axes = figure.subplots(len(units), len(things), squeeze=False)
    for (unit, thing), points in panels.items():
        _panel(axes[units.index(unit)][things.index(thing)], unit, thing, sorted(points, key=lambda point: point[0]))
    figure.savefig(path, dpi=120)
    return True


def _panel(axes: Axes, unit: str, thing: str, points: list[tuple[int, BenchRow]]) -> None:
    numbers = [number for number, _ in points]
    axes.plot(numbers, [row.value for _, row in points], "o-", label="measured")
    floors = [(number, row.floor) for number, row in points if row.floor is not None]
    if floors:
        axes.plot(*zip(*floors, strict=True), "s--", color="grey", label=points[0][1].floor_name)
    axes.set(xlabel=thing, ylabel=f"{unit} per frame" if unit == "ms" else unit, xticks=numbers)
    axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
