"""The plot: its lines, their places and colours, and the same bytes each time."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from contracts.rules.landmarks import PART_NAMES
from scripts.pictures.motion import Motion
from scripts.pictures.plot import motion_plot
from tests.support.later import Later

matplotlib = Later("matplotlib")

BODY, LEFT, FAULT = (255, 209, 102), (76, 201, 240), (255, 138, 112)
FRAMES = 10


def motion(**changed: object) -> Motion:
    """Ten frames of 0.1 s each in which nothing was found."""
    nothing = Motion(
        times_s=np.arange(FRAMES) / 10,
        found={part: np.zeros(FRAMES, bool) for part in PART_NAMES},
        decoded=np.ones(FRAMES, bool),
        restarts_s=(),
        speed={"left_hand": np.full(FRAMES, np.nan), "right_hand": np.full(FRAMES, np.nan)},
        unit="shoulder widths",
    )
    return replace(nothing, **changed)  # type: ignore[arg-type]


def columns(image: Image.Image, colour: tuple[int, int, int]) -> list[int]:
    """The columns of the picture in which a colour occurs, right of the axes' labels."""
    pixels = np.asarray(image.convert("RGB"))
    there = (pixels == colour).all(axis=2).any(axis=0).nonzero()[0]
    return [int(column) for column in there]


def drawn(given: Motion) -> Image.Image:
    return Image.open(io.BytesIO(motion_plot(given)))


def test_a_part_is_shown_while_it_was_found() -> None:
    found = {part: np.zeros(FRAMES, bool) for part in PART_NAMES}
    found["pose"][5:] = True
    image = drawn(motion(found=found))
    assert image.size == (1000, 500)
    there = columns(image, BODY)
    assert max(there) > 970, "to the end"
    assert 500 < min(there) < 600, "from the half, the labels being at the left"
    assert len(there) == max(there) - min(there) + 1
    assert columns(drawn(motion()), BODY) == []


def test_a_hand_has_its_line_and_a_plot_without_hands_says_so() -> None:
    speed = {"left_hand": np.linspace(0, 2, FRAMES), "right_hand": np.full(FRAMES, np.nan)}
    assert len(columns(drawn(motion(speed=speed)), LEFT)) > 500
    assert columns(drawn(motion()), LEFT) == []


def test_unreadable_frames_and_restarts_are_marked() -> None:
    assert columns(drawn(motion()), FAULT) == []
    unreadable = np.ones(FRAMES, bool)
    unreadable[0] = False
    assert max(columns(drawn(motion(decoded=unreadable)), FAULT)) < 300
    anew = drawn(motion(restarts_s=(0.9,)))
    for half in (anew.crop((0, 0, 1000, 180)), anew.crop((0, 240, 1000, 500))):
        assert any(850 < column < 950 for column in columns(half, FAULT))


def test_the_same_motion_is_the_same_bytes_whatever_the_settings_of_matplotlib() -> None:
    given = motion(speed={"left_hand": np.ones(FRAMES), "right_hand": np.ones(FRAMES)})
    first = motion_plot(given)
    with matplotlib.rc_context({"axes.facecolor": "red", "savefig.dpi": 50}):
        assert motion_plot(given) == first
    assert Image.open(io.BytesIO(first)).info.keys() <= {"dpi"}


@pytest.mark.parametrize("times_s", [[0.0], [0.0, 0.0], [5.0, 5.0]])
def test_captures_without_duration_are_plotted(times_s: list[float]) -> None:
    count = len(times_s)
    assert motion_plot(
        motion(
            times_s=np.array(times_s),
            found={part: np.ones(count, bool) for part in PART_NAMES},
            decoded=np.ones(count, bool),
            speed={"left_hand": np.full(count, np.nan), "right_hand": np.full(count, np.nan)},
        )
    )
