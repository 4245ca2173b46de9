"""Plot presence and hand speed over time: a capture's motion in, a PNG's bytes out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contracts.rules.landmarks import Part
from gateway.preview.tile import COLOURS, FAULT, GROUND, INK, PART_TITLES, TILE
from scripts.pictures.motion import HANDS, Motion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["motion_plot"]

_ROWS: tuple[Part, ...] = ("face", "right_hand", "left_hand", "pose")
"""The rows from the bottom up; below them is a row for frames whose picture could not be read."""

_SIZE_INCHES, _DPI = (10.0, 5.0), 100
_LOOK: dict[Any, Any] = {
    "figure.facecolor": GROUND,
    "axes.facecolor": TILE,
    "axes.edgecolor": "#5d706c",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#33443f",
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is on every machine
}


def motion_plot(motion: Motion) -> bytes:
    """Draw the plot as a PNG of 1000 × 500 pixels. The same motion gives the same bytes, whatever this machine's
    settings of matplotlib are."""
    import matplotlib  # a fifth of a second
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        figure = Figure(_SIZE_INCHES, _DPI, layout="constrained")
        presence, speed = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
        _plot_presence(presence, motion)
        _plot_speed(speed, motion)
        for number, at_s in enumerate(motion.restarts_s):
            presence.axvline(at_s, color=FAULT, linestyle=":")
            speed.axvline(at_s, color=FAULT, linestyle=":", label="" if number else "tracking started again")
        if speed.get_legend_handles_labels()[1]:
            speed.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)
        speed.set_xlim(0, float(_until(motion)[-1]))
        png = io.BytesIO()
        figure.savefig(png, format="png", metadata={"Software": None})
        return png.getvalue()


def _until(motion: Motion) -> npt.NDArray[np.float64]:
    """The end of each frame, float (T,): the time of the next frame; for the last one, after the median distance of
    frames."""
    steps = np.diff(motion.times_s)
    usual = float(np.median(steps)) if steps.size else 0.0
    return np.append(motion.times_s[1:], motion.times_s[-1] + (usual or 0.1))


def _plot_presence(axes: Axes, motion: Motion) -> None:
    rows: Mapping[str, tuple[npt.NDArray[np.bool_], str]] = {
        "unreadable": (~motion.decoded, FAULT),
        **{PART_TITLES[part]: (motion.found[part], COLOURS[part]) for part in _ROWS},
    }
    widths = _until(motion) - motion.times_s
    for height, (there, colour) in enumerate(rows.values()):
        bars = list(zip(motion.times_s[there], widths[there], strict=True))
        axes.broken_barh(bars, (height - 0.35, 0.7), facecolor=colour)
    axes.set_yticks(range(len(rows)), [f"{title}  {there.mean():4.0%}" for title, (there, _) in rows.items()])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.set_title("found, and in how many of the frames", loc="left")


def _plot_speed(axes: Axes, motion: Motion) -> None:
    for hand in HANDS:
        speed = motion.speed[hand]
        if np.isfinite(speed).any():  # with dots, because a frame between two gaps has no line
            axes.plot(motion.times_s, speed, ".-", color=COLOURS[hand], label=PART_TITLES[hand], markersize=4)
    if not axes.lines:
        axes.text(0.5, 0.5, "no hand was found in two frames in a row", ha="center", transform=axes.transAxes)
    axes.set_title("speed of the hands", loc="left")
    axes.set_ylabel(f"{motion.unit} / s")
    axes.set_xlabel("time since the start of the capture, s")
    axes.set_ylim(bottom=0)
