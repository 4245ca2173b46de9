"""What is shown on a terminal but was not written by us: session logs hold whatever a client appended."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """``text`` with every character that could steer a terminal, or hide another, as its escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
