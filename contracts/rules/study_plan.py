"""What a study asks of one participant: which prompts, how often, in which order. No I/O."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

__all__ = ["Order", "plan", "remaining"]

Order = Literal["given", "shuffled"]


def plan(study: str, participant: str, prompts: Sequence[str], repetitions: int, order: Order) -> list[str]:
    """The prompts of all takes. Each round has every prompt once, so a participant who stops early has shown each about
    equally often, and no two takes of one prompt follow each other within a round.

    A shuffled round is ordered by hashes of the study, the participant, the round and the prompt: the same on every
    machine, and if a prompt is added later, the others keep their order.
    """
    rounds = (
        list(prompts)
        if order == "given"
        else sorted(prompts, key=lambda prompt: _place(study, participant, number, prompt))
        for number in range(repetitions)
    )
    return [prompt for each in rounds for prompt in each]


def _place(*parts: str | int) -> bytes:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).digest()


def remaining(planned: Sequence[str], kept: Mapping[str, int]) -> list[str]:
    """The takes that are still to do, in order: of each prompt, as many of its first ones are done as takes are
    kept."""
    seen: Counter[str] = Counter()
    left = []
    for prompt in planned:
        seen[prompt] += 1
        if seen[prompt] > kept.get(prompt, 0):
            left.append(prompt)
    return left
