"""Every link of a document leads to a file that is there, and to a heading that is in it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.guards.sources import ROOT, listed

LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
FOLDERS = ("contracts", "gateway", "workers", "recorder", "scripts", "tests", ".github")


def documents() -> list[Path]:
    """Every Markdown document of the project."""
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md") if "node_modules" not in path.parts]
    return sorted([*ROOT.glob("*.md"), *below])


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them from the words."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(document: Path, text: str) -> list[str]:
    """Links of a document whose file or heading is missing."""
    found = []
    for path, anchor in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            found.append(f"{document.relative_to(ROOT)}: {path} is missing")
        elif anchor and anchor not in anchors((target / "README.md" if target.is_dir() else target).read_text("utf-8")):
            found.append(f"{document.relative_to(ROOT)}: {path}#{anchor} is no heading")
    return found


def test_every_link_leads_somewhere() -> None:
    findings = [line for document in documents() for line in broken(document, document.read_text("utf-8"))]
    assert not findings, listed(findings)


def test_a_broken_link_is_found() -> None:
    here = ROOT / "README.md"
    assert broken(here, "[a](gateway/absent.md)") and broken(here, "[a](gateway/README.md#no-such-heading)")
    assert not broken(here, "[a](gateway/README.md#with-curl) [b](#try-it) [c](mailto:a@b)")
