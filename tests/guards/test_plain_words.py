"""The words of docstrings, comments, READMEs and of texts that people read.

A private language keeps newcomers out: a metaphor for a term of the field, and sentences whose actor is nobody. Each
word here has a plain one beside it. The guard reads Python's docstrings, comments and strings, Lua, the documents, and
the whole source of the pages.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from tests.guards.sources import ROOT, listed

WORDS = {
    "nobody": "name the actor, and say what it does not do",
    "somebody": "name the actor",
    "someone": "name the actor",
    "whoever": "name the actor: the client that, the operator who",
    "anew": "again, or a new one",
    "mend|mends|mended|mending": "fix, repair",
    "of ours|of theirs": "this project's, the gateway's",
    "come of|comes of|came of|become of|becomes of|became of": "the outcome of, what happened to",
    "bury|buries|buried|burial|burying": "dead letter",
    "settle|settles|settled|settling|settlement|settlements": "acknowledge",
    "pulse|pulses|sign of life|signs of life": "heartbeat",
    "told of|tells of|tell of": "notify, report, name",
    "to be had": "available",
    "thinning|thinned": "downsampling",
    "made up": "invented, generated",
    "takes it for|take it for|takes them for": "treats it as",
}
"""Patterns of words, and what to write for them."""

WIRE_NAME = "buried_at"
"""A field of a dead letter in Redis, which clients read."""

READ = re.compile(r"\.(py|lua|md|ts|tsx|mts|mjs|sh|yaml|yml|toml|html|css)$")
NOT_READ = re.compile(r"node_modules|^tests/guards/test_plain_words\.py$|^CHANGELOG\.md$|\.json$|\.lock$")
PATTERN = re.compile(rf"\b({'|'.join(WORDS)})\b", re.I)


def texts(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Each text of a file, with its line: what a Python module says, and all that another file has."""
    if not path.endswith(".py"):
        yield from enumerate(source.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            yield from enumerate(token.string.splitlines(), token.start[0])


def plain(path: str, text: str) -> str:
    """A text without the wire's name, and in Python with the words of names apart."""
    text = text.replace(WIRE_NAME, "")
    return text.replace("_", " ") if path.endswith(".py") else text


def riddles(path: str, source: str) -> list[str]:
    """Each listed word in a file, as ``file:line: word: what to write``."""
    found: list[str] = []
    if not PATTERN.search(plain(path, source)):
        return found  # most files: they need not be cut into tokens
    for number, text in texts(path, source):
        for match in PATTERN.finditer(plain(path, text)):
            if match[0].lower().startswith("settl") and path.endswith((".ts", ".tsx")):
                continue  # JavaScript's own word: promises settle
            (advice,) = (advice for words, advice in WORDS.items() if re.fullmatch(words, match[0], re.I))
            found.append(f"{path}:{number}: {match[0]}: {advice}")
    return found


def documents() -> list[str]:
    """Every file of the repository that people read, by its path."""
    folders = ("contracts", "gateway", "workers", "recorder", "scripts", "tests", ".github", ".ci")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file()]
    names = sorted(path.relative_to(ROOT).as_posix() for path in paths)
    return [name for name in names if _is_shell(name) or (READ.search(name) and not NOT_READ.search(name))]


def _is_shell(name: str) -> bool:
    return re.fullmatch(r"scripts/[a-z]+|\.ci/run", name) is not None


def test_every_text_is_in_plain_words() -> None:
    findings = [line for name in documents() for line in riddles(name, (ROOT / name).read_text("utf-8"))]
    assert not findings, listed(findings)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("gateway/a.py", '"""Nobody waits."""'),
        ("gateway/a.py", "x = 1  # what came of it"),
        ("gateway/a.py", 'raise ValueError("the letter is buried")'),
        ("recorder/README.md", "It mends the file."),
        ("gateway/web/src/a.tsx", "<p>Whoever you are</p>"),
        ("contracts/state/lua/events/a.lua", "-- a sign of life"),
    ],
)
def test_a_listed_word_is_found(path: str, source: str) -> None:
    assert len(riddles(path, source)) == 1


def test_names_and_honest_uses_are_left_alone() -> None:
    assert not riddles("gateway/a.py", "settled = commend + whoevers\n# recommend")
