"""What no session's log knows about a data set, and its authors say: ``--about FILE``, in TOML.

    name = "Gestures of daily care"
    description = "…"
    license = "https://creativecommons.org/licenses/by/4.0/"
    url = "https://example.org/gestures"
    creators = ["A. Carer", "B. Researcher"]
    published = 2026-12-01
    citation = "…"

    [answers]
    purpose = "…"

``answers`` are to the questions of the datasheet, by their names (`scripts.exports.questions`).
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from contracts.rules.errors import ConfigurationError
from scripts.exports.questions import QUESTIONS

__all__ = ["About", "read_about"]

Line = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=2000)]


class About(BaseModel):
    """The authors' statements. What they leave out, the export says is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line = "A3CP captures"
    description: Line | None = None
    license: Line | None = None
    url: Line | None = None
    creators: tuple[Line, ...] = ()
    published: date | None = None
    citation: Line | None = None
    answers: dict[str, Annotated[str, StringConstraints(strict=True, min_length=1)]] = {}


def read_about(path: Path | None) -> About:
    """Read the file; without one, nothing is known.

    Raises:
        ConfigurationError: it cannot be read, is no TOML, or has a name that is none.
    """
    if path is None:
        return About()
    try:
        about = About.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise ConfigurationError(f"--about: {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ConfigurationError(f"--about: {path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except RecursionError as error:
        raise ConfigurationError(f"--about: {path}: it is nested too deeply") from error
    except ValueError as error:  # TOML, UTF-8
        raise ConfigurationError(f"--about: {path}: {error}") from error
    if unknown := sorted(about.answers.keys() - {question.name for question in QUESTIONS}):
        raise ConfigurationError(f"--about: {path}: answers.{unknown[0]}: the datasheet has no such question")
    return about
