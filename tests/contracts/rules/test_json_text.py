"""JSON as RFC 8259 has it: every valid document is read, and nothing else is."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.json_text import MAX_DEPTH, load_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.booleans())
def test_a_document_reads_back_as_it_was_written(value: Any, ascii_only: bool) -> None:
    assert load_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", math.inf), ("-1e400", -math.inf), ("1e-400", 0.0), ("-0", 0), ("-0.0", 0.0), ("1E+2", 100.0),
        ("123456789012345678", 123456789012345678), ("1" + "0" * 30, 1e30), ("-" + "9" * 18, -1e18),
        ("9" * 5000, math.inf),
        ('"\\ud800"', "\ud800"), ('"\\ud83d\\ude00"', "\U0001f600"), ('"\\u0000"', "\0"), ('"\x7f"', "\x7f"),
        (' \t\r\n{"a" : [ ] }\n', {"a": []}), ("null", None), ('""', ""), ('{"a":1,"a":2}', {"a": 2}),
    ],
)  # fmt: skip
def test_every_valid_document_is_read(text: str, value: Any) -> None:
    assert load_json(text) == value


@pytest.mark.parametrize("text", ["1" * 18, "-" + "1" * 17])
def test_an_integer_of_up_to_eighteen_characters_is_exact(text: str) -> None:
    value = load_json(text)
    assert type(value) is int
    assert str(value) == text


@pytest.mark.parametrize("text", ["1" * 19, "1" * (sys.get_int_max_str_digits() + 1)])
def test_a_longer_integer_costs_no_more_than_a_float(text: str) -> None:
    assert type(load_json(text)) is float


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "NaN", "Infinity", "-Infinity", "[NaN]", '{"a":-Infinity}', "nan", "undefined", "True", "None",
        "01", "-", "+1", ".5", "1.", "1e", "0x10", "1_000", "١",
        "'a'", '"a', '"\n"', '"\t"', '"\x00"', '"\\x41"', '"\\u12"', '"\\a"',
        "[1,]", "[,1]", '{"a":1,}', "{a:1}", '{"a"}', '{"a":1 "b":2}', "[1 2]", "{1:2}", "[", "{", "]", "1 2", "{}{}",
        "/* c */ 1", "1 // c", "\ufeff1", "\xa01", "\u20281",
    ],
)  # fmt: skip
def test_a_text_that_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        load_json(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("closed", [True, False])
def test_nesting_without_end_is_a_value_error_and_no_crash(opening: str, closing: str, closed: bool) -> None:
    with pytest.raises(ValueError, match="nested"):
        load_json(opening * 100_000 + ("1" + closing * 100_000 if closed else ""))


def test_the_error_says_where_and_never_quotes_the_text() -> None:
    with pytest.raises(ValueError) as caught:
        load_json('{"secret": word}')
    assert "at character 11" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_pairs_of_an_object_can_be_seen_in_order_and_repeated() -> None:
    assert load_json('{"b":{"c":1},"a":2,"b":3}', list) == [("b", [("c", 1)]), ("a", 2), ("b", 3)]


def test_an_error_of_the_hook_is_raised() -> None:
    def refuse(pairs: list[tuple[str, Any]]) -> None:
        raise ValueError("twice")

    with pytest.raises(ValueError, match="twice"):
        load_json("{}", refuse)


def nested(depth: int, opening: str, closing: str, last: str) -> str:
    return opening * (depth - 1) + last + closing * (depth - 1)


@pytest.mark.parametrize(("opening", "closing", "last"), [("[", "]", "[]"), ('{"a":', "}", "{}"), ("[1,", "]", "[2]")])
def test_as_many_levels_are_read_on_every_python_and_no_more(opening: str, closing: str, last: str) -> None:
    assert load_json(nested(MAX_DEPTH, opening, closing, last))
    for depth in (MAX_DEPTH + 1, 950, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            load_json(nested(depth, opening, closing, last))


def test_many_lists_side_by_side_are_not_deep() -> None:
    assert load_json("[" + "[[]]," * 10_000 + "0]")[-1] == 0
