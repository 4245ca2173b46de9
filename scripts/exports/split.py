"""Divide participants into train, validation and test. No participant is in two parts. No I/O.

A model that has seen a person in training recognises that person in the test, so captures are never divided, only
participants. Within that rule each label should have its share in each part: the participants go one by one, the
largest first, into the part that brings the counts of their labels closest to the shares. That depends on the order of
participants of like size, so several orders are tried, and the best division wins. Numbers are whole and orders come
from SHA-256: the same captures, shares and seed give the same division on every machine.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.rules.errors import ConfigurationError

__all__ = ["PARTS", "SplitRequest", "TooFewParticipants", "divide"]

PARTS = ("train", "validation", "test")

_SHARES = re.compile(r"participant:(\d{1,3})/(\d{1,3})/(\d{1,3})", re.ASCII)
_MOST_ORDERS = 32
_MOST_STEPS = 3_000_000
"""How many counts are compared in all: about three seconds."""
_SCALE = 10**6

Labels = Mapping[str, int]
"""How many captures a participant has of each label; ``""`` is none."""


class TooFewParticipants(ConfigurationError):
    """There are fewer participants than parts."""


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """``--split participant:80/10/10 --seed 0``. ``shares`` are per cent, in the order of `PARTS`."""

    shares: tuple[int, int, int]
    seed: int = 0

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> SplitRequest:
        """Read the option.

        Raises:
            ConfigurationError: it is no division by participants, its shares are not 100 in all, or the seed is too
                large or negative.
        """
        found = _SHARES.fullmatch(text)
        if found is None:
            raise ConfigurationError(f"--split: participant:TRAIN/VALIDATION/TEST in per cent, not {text!r}")
        shares = (int(found[1]), int(found[2]), int(found[3]))
        if sum(shares) != 100:
            raise ConfigurationError(f"--split: the shares are {sum(shares)} in all, not 100")
        if not shares[0] or sum(map(bool, shares)) < 2:
            raise ConfigurationError("--split: train and at least one other part need a share above 0")
        if not 0 <= seed < 2**63:  # JSON in export.json
            raise ConfigurationError("--seed: a whole number from 0 to 9,223,372,036,854,775,807")
        return cls(shares, seed)

    @classmethod
    def of(cls, text: str | None, seed: int | None) -> SplitRequest | None:
        """Read both options; None without ``--split``.

        Raises:
            ConfigurationError: as `parse`, or a seed without a split.
        """
        if text is None and seed is not None:
            raise ConfigurationError("--seed is for a split: add --split participant:80/10/10")
        return None if text is None else cls.parse(text, seed or 0)

    @classmethod
    def from_json(cls, document: object) -> SplitRequest:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(document, dict) or type(document.get("seed")) is not int:
            raise ValueError("the split is no object with a seed")
        try:
            return cls.parse(str(document.get("by")), document["seed"])
        except ConfigurationError as error:
            raise ValueError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        """The request as ``export.json`` has it."""
        return {"by": str(self), "seed": self.seed}

    def __str__(self) -> str:
        return "participant:" + "/".join(map(str, self.shares))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts with a share, in order."""
        return tuple(part for part, share in zip(PARTS, self.shares, strict=True) if share)


def divide(participants: Mapping[str, Labels], request: SplitRequest) -> dict[str, str]:
    """Return the part of each participant. Every part with a share gets at least one.

    Raises:
        TooFewParticipants: there are fewer participants than parts; the sentence says how many are needed.
    """
    parts = request.parts
    if len(participants) < len(parts):
        raise TooFewParticipants(
            f"--split: {' and '.join(parts)} need at least {len(parts)} participants, one each; "
            f"these captures show {len(participants)}"
        )
    labels = sum((Counter(counts) for counts in participants.values()), Counter[str]())
    steps = len(parts) * sum(map(len, participants.values()))
    orders = max(1, min(_MOST_ORDERS, _MOST_STEPS // max(1, steps)))
    made = [_Division.of(participants, labels, request, number) for number in range(orders)]
    return min(made, key=lambda division: division.cost()).where


class _Division:
    """Participants in parts, and how far the labels of each part are from its share."""

    def __init__(self, labels: Labels, request: SplitRequest) -> None:
        self._labels = labels
        self._shares = dict(zip(PARTS, request.shares, strict=True))
        self._counts = {part: Counter[str]() for part in request.parts}
        self.where: dict[str, str] = {}

    @classmethod
    def of(cls, participants: Mapping[str, Labels], labels: Labels, request: SplitRequest, number: int) -> _Division:
        """Divide them in the order of this number."""
        division = cls(labels, request)
        order = _ordered(participants, request.seed, number)
        for position, name in enumerate(order):
            empty = [part for part, counts in division._counts.items() if not counts]
            must = len(order) - position <= len(empty)  # each part needs one of those that are left
            division._put(name, participants[name], empty if must else list(division._counts))
        return division

    def cost(self) -> int:
        """The squared distances from the shares, each in relation to its share, so that a rare label counts as much."""
        return sum(self._distance(part, label, 0) for part in self._counts for label in self._labels)

    def _put(self, name: str, counts: Labels, parts: Iterable[str]) -> None:
        best = min(parts, key=lambda part: sum(self._change(part, label, count) for label, count in counts.items()))
        self._counts[best].update(counts)
        self.where[name] = best

    def _change(self, part: str, label: str, count: int) -> int:
        return self._distance(part, label, count) - self._distance(part, label, 0)

    def _distance(self, part: str, label: str, more: int) -> int:
        wanted = self._shares[part] * self._labels[label]
        return _SCALE * (100 * (self._counts[part][label] + more) - wanted) ** 2 // wanted


def _ordered(participants: Mapping[str, Labels], seed: int, number: int) -> list[str]:
    """The largest first; those of like size, from the second order on also those of about the same, as SHA-256 has
    them."""

    def key(name: str) -> tuple[int, bytes]:
        digest = hashlib.sha256(f"{seed}/{number}/{name}".encode()).digest()
        size = sum(participants[name].values())
        return -(size * (256 + (digest[-1] if number else 0))), digest

    return sorted(participants, key=key)
