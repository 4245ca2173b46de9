"""Each value of a TOML text has the line on which its statement begins."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.toml_lines import TomlLines

TEXT = '''\
# a comment

title = "x" # [no table]
consent = """
[not.a.table]
key = 1
]
"""
list = [
  1, # one
  { id = "in" },
]
a.b = 1
"c d".'e' = [[1], [2]]

[good]
at_least.found.any_hand = 0.3
ignore = []

  [[prompts]]  # the first
id = "p1"

[[prompts]]
text = "no id"
[prompts.more]
strange = 1
[[prompts.deep]]
x = 1
[[prompts.deep]]
x = 2
[last."x y"]
z = {}
'''

PLACES = [
    (("title",), 3), (("consent",), 4), (("list",), 9), (("list", 1, "id"), 9), (("a", "b"), 13),
    (("c d", "e", 1, 0), 14), (("good",), 16), (("good", "at_least", "found.any_hand"), 17),
    (("good", "ignore", 4), 18), (("prompts", 0), 20), (("prompts", 0, "id"), 21), (("prompts", 0, "text"), 20),
    (("prompts", 1, "id"), 23), (("prompts", 1, "text"), 24), (("prompts", 1, "more", "strange"), 26),
    (("prompts", 1, "deep", 0, "x"), 28), (("prompts", 1, "deep", 1, "x"), 30), (("last", "x y", "z"), 32),
    (("missing",), None), ((), None),
]  # fmt: skip


@pytest.mark.parametrize(("place", "line"), PLACES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_each_value_has_the_line_of_its_statement(
    place: tuple[str | int, ...], line: int | None, line_end: str
) -> None:
    text = TEXT.replace("\n", line_end)
    tomllib.loads(text)
    assert TomlLines(text).line_of(place) == line


@given(st.text(alphabet="ab.=[]{}\"'#\n\\1 ,", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    TomlLines(text).line_of(("a", "b"))
