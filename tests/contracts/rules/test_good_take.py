"""Which takes of a study are good: every part of the rule, on any quality that an event may have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.messages.quality import Quality
from contracts.rules.good_take import NO_QUALITY, QUALITY_NUMBERS, GoodTake
from tests.contracts.storage.session_lines import quality

STILL = quality("check", "hands_still")
NO_HAND = quality("poor", "no_hand", "hands_still")

CASES: list[tuple[dict[str, Any], dict[str, Any] | None, list[str]]] = [
    ({}, quality(), []),
    ({}, STILL, ["hands_still"]),
    ({}, NO_HAND, ["no_hand", "hands_still"]),
    ({}, None, [NO_QUALITY]),
    ({}, quality("check"), ["check"]),
    ({}, {"verdict": "superb", "reasons": []}, ["superb"]),
    ({}, {}, ["None"]),
    ({"worst_verdict": "check"}, STILL, []),
    ({"worst_verdict": "check"}, NO_HAND, ["no_hand"]),
    ({"worst_verdict": "check"}, quality("poor", "of_a_later_version"), ["of_a_later_version"]),
    ({"worst_verdict": "check"}, quality("check", "of_a_later_version"), []),
    ({"worst_verdict": "poor"}, NO_HAND, []),
    ({"ignore": ["hands_still"]}, STILL, []),
    ({"ignore": ["hands_still"]}, NO_HAND, ["no_hand"]),
    ({"ignore": ["no_hand", "hands_still"]}, NO_HAND, []),
    ({"at_least": {"found.any_hand": 0.3333}}, quality(), []),
    ({"at_least": {"found": {"any_hand": 0.34}}}, quality(), ["found.any_hand"]),
    ({"at_most": {"longest_time_gap_ms": 65}}, quality(), ["longest_time_gap_ms"]),
    ({"at_most": {"longest_time_gap_ms": 66, "moved": {"left_hand": 1}}}, quality(), []),
    ({"at_least": {"fps": 1}, "at_most": {"fps": 99}}, quality(), ["fps"]),  # the quality has no such number
    ({"at_least": {"time_gaps": 0}}, quality() | {"time_gaps": True}, ["time_gaps"]),
    ({"at_least": {"time_gaps": 0}}, quality() | {"time_gaps": float("nan")}, ["time_gaps"]),
    ({"at_least": {"found.face": 1}, "ignore": ["no_hand"]}, NO_HAND | {"found": 5}, ["hands_still", "found.face"]),
]


@pytest.mark.parametrize(("rule", "of_take", "faults"), CASES)
def test_a_take_lacks_what_the_rule_asks_for(
    rule: dict[str, Any], of_take: dict[str, Any] | None, faults: list[str]
) -> None:
    assert list(GoodTake.model_validate(rule).faults(of_take)) == faults


def test_the_numbers_are_those_of_a_quality() -> None:
    numbers = Quality.model_validate({**quality(), "fps": 15.0}).model_dump(exclude={"verdict", "reasons", "rules"})
    nested = {name: list(value) if isinstance(value, dict) else None for name, value in numbers.items()}
    paths = [f"{name}.{inner}" for name, inners in nested.items() for inner in inners or ()]
    assert sorted(QUALITY_NUMBERS) == sorted(paths + [name for name, inners in nested.items() if inners is None])


@pytest.mark.parametrize(
    "rule",
    [
        {"worst_verdict": "fine"}, {"ignore": ["no_such_reason"]}, {"at_least": {"found.nose": 1}}, {"at_least": 5},
        {"at_most": {"fps": -1}}, {"at_most": {"fps": float("inf")}}, {"at_most": {"fps": "8"}}, {"more": 1},
    ],
)  # fmt: skip
def test_a_rule_of_another_form_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GoodTake.model_validate(rule)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["verdict", "reasons", "found", "moved", "fps"])


@given(st.dictionaries(NAMES, ANYTHING))
def test_whatever_an_event_says_the_rule_has_an_answer(of_take: dict[str, Any]) -> None:
    rule = GoodTake(at_least={"found.face": 0.1}, at_most={"moved.left_hand": 2, "fps": 60})
    assert all(isinstance(fault, str) for fault in rule.faults(of_take))
