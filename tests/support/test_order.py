"""Long tests begin each share, and those that share a fixture stay together."""

from __future__ import annotations

import pytest

from tests.support.order import spread


def is_long(name: str) -> bool:
    return name.isupper()


def test_each_share_begins_with_its_part_of_the_long_ones() -> None:
    assert "".join(spread("ABCabcdefghi", is_long, str, 3)) == "AabcBdefCghi"


def test_a_unit_is_in_one_share() -> None:
    assert "".join(spread("AABBCCabcdef", is_long, str, 2)) == "AACCabBBcdef"


def test_a_unit_is_in_one_share_although_others_are_between_its_parts() -> None:
    assert "".join(spread("ABACabc", is_long, str, 2)) == "AACBabc"


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("items", ["", "A", "ABC", "ab", "ABCDEFa"])
def test_every_item_is_there_once(items: str, workers: int) -> None:
    assert sorted(spread(items, is_long, str, workers)) == sorted(items)
