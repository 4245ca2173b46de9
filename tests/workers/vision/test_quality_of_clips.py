"""The quality of clips whose hands are known, with real MediaPipe: the verdicts and thresholds hold for its landmarks.

The numbers are ranges: other processors give other last bits. Those that were measured are in workers/README.md.
"""

from __future__ import annotations

from contextlib import closing
from functools import cache

import pytest

from contracts.messages.quality import Quality
from scripts.clips.hands import LOOP_S, SCENES, HandsSource, Scene
from tests.support.later import Later
from workers.vision.matrix import features_row

holistic = Later("workers.vision.pipelines.holistic")

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

WHOLE_LOOP: set[Scene] = {"hand_leaves", "hands_cut_off"}


@cache
def quality(scene: Scene) -> Quality:
    clip = HandsSource(scene, duration_s=LOOP_S if scene in WHOLE_LOOP else LOOP_S / 2, size=(320, 240))
    with closing(holistic.create()) as pipeline:
        rows = [features_row(pipeline.process(clip.picture(index)).landmarks) for index in range(clip.expected_frames)]
    times_ms = [round(1000 * index / clip.fps_target) for index in range(len(rows))]
    return Quality.of(b"".join(rows), times_ms, [True] * len(rows))


@pytest.mark.parametrize(
    ("scene", "verdict", "reasons"),
    [
        ("two_hands", "good", set()),
        ("one_hand", "good", set()),
        ("no_hand", "poor", {"no_hand"}),
        ("hand_leaves", "check", {"left_hand_lost"}),
        ("still_hands", "check", {"hands_still"}),
    ],
)
def test_a_clip_has_the_verdict_that_a_person_would_give(scene: Scene, verdict: str, reasons: set[str]) -> None:
    assert (quality(scene).verdict, set(quality(scene).reasons)) == (verdict, reasons)


def test_hands_that_the_lower_edge_cuts_off_are_to_be_checked() -> None:
    """Whether such a hand is also lost for half a second is MediaPipe's guess."""
    said = quality("hands_cut_off")
    assert said.verdict == "check"
    assert {"left_hand_cut_off", "right_hand_cut_off"} <= set(said.reasons)
    assert set(said.reasons) <= {
        f"{side}_hand_{what}" for side in ("left", "right") for what in ("cut_off", "lost", "mostly_out")
    }


def test_hands_are_found_whenever_they_are_in_the_picture() -> None:
    assert quality("two_hands").found.left_hand > 0.95 < quality("two_hands").found.right_hand
    assert quality("one_hand").found.right_hand > 0.95
    assert quality("one_hand").found.left_hand == quality("no_hand").found.any_hand == 0
    assert 0.5 < quality("hand_leaves").found.left_hand < 0.67


def test_resting_and_moving_hands_are_far_from_the_threshold_between_them() -> None:
    still, moving = quality("still_hands").moved, quality("two_hands").moved
    assert max(still.left_hand, still.right_hand) < 0.015
    assert min(moving.left_hand, moving.right_hand) > 0.09


def test_only_hands_at_the_edge_have_landmarks_outside() -> None:
    for scene in SCENES:
        outside = quality(scene).outside
        if scene == "hands_cut_off":
            assert min(outside.left_hand, outside.right_hand) > 0.1
        else:
            assert max(outside.left_hand, outside.right_hand) < 0.05, scene
