"""While modules are loaded the collector of garbage rests, and pydantic looks for no plugins."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAD = """
import gc, sys
from contracts.process.loading import loading
def state():
    return gc.isenabled(), gc.get_freeze_count() > 0
"""


def said(body: str) -> str:
    """The output of a process of its own."""
    done = subprocess.run([sys.executable, "-c", HEAD + body], capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("body", "states"),
    [
        ("with loading():\n    print(*state())\nprint(*state())", ["False False", "True True"]),
        (
            "try:\n    with loading():\n        import nothing_of_this_name\nexcept ImportError:\n    print(*state())",
            ["True True"],
        ),
        ("with loading(), loading():\n    print(*state())\nprint(*state())", ["False False", "True True"]),
        ("gc.disable()\nwith loading():\n    pass\nprint(*state())", ["False False"]),
    ],
    ids=["a block", "a module that is missing", "a block in a block", "a process without the collector"],
)
def test_the_collector_rests_until_modules_are_loaded(body: str, states: list[str]) -> None:
    assert said(body).splitlines() == states


@pytest.mark.parametrize("before", ["", "gc.disable()\n"], ids=["collector on", "collector off"])
def test_pydantic_does_not_read_what_every_package_says_of_itself(before: str) -> None:
    search = "import importlib.metadata\nimportlib.metadata.distributions = lambda: sys.exit('a search')\n"
    model = "with loading():\n    import pydantic\nclass Model(pydantic.BaseModel):\n    x: int\nprint(Model(x=1))"
    assert said(f"{before}{search}{model}") == "x=1\n"
