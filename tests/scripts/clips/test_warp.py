"""A layer is drawn where its map says, with linear interpolation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scripts.clips.warp import Affine, warped

ROWS = np.arange(60, dtype=np.uint8).reshape(6, 10)


def affine(*rows: tuple[float, float, float]) -> Affine:
    return np.array(rows, np.float64)


@pytest.mark.parametrize("rows", [((1, 0, 0), (0, 1, 0)), ((1, 0, 0), (0, 1, 0), (0, 0, 1))])
def test_a_map_that_moves_nothing_changes_no_pixel(rows: tuple[tuple[float, float, float], ...]) -> None:
    assert np.array_equal(warped(ROWS, affine(*rows), (10, 6), 0), ROWS)


def test_whole_steps_move_whole_pixels_and_the_rest_is_the_outside() -> None:
    frame = warped(ROWS, affine((1, 0, 3), (0, 1, -1)), (12, 6), 255)
    assert np.array_equal(frame[:5, 3:12], ROWS[1:, :9])
    assert (frame[5] == 255).all() and (frame[:, :3] == 255).all()


def test_between_two_pixels_it_is_between_their_values() -> None:
    layer = np.array([[0, 100, 200]], np.uint8)
    assert warped(layer, affine((1, 0, 0.5), (0, 1, 0)), (3, 1), 0).tolist() == [[0, 50, 150]]
    assert warped(layer, affine((2, 0, 0), (0, 1, 0)), (5, 1), 0).tolist() == [[0, 50, 100, 150, 200]]


def test_a_quarter_turn_is_about_the_middle_of_the_first_pixel() -> None:
    cos, sin = math.cos(math.pi / 2), math.sin(math.pi / 2)
    turned = warped(ROWS, affine((cos, -sin, 5), (sin, cos, 0)), (6, 10), 0)
    assert np.array_equal(turned, np.rot90(ROWS, -1))


def test_colours_are_kept_apart() -> None:
    layer = np.stack([ROWS, ROWS + 1, ROWS + 2], axis=2)
    frame = warped(layer, affine((1, 0, 1), (0, 1, 0)), (10, 6), (7, 8, 9))
    assert frame[:, 0].tolist() == [[7, 8, 9]] * 6
    assert np.array_equal(frame[:, 1:], layer[:, :9])
