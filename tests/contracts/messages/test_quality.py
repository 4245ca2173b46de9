"""The quality object: a function of the arrays, the same in JSON, and compared field by field."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.messages.event import FeatureRefEvent
from contracts.messages.quality import Quality, quality_differences
from contracts.rules.landmarks import PART_NAMES
from contracts.state.events import event_bytes
from tests.contracts.matrices import PARTS, Arrays, arrays, in_frames, within
from tests.contracts.samples import feature_ref

TYPICAL = arrays(30, left=within(3, 12), undecoded=[29])
SAID: dict[str, Any] = {
    "verdict": "check",
    "reasons": ["left_hand_mostly_out"],
    "rules": "quality_v1",
    "found": {"pose": 0.9667, "left_hand": 0.3333, "right_hand": 0.9667, "face": 0.9667, "any_hand": 0.9667},
    "longest_gap_ms": {"left_hand": 0, "right_hand": 0},
    "outside": {"left_hand": 0.0, "right_hand": 0.0},
    "moved": {"left_hand": 0.25, "right_hand": 0.25},
    "fps": 14.9254,
    "time_gaps": 0,
    "longest_time_gap_ms": 67,
    "undecoded_frames": 1,
}
"""What the event says of `TYPICAL`."""


@st.composite
def any_arrays(draw: st.DrawFn) -> Arrays:
    """Arrays of a few frames, with parts that come and go, and with coordinates of any float32."""
    frames = draw(st.integers(1, 6))
    seen = {name: draw(st.lists(st.booleans(), min_size=frames, max_size=frames)) for name in PART_NAMES}
    wide = draw(st.sampled_from([0.0, 0.7, 1e30]))
    made = arrays(frames, left=lambda frame: (0.5, 0.5), right=lambda frame: (0.5, 0.5))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).uniform(-wide, wide, made.features.shape)
    made.features[:] += noise.astype("<f4")
    for name, part in PARTS.items():
        made.features[~np.array(seen[name]), part.columns] = np.nan
    steps = draw(st.lists(st.integers(0, 700), min_size=frames - 1, max_size=frames - 1))
    return Arrays(made.features, [0, *itertools.accumulate(steps)], made.decoded)


def test_the_event_says_verdict_reasons_rules_and_numbers() -> None:
    assert orjson.loads(TYPICAL.quality().model_dump_json()) == SAID


def test_a_good_capture_has_no_reason() -> None:
    quality = arrays().quality()
    assert (quality.verdict, quality.reasons) == ("good", [])


@settings(max_examples=50, deadline=None)
@given(any_arrays())
def test_it_is_a_function_of_the_arrays(given: Arrays) -> None:
    first = given.quality()
    view = Quality.of(
        given.features.copy().data.cast("B"), tuple(given.timestamps_ms), np.array(given.decoded).tolist()
    )
    assert view == first
    assert view.model_dump_json() == first.model_dump_json()


@settings(max_examples=50, deadline=None)
@given(any_arrays())
def test_it_is_the_same_after_a_way_through_json(given: Arrays) -> None:
    quality = given.quality()
    for text in (quality.model_dump_json(), orjson.dumps(orjson.loads(quality.model_dump_json()))):
        assert Quality.model_validate_json(text) == quality
        assert not quality_differences(Quality.model_validate_json(text), quality)


@settings(max_examples=50, deadline=None)
@given(any_arrays(), st.randoms())
def test_shares_and_movement_do_not_depend_on_the_order_of_the_frames(given: Arrays, random: Any) -> None:
    order = list(range(len(given.decoded)))
    random.shuffle(order)
    mixed = Arrays(given.features[order], given.timestamps_ms, given.decoded).quality()
    quality = given.quality()
    assert (mixed.found, mixed.outside, mixed.moved) == (quality.found, quality.outside, quality.moved)


@settings(max_examples=50, deadline=None)
@given(any_arrays())
def test_left_and_right_are_treated_alike(given: Arrays) -> None:
    left, right = PARTS["left_hand"].columns, PARTS["right_hand"].columns
    mirrored = given.features.copy()
    mirrored[:, left], mirrored[:, right] = given.features[:, right], given.features[:, left]
    quality, other = given.quality(), Arrays(mirrored, given.timestamps_ms, given.decoded).quality()
    assert other.verdict == quality.verdict
    swapped = {"left": "right", "right": "left"}
    assert {reason.replace((side := reason.split("_")[0]), swapped.get(side, side)) for reason in other.reasons} == set(
        quality.reasons
    )
    for name in ("found", "longest_gap_ms", "outside", "moved"):
        assert getattr(other, name).left_hand == getattr(quality, name).right_hand


@settings(max_examples=50, deadline=None)
@given(any_arrays())
def test_the_numbers_are_those_that_numpy_finds(given: Arrays) -> None:
    quality, frames = given.quality(), len(given.decoded)
    for name, part in PARTS.items():
        columns = given.features[:, part.columns]
        seen = ~np.isnan(columns).all(axis=1)
        assert getattr(quality.found, name) == round(int(seen.sum()) / frames, 4)
        if name in ("left_hand", "right_hand") and seen.any():
            points = columns[seen].reshape(-1, 21, 3)[:, :, :2].astype(float)
            assert getattr(quality.outside, name) == round(float(((points < 0) | (points > 1)).any(axis=2).mean()), 4)
            assert getattr(quality.moved, name) == round(float(np.ptp(points, axis=0).max()), 4)


FIELDS = [
    ("verdict", "poor"),
    ("reasons", []),
    *((f"found.{name}", 0.5) for name in SAID["found"]),
    *((f"longest_gap_ms.{hand}", 134) for hand in ("left_hand", "right_hand")),
    *((f"{name}.{hand}", 0.5) for name in ("outside", "moved") for hand in ("left_hand", "right_hand")),
    ("fps", 8.5),
    ("time_gaps", 3),
    ("longest_time_gap_ms", 68),
    ("undecoded_frames", 0),
]


def test_every_field_is_compared() -> None:
    inner = {name: value for name, value in SAID.items() if isinstance(value, dict)}
    leaves = {f"{name}.{key}" for name, value in inner.items() for key in value} | (SAID.keys() - inner.keys())
    assert {name for name, _ in FIELDS} == leaves - {"rules"}


@pytest.mark.parametrize(("name", "value"), FIELDS)
def test_the_field_that_differs_is_named(name: str, value: Any) -> None:
    said = orjson.loads(orjson.dumps(SAID))
    *way, last = name.split(".")
    place = said[way[0]] if way else said
    place[last], before = value, place[last]
    (difference,) = quality_differences(Quality.model_validate_json(orjson.dumps(said)), TYPICAL.quality())
    assert difference == f"quality.{name} is {value} in the event, {before} in the artifact"


def test_numbers_of_other_rules_are_not_compared() -> None:
    said = Quality.model_validate_json(orjson.dumps({**SAID, "rules": "quality_v0", "time_gaps": 9}))
    assert quality_differences(said, TYPICAL.quality()) == ()


def test_numbers_that_a_later_version_added_are_kept_and_not_compared() -> None:
    later = {**SAID, "blur": 0.5, "found": {**SAID["found"], "torso": 1.0}}
    said = Quality.model_validate_json(orjson.dumps(later))
    assert orjson.loads(said.model_dump_json()) == later
    assert quality_differences(said, TYPICAL.quality()) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "fine"},
        {"verdict": None},
        {"reasons": "no_hand"},
        {"reasons": ["No hand!"]},
        {"rules": ""},
        {"found": {}},
        {"found": {**SAID["found"], "pose": 1.1}},
        {"found": {**SAID["found"], "pose": "1"}},
        {"longest_gap_ms": {"left_hand": -1, "right_hand": 0}},
        {"longest_gap_ms": {"left_hand": 0.5, "right_hand": 0}},
        {"outside": {"left_hand": 1.1, "right_hand": 0}},
        {"moved": {"left_hand": -0.1, "right_hand": 0}},
        {"fps": -1.0},
        {"time_gaps": True},
        {"undecoded_frames": -1},
    ],
)
def test_what_is_no_quality_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Quality.model_validate_json(orjson.dumps({**SAID, **change}))


# --- in the event ----------------------------------------------------------------------------------------------------


def test_an_event_of_an_older_version_has_none() -> None:
    old = orjson.dumps(feature_ref())
    event = FeatureRefEvent.model_validate_json(old)
    assert event.quality is None
    assert b"quality" not in event_bytes(event)


def test_an_event_keeps_its_quality_at_its_end() -> None:
    event = FeatureRefEvent.model_validate_json(orjson.dumps({**feature_ref(), "quality": SAID}))
    assert event.quality == TYPICAL.quality()
    document = orjson.loads(event_bytes(event))
    assert list(document)[-1] == "quality"
    assert document["quality"] == SAID


def test_a_hand_that_flickers_is_no_reason_if_the_other_one_signs() -> None:
    flickering = in_frames(lambda frame: frame % 5 == 0, lambda frame: (0.4, 0.85))
    assert arrays(left=flickering).quality().verdict == "good"
