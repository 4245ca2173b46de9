"""Participants in train, validation and test: the rules, without files."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.errors import ConfigurationError
from scripts.exports.split import PARTS, SplitRequest, TooFewParticipants, divide

REQUEST = SplitRequest.parse("participant:80/10/10")

names = st.text("abcdefghij0123456789-_.", min_size=1, max_size=6)
counts = st.dictionaries(st.sampled_from(["", "wave", "more", "stop", "手話"]), st.integers(1, 40), min_size=1)
people = st.dictionaries(names, counts, min_size=3, max_size=25)
shares = st.tuples(st.integers(1, 98), st.integers(0, 99)).filter(lambda two: sum(two) <= 100 and two[0] < 100)
requests = st.builds(
    lambda two, seed: SplitRequest((two[0], two[1], 100 - sum(two)), seed), shares, st.integers(0, 2**63)
)


@given(people, requests)
def test_every_participant_is_in_exactly_one_part_and_no_part_is_empty(
    people: dict[str, dict[str, int]], request: SplitRequest
) -> None:
    where = divide(people, request)
    assert where.keys() == people.keys()
    assert set(where.values()) == set(request.parts)


@given(people, requests, st.randoms(use_true_random=False))
def test_the_order_of_people_and_of_labels_does_not_matter(people, request, chance) -> None:  # type: ignore[no-untyped-def]
    def shuffled(table):  # type: ignore[no-untyped-def]
        pairs = list(table.items())
        chance.shuffle(pairs)
        return dict(pairs)

    other = {name: shuffled(labels) for name, labels in shuffled(people).items()}
    assert divide(other, request) == divide(people, request)


def parts_of(people: dict[str, dict[str, int]], request: SplitRequest) -> dict[str, Counter[str]]:
    found = {part: Counter[str]() for part in request.parts}
    for name, part in divide(people, request).items():
        found[part].update(people[name])
    return found


def test_equal_people_are_divided_exactly_as_asked() -> None:
    people = {f"p{number}": {"wave": 3, "more": 2} for number in range(20)}
    assert Counter(divide(people, REQUEST).values()) == {"train": 16, "validation": 2, "test": 2}


def test_each_label_has_its_share_although_no_person_shows_all_of_them() -> None:
    labels = ["wave", "more", "stop", "eat"]
    people = {f"p{number:02}": {labels[number % 4]: 5} for number in range(40)}
    for seed in range(5):
        found = parts_of(people, SplitRequest((80, 10, 10), seed))
        assert {part: dict(counted) for part, counted in found.items()} == {
            "train": dict.fromkeys(labels, 40),
            "validation": dict.fromkeys(labels, 5),
            "test": dict.fromkeys(labels, 5),
        }


def test_people_of_any_size_give_each_part_about_its_share() -> None:
    people = {f"p{size}": {"wave": size, "more": 101 - size} for size in range(1, 101)}
    found = parts_of(people, SplitRequest((60, 20, 20), 7))
    for label in ("wave", "more"):
        assert [round(found[part][label] / 50.5) for part in PARTS] == [60, 20, 20]


def test_a_large_person_alone_does_not_leave_a_part_empty() -> None:
    assert set(divide({"big": {"wave": 10_000}, "a": {"wave": 1}, "b": {"wave": 1}}, REQUEST).values()) == set(PARTS)
    assert divide({"big": {"wave": 10_000}, "a": {"wave": 1}, "b": {"wave": 1}}, REQUEST)["big"] == "train"


def test_the_seed_chooses_among_splits_that_are_as_good() -> None:
    people = {f"p{number}": {"wave": 3} for number in range(20)}
    found = [divide(people, SplitRequest((80, 10, 10), seed)) for seed in range(10)]
    assert len({tuple(sorted(where.items())) for where in found}) > 1
    assert found[3] == divide(people, SplitRequest((80, 10, 10), 3))


def test_the_division_is_the_same_on_every_machine() -> None:
    people = {f"p{number}": {"wave": number + 1, "more": 3} for number in range(8)}
    where = divide(people, SplitRequest((50, 25, 25), 1))
    assert {part: sorted(name for name in where if where[name] == part) for part in PARTS} == {
        "train": ["p0", "p3", "p4", "p7"],
        "validation": ["p1", "p6"],
        "test": ["p2", "p5"],
    }


@pytest.mark.parametrize(
    ("people", "request_", "said"),
    [
        (2, REQUEST, "train and validation and test need at least 3 participants, one each; these captures show 2"),
        (1, SplitRequest.parse("participant:80/0/20"), "train and test need at least 2 participants, one each"),
        (0, REQUEST, "these captures show 0"),
    ],
)
def test_too_few_participants_is_an_error_that_says_how_many_are_needed(
    people: int, request_: SplitRequest, said: str
) -> None:
    with pytest.raises(TooFewParticipants, match=said):
        divide({f"p{number}": {"wave": 1} for number in range(people)}, request_)


def test_a_part_without_a_share_is_left_out() -> None:
    request = SplitRequest.parse("participant:75/0/25", 4)
    assert set(divide({f"p{number}": {"": 1} for number in range(8)}, request).values()) == {"train", "test"}
    assert str(request) == "participant:75/0/25" and request.shares == (75, 0, 25)
    assert SplitRequest.from_json(request.to_json()) == request


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("80/10/10", "participant:TRAIN/VALIDATION/TEST"),
        ("session:80/10/10", "participant:TRAIN/VALIDATION/TEST"),
        ("participant:80/20", "participant:TRAIN/VALIDATION/TEST"),
        ("participant:0.8/0.1/0.1", "participant:TRAIN/VALIDATION/TEST"),
        ("participant:80/10/-10", "participant:TRAIN/VALIDATION/TEST"),
        ("participant:٨٠/10/10", "participant:TRAIN/VALIDATION/TEST"),
        ("", "participant:TRAIN/VALIDATION/TEST"),
        ("participant:80/10/5", "95 in all, not 100"),
        ("participant:0/50/50", "train and at least one other part"),
        ("participant:100/0/0", "train and at least one other part"),
    ],
)
def test_an_option_that_is_no_split_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match="--split: ") as refused:
        SplitRequest.parse(text)
    assert said in str(refused.value)


def test_a_seed_needs_a_split() -> None:
    with pytest.raises(ConfigurationError, match="--seed"):
        SplitRequest.of(None, 1)
    assert SplitRequest.of(None, None) is None
    assert SplitRequest.of("participant:80/10/10", None) == REQUEST


@pytest.mark.parametrize(
    "document", [None, [], {}, {"by": "x", "seed": 1}, {"by": "participant:80/10/10", "seed": "1"}]
)
def test_a_damaged_split_is_a_value_error(document: object) -> None:
    with pytest.raises(ValueError):
        SplitRequest.from_json(document)
