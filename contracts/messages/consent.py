"""Consent to being recorded, as a client says it and the log keeps it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.messages.base import StrictModel

__all__ = ["ConsentStatement", "ConsentText", "TextHash"]

TextHash = Annotated[str, StringConstraints(strict=True, pattern=r"^sha256:[0-9a-f]{64}\z")]
"""``sha256:`` and the SHA-256 of a text's UTF-8 bytes, in hex."""


class ConsentStatement(StrictModel):
    """Which text a person was shown before they answered, and who answered. The answer is ``consent_given``.

    ``given_by`` is ``self`` for the person who is recorded, ``guardian`` for one who may answer for them.
    """

    text: TextHash
    given_by: Literal["self", "guardian", "other"]


class ConsentText(StrictModel):
    """``GET /consent``: the text to show before the first capture, Markdown, and its hash. With ``required``, the
    gateway refuses sessions and captures without consent. What is recorded is erased after ``retention_days`` days;
    null: it is kept for ever. The hash does not depend on them."""

    text: Annotated[str, Field(min_length=1)]
    hash: TextHash
    required: bool
    retention_days: Annotated[int, Field(ge=1)] | None = None
