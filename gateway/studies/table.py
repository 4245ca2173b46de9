"""A study as its TOML file says it, and the mistakes in such a file, each with its line. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from contracts.messages.base import StrictModel
from contracts.messages.library import Label
from contracts.rules.good_take import GoodTake
from contracts.rules.ids import is_identifier
from contracts.rules.retention import MOST_DAYS
from contracts.rules.study_plan import Order
from contracts.rules.toml_lines import Mistake, mistakes_at, read_toml

__all__ = ["MOST_TAKES", "PromptTable", "StudyTable", "read_table"]

MOST_TAKES = 5_000
"""The most takes that a study may ask of one participant: at 120 an hour, a week of work."""

MOST_MISTAKES = 20


def _identifier(text: str) -> str:
    if not is_identifier(text):
        raise ValueError("use 1 to 128 of A-Z a-z 0-9 . _ -, not starting with a dot")
    return text


def _file_name(text: str) -> str:
    if "/" in text or "\\" in text or "\0" in text or text.startswith("."):
        raise ValueError("name a file in the folder of this file, without a path")
    return text


Words = Annotated[str, StringConstraints(max_length=256, pattern=r"\S")]
"""What a participant reads or hears: at most 256 characters, not only spaces."""


class PromptTable(StrictModel):
    """One ``[[prompts]]``: what a participant is asked to show.

    Attributes:
        id: its name in the logs. It must not change, whatever its text becomes.
        text: what the participant reads.
        intent: what the gesture means; the text, if it is not given.
        picture: the name of a picture beside the file.
        say: what is read aloud, if it is not the text.
    """

    id: Annotated[str, AfterValidator(_identifier)]
    text: Words
    intent: Label | None = None
    picture: Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_file_name)] | None = None
    say: Words | None = None


class StudyTable(StrictModel):
    """The whole file. What each setting means: `contracts.messages.study.Study`. ``consent`` is Markdown, at most 64
    thousand characters."""

    title: Words
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] | None = None
    consent: Annotated[str, StringConstraints(max_length=64_000, pattern=r"\S")] | None = None
    repetitions: Annotated[int, Field(ge=1, le=1_000)] = 1
    order: Order = "given"
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 4.0
    until_rest: bool = False
    break_every: Annotated[int, Field(ge=1)] | None = None
    read_aloud: bool = False
    retention_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    good: GoodTake = GoodTake()
    prompts: Annotated[list[PromptTable], Field(min_length=1, max_length=1_000)]

    @property
    def wanted(self) -> int:
        """How many takes it asks of one participant."""
        return len(self.prompts) * self.repetitions


def read_table(text: str) -> tuple[StudyTable | None, list[Mistake]]:
    """Read a study. Returns its table, or None and the mistakes in the order of their lines."""
    document = read_toml(text)
    if isinstance(document, Mistake):
        return None, [document]
    try:
        table = StudyTable.model_validate(document)
    except ValidationError as error:
        wrong = []
        for each in error.errors(include_url=False)[:MOST_MISTAKES]:
            place = tuple(part for part in each["loc"] if part != "[key]")
            wrong.append((place, _sentence(each["type"], place, each["msg"], each["input"])))
        return None, mistakes_at(text, wrong)
    mistakes = mistakes_at(text, _contradictions(table))
    return (None if mistakes else table), mistakes


def _contradictions(table: StudyTable) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What each value alone does not show."""
    first: dict[str, int] = {}
    for index, prompt in enumerate(table.prompts):
        if (other := first.setdefault(prompt.id, index)) != index:
            yield ("prompts", index, "id"), f"prompt {other + 1} has the id {prompt.id!r} already"
    if table.wanted > MOST_TAKES:
        asked = f"{len(table.prompts)} prompts × {table.repetitions} are {table.wanted:,} takes"
        yield ("repetitions",), f"{asked}; a study may ask for {MOST_TAKES:,}"


_SECTIONS: dict[str, type[BaseModel]] = {"prompts": PromptTable, "good": GoodTake}


def _sentence(kind: str, place: tuple[int | str, ...], message: str, given: object) -> str:
    """What pydantic says about the value that is ``given`` at a place, in the words of this file."""
    if kind == "missing":
        return "it is missing"
    if kind == "extra_forbidden":
        known = _SECTIONS.get(str(place[0]), StudyTable) if len(place) > 1 else StudyTable
        near = get_close_matches(str(place[-1]), known.model_fields, n=1)
        return "there is no such setting; " + (
            f"did you mean {near[0]}?" if near else f"there are {', '.join(known.model_fields)}"
        )
    if kind == "string_pattern_mismatch":
        return "it is empty" if not str(given).strip() else "write a language as de, en or pt-BR"
    if kind == "too_short":
        return "there must be at least one"
    sentence = message.removeprefix("Value error, ").replace("Input should be", "it must be")
    shown = repr(given)
    return f"{sentence}, not {shown}" if sentence.startswith("it must") and len(shown) <= 40 else sentence
