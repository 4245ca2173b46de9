"""Generated clips of a person with hands: what is in the pictures, without MediaPipe."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
import simplejpeg

from scripts.clips import drawn_hand, hands
from scripts.clips.hands import LOOP_S, SCENES, HandsSource, Scene

SIZE = (320, 240)
MIDDLE = LOOP_S * 15 // 2
"""The frame in the middle of a loop, in which the hand that leaves is out of the picture."""

every_scene = pytest.mark.parametrize("scene", SCENES)


def source(scene: Scene, mirrored: bool = False) -> HandsSource:
    return HandsSource(scene, duration_s=1, size=SIZE, mirrored=mirrored)


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hands, "_with_noise", lambda picture, _index: picture)
    return


@every_scene
def test_it_is_the_same_every_time_and_no_frame_is_that_before(scene: Scene) -> None:
    first = list(source(scene).frames())
    for cached in (hands._portrait, hands._noise, drawn_hand.right_hand):
        cached.cache_clear()
    assert list(source(scene).frames()) == first
    assert len({frame.jpeg for frame in first}) == 15


def test_its_frames_are_15_a_second_and_of_the_size_asked_for() -> None:
    frames = list(source("two_hands").frames())
    assert [frame.offset_ms for frame in frames[:4]] == [0, 67, 133, 200]
    assert simplejpeg.decode_jpeg_header(frames[0].jpeg)[:2] == (240, 320)
    assert (source("two_hands").width, source("two_hands").height) == SIZE


@pytest.mark.usefixtures("no_noise")
def test_the_scenes_differ_in_the_hands_that_are_in_the_picture() -> None:
    """Without hands, with the right one at the left, and with both."""
    pictures = {scene: source(scene).picture(MIDDLE).astype(int) for scene in SCENES}
    for one, other in combinations(("two_hands", "one_hand", "no_hand"), 2):
        assert (pictures[one] != pictures[other]).any()
    columns = np.flatnonzero((pictures["one_hand"] != pictures["no_hand"]).any(axis=(0, 2)))
    assert columns.max() < 160, "the right hand of a person who faces the camera"
    assert np.array_equal(pictures["hand_leaves"], pictures["one_hand"]), "the left hand is out of the picture"


@pytest.mark.usefixtures("no_noise")
def test_a_hand_is_out_of_the_picture_for_a_third_of_the_time() -> None:
    leaves, one = source("hand_leaves"), source("one_hand")
    out = [index for index in range(LOOP_S * 15) if np.array_equal(leaves.picture(index), one.picture(index))]
    assert out == list(range(out[0], out[-1] + 1))
    assert LOOP_S * 5 <= len(out) <= LOOP_S * 5 + 8, "a part of the way counts too"


@pytest.mark.usefixtures("no_noise")
def test_hands_that_rest_do_not_move_and_their_frames_differ_by_noise_alone() -> None:
    still = source("still_hands")
    assert np.array_equal(still.picture(0), still.picture(7))


def test_noise_changes_a_pixel_a_little() -> None:
    flat = np.full((240, 320, 3), 128, np.uint8)
    noisy = hands._with_noise(flat, 3).astype(int)
    assert 0 < np.abs(noisy - 128).max() <= hands._NOISE
    assert abs(noisy.mean() - 128) < 0.1


@pytest.mark.usefixtures("no_noise")
def test_a_mirrored_clip_is_the_other_one_seen_in_a_mirror() -> None:
    assert np.array_equal(source("one_hand", mirrored=True).picture(3), source("one_hand").picture(3)[:, ::-1])
