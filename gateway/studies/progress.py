"""How far a participant is in a study, from the takes that the catalog has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from contracts.messages.library import CaptureState, Consent, ReviewVerdict
from contracts.messages.study import PromptProgress, StudyProgress, StudyTake
from contracts.rules.good_take import GoodTake
from contracts.rules.ids import parse_utc
from contracts.rules.study_plan import plan, remaining
from gateway.library.database import reading
from gateway.studies.table import StudyTable

__all__ = ["CatalogTake", "judge_take", "progress_of", "read_takes"]

MOST_TAKES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class CatalogTake:
    """One recorded take as the catalog has it. ``relabelled``: its label is no longer the one it was recorded with."""

    capture_id: str
    session_id: str
    recorded_at: str
    prompt: str | None
    quality: dict[str, Any] | None
    review: ReviewVerdict | None
    consent: Consent
    state: CaptureState
    relabelled: bool


def judge_take(take: CatalogTake, good: GoodTake) -> tuple[bool, tuple[str, ...]]:
    """Whether a take counts, and its faults.

    A person's verdict counts more than the rule. A take that is not kept, that the person refused, or that was
    relabelled, counts in no case.
    """
    faults = good.faults(take.quality)
    may_count = take.state == "kept" and take.consent in ("given", "unknown") and not take.relabelled
    return may_count and (take.review == "keep" or (take.review is None and not faults)), faults


def progress_of(study: str, table: StudyTable, participant: str, takes: Sequence[CatalogTake]) -> StudyProgress:
    """The progress, from all takes of this participant in this study, the newest first. Takes of prompts that the study
    no longer has are left out."""
    prompts = [prompt.id for prompt in table.prompts]
    known = frozenset(prompts)
    kept: Counter[str] = Counter()
    shown: list[StudyTake] = []
    for take in takes:
        if take.state != "kept" or take.prompt is None or take.prompt not in known:
            continue
        counts, faults = judge_take(take, table.good)
        kept[take.prompt] += counts
        if len(shown) < MOST_TAKES_SHOWN:
            shown.append(_shown(take, take.prompt, counts, faults))
    planned = plan(study, participant, prompts, table.repetitions, table.order)
    return StudyProgress(
        study=study,
        user_id=participant,
        wanted=table.wanted,
        kept=kept.total(),
        prompts=[PromptProgress(prompt=prompt, kept=kept[prompt]) for prompt in prompts],
        remaining=remaining(planned, kept),
        takes=shown,
    )


def _shown(take: CatalogTake, prompt: str, counts: bool, faults: Sequence[str]) -> StudyTake:
    return StudyTake(
        capture_id=take.capture_id,
        session_id=take.session_id,
        prompt=prompt,
        recorded_at=parse_utc(take.recorded_at),
        counts=counts,
        faults=list(faults),
        review=take.review,
        relabelled=take.relabelled,
    )


def read_takes(folder: Path, study: str, participant: str) -> list[CatalogTake]:
    """The recorded takes of a participant in a study, the newest first.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        rows = database.execute(_TAKES, (study, participant)).fetchall()
    return [_take(orjson.loads(answer), orjson.loads(facts)) for answer, facts in rows]


def _take(answer: dict[str, Any], facts: dict[str, Any]) -> CatalogTake:
    shown = {name: answer[name] for name in CatalogTake.__slots__ if name != "relabelled"}
    label = facts["label"]
    return CatalogTake(**shown, relabelled=label is not None and label != facts["recorded"]["label"])


_TAKES = """SELECT answer, facts FROM captures WHERE study=? AND participant=? AND recorded_at IS NOT NULL
    ORDER BY recorded_at DESC, capture_id DESC"""
