"""The studies of a gateway, as ``/studies`` answers, and the progress of a participant in one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.messages.base import StrictModel
from contracts.messages.consent import ConsentText
from contracts.messages.library import ReviewVerdict
from contracts.rules.good_take import GoodTake
from contracts.rules.ids import Identifier, SessionId, UtcDatetime
from contracts.rules.study_plan import Order

__all__ = [
    "PICTURE_TYPES",
    "ProgressQuery",
    "PromptProgress",
    "Study",
    "StudyList",
    "StudyProgress",
    "StudyPrompt",
    "StudySummary",
    "StudyTake",
]

PICTURE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""The media types of prompts' pictures: every browser shows them, and they cannot have a script, as SVG can."""

Count = Annotated[int, Field(ge=0)]


class StudyPrompt(StrictModel):
    """What a participant is asked to show. ``prompt`` is its id, and ``intent`` what the gesture means: a take's
    ``annotation`` has both.

    ``picture`` is the path of its picture, relative to the gateway's address; ``say`` is what to read aloud, if it is
    not the ``text``.
    """

    prompt: Identifier
    text: str
    intent: str
    picture: str | None
    say: str | None


class Study(StrictModel):
    """``GET /studies/{study}``: all that a page needs to lead a participant through it.

    Attributes:
        study: its id, which a take's ``annotation`` has: the name of its file without ``.toml``.
        language: the language of its texts, a BCP 47 tag such as ``de``; None if the file does not say.
        consent: the text to show; the gateway's own, if the study has none.
        prompts: in the order of the file.
        repetitions: how many takes of each prompt are wanted.
        seconds: the length of a take; with ``until_rest`` the longest, because a take ends when the hands rest.
        break_every: after how many takes to offer a break; None for no breaks.
        read_aloud: whether to read texts aloud.
        good: which takes are good.
    """

    study: Identifier
    title: str
    language: str | None
    consent: ConsentText
    prompts: list[StudyPrompt]
    repetitions: int
    order: Order
    seconds: float
    until_rest: bool
    break_every: int | None
    read_aloud: bool
    good: GoodTake


class StudySummary(StrictModel):
    """One study of the list: how many prompts it has, and how many takes of each participant it asks for."""

    study: Identifier
    title: str
    language: str | None
    prompts: Count
    wanted: Count


class StudyList(StrictModel):
    """``GET /studies``: the studies by file name. ``unreadable`` names the files that are no studies;
    ``a3cp study check`` explains their mistakes."""

    studies: list[StudySummary]
    unreadable: list[str]


class ProgressQuery(StrictModel):
    """The parameter of ``GET /studies/{study}/progress``: the participant, by their code. Takes that were reassigned to
    them count, and takes that were reassigned to others do not."""

    user_id: Identifier


class PromptProgress(StrictModel):
    """How many takes of one prompt are kept."""

    prompt: Identifier
    kept: Count


class StudyTake(StrictModel):
    """One recorded take. It ``counts`` if a person keeps it, or if it is good and no person says otherwise.

    ``faults`` is why it is not good: codes of quality reasons, names of numbers that are out of the study's bounds, or
    ``no_quality``. ``relabelled``: it is known to show something else than its prompt, so it does not count.
    """

    capture_id: Identifier
    session_id: SessionId
    prompt: Identifier
    recorded_at: UtcDatetime
    counts: bool
    faults: list[str]
    review: ReviewVerdict | None
    relabelled: bool


class StudyProgress(StrictModel):
    """``GET /studies/{study}/progress``: what a participant has done, on any device, and what is next.

    Attributes:
        wanted: how many takes the study asks for.
        kept: how many takes count, more than the study asks for included.
        prompts: the same for each prompt, in the order of the file.
        remaining: the prompts of all takes that are still to do, the next one first; empty if the study is done.
        takes: the newest recorded takes, at most 50, the newest first, without those that are withdrawn or erased.
    """

    study: Identifier
    user_id: Identifier
    wanted: Count
    kept: Count
    prompts: list[PromptProgress]
    remaining: list[Identifier]
    takes: list[StudyTake]
