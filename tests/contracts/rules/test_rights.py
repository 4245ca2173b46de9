"""What each role allows, and which token belongs to which entry."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from contracts.rules.rights import AccessEntry, Ownership, Right, Role, Verdict, find_entry, hash_token, may

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ANA = AccessEntry("ana-phone", "record", frozenset({"ana", "ben"}), NOW, hash_token("a3cp_one"))
LAB = AccessEntry("lab", "review", token_hash=hash_token("a3cp_two"))

TABLE: dict[tuple[Role, Right], tuple[Verdict, Verdict, Verdict]] = {
    # own, another's, none
    ("record", "sign_in"): ("allowed", "hidden", "allowed"),
    ("record", "record"): ("allowed", "hidden", "allowed"),
    ("record", "see"): ("allowed", "hidden", "allowed"),
    ("record", "review"): ("allowed", "hidden", "allowed"),
    ("record", "correct"): ("forbidden", "forbidden", "forbidden"),
    ("record", "withdraw"): ("allowed", "hidden", "allowed"),
    ("record", "operate"): ("forbidden", "forbidden", "forbidden"),
    ("review", "sign_in"): ("allowed", "allowed", "allowed"),
    ("review", "record"): ("forbidden", "forbidden", "forbidden"),
    ("review", "see"): ("allowed", "allowed", "allowed"),
    ("review", "review"): ("allowed", "allowed", "allowed"),
    ("review", "correct"): ("allowed", "allowed", "allowed"),
    ("review", "withdraw"): ("forbidden", "forbidden", "forbidden"),
    ("review", "operate"): ("forbidden", "forbidden", "forbidden"),
    **{("operate", right): ("allowed", "allowed", "allowed") for right in get_args(Right)},
}


def test_the_table_of_roles_and_rights() -> None:
    assert {(role, right) for role in get_args(Role) for right in get_args(Right)} == TABLE.keys()
    for (role, right), verdicts in TABLE.items():
        entry = AccessEntry("x", role)
        assert tuple(may(entry, right, ownership) for ownership in get_args(Ownership)) == verdicts, (role, right)


def test_only_a_recorder_is_limited_to_people() -> None:
    assert (ANA.covers("ana"), ANA.covers("cleo"), ANA.own_people) == (True, False, {"ana", "ben"})
    assert (LAB.covers("cleo"), LAB.own_people) == (True, None)


def test_a_token_expires_at_its_time() -> None:
    assert (ANA.is_expired(NOW), ANA.is_expired(NOW - timedelta(seconds=1)), LAB.is_expired(NOW)) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("token", "name"), [("a3cp_one", "ana-phone"), ("a3cp_two", "lab"), ("a3cp_", None), ("", None)]
)
def test_an_entry_is_found_by_its_token(token: str, name: str | None) -> None:
    found = find_entry([ANA, LAB], token)
    assert (found.name if found else None) == name


def test_every_hash_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def compare(ours: bytes, theirs: bytes) -> bool:
        nonlocal compared
        compared += 1
        return ours == theirs

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token in ("a3cp_one", "a3cp_two", "wrong"):
        compared = 0
        find_entry([ANA, LAB], token)
        assert compared == 2


def test_an_entry_that_lost_something_does_not_allow_all_of_before() -> None:
    more = AccessEntry("ana-phone", "record", frozenset({"ana", "ben", "cleo"}), NOW, ANA.token_hash)
    fewer = AccessEntry("ana-phone", "record", frozenset({"ana"}), NOW, ANA.token_hash)
    other = AccessEntry("ana-phone", "record", ANA.user_ids, NOW, hash_token("a3cp_new"))
    assert more.allows_all_of(ANA)
    assert not fewer.allows_all_of(ANA) and not other.allows_all_of(ANA)


def test_no_hash_is_in_the_text_of_an_entry() -> None:
    assert "sha256" not in repr(ANA)
