"""What a study asks of a participant: the order of the prompts, and what is left of them."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.study_plan import plan, remaining

PROMPTS = ["a", "b", "c", "d", "e"]


def test_a_given_order_is_that_of_the_file_in_each_round() -> None:
    assert plan("s", "p1", PROMPTS, 2, "given") == PROMPTS * 2


def test_a_shuffled_order_is_the_same_for_one_participant_and_another_one_for_others() -> None:
    orders = {tuple(plan("s", f"p{number}", PROMPTS, 3, "shuffled")) for number in range(20)}
    assert len(orders) == 20
    assert plan("s", "p1", PROMPTS, 3, "shuffled") == plan("s", "p1", PROMPTS, 3, "shuffled")
    assert plan("s", "p1", PROMPTS, 3, "shuffled") != plan("t", "p1", PROMPTS, 3, "shuffled")


def test_the_order_is_the_same_on_every_machine_and_in_every_version() -> None:
    order = plan("daily-care", "p07", ["drink", "eat", "pain", "stop"], 2, "shuffled")
    assert order == ["drink", "pain", "stop", "eat", "drink", "eat", "stop", "pain"]


@given(st.lists(st.sampled_from(PROMPTS), unique=True, min_size=1), st.integers(1, 5), st.text(max_size=5))
def test_each_round_of_a_shuffled_study_has_every_prompt_once(prompts: list[str], rounds: int, code: str) -> None:
    order = plan("s", code, prompts, rounds, "shuffled")
    for start in range(0, len(order), len(prompts)):
        assert sorted(order[start : start + len(prompts)]) == sorted(prompts)


def test_a_prompt_that_is_added_later_does_not_change_the_order_of_the_others() -> None:
    before, after = plan("s", "p", PROMPTS, 3, "shuffled"), plan("s", "p", [*PROMPTS, "new"], 3, "shuffled")
    assert [prompt for prompt in after if prompt != "new"] == before


@given(st.lists(st.sampled_from(PROMPTS)), st.dictionaries(st.sampled_from([*PROMPTS, "x"]), st.integers(0, 9)))
def test_what_is_left_is_each_prompt_less_its_kept_takes_in_the_same_order(
    planned: list[str], kept: dict[str, int]
) -> None:
    left = remaining(planned, kept)
    wanted = Counter(planned)
    assert Counter(left) == Counter({name: max(0, count - kept.get(name, 0)) for name, count in wanted.items()})
    places = iter(planned)
    assert all(prompt in places for prompt in left), "a subsequence"
    assert not kept or remaining(planned, {}) == planned


def test_a_take_that_was_not_kept_comes_again_before_the_next_round() -> None:
    assert remaining(["a", "b", "a", "b"], {"b": 1}) == ["a", "a", "b"]
