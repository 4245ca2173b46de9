"""Which values of ``traceparent`` are taken as a parent (W3C Trace Context, 3.2.2)."""

from __future__ import annotations

import pytest

from contracts.rules.traceparent import MAX_LENGTH, read_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_a_valid_value_is_taken_as_text_or_as_bytes(flags: str) -> None:
    value = f"00-{TRACE}-{SPAN}-{flags}"
    assert read_traceparent(value) == value == read_traceparent(value.encode())


def test_of_a_later_version_the_part_that_is_known_is_taken() -> None:
    assert read_traceparent(f"cc-{TRACE}-{SPAN}-01-what-comes-later") == f"cc-{TRACE}-{SPAN}-01"
    assert read_traceparent(f"cc-{TRACE}-{SPAN}-01") == f"cc-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        b"\xff\xfe",
        "é" * 55,
        VALID.upper(),
        VALID + "\n",
        VALID + "-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"cc-{TRACE}-{SPAN}-01-" + "x" * MAX_LENGTH,
    ],
)
def test_any_other_value_is_none(value: str | bytes | None) -> None:
    assert read_traceparent(value) == ""
