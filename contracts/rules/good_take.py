"""The rule that says which takes of a study are good, and what one take of it then lacks. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from contracts.rules.json_text import paths_of
from contracts.rules.quality_reasons import QUALITY_REASONS, QualityReason, QualityVerdict

__all__ = ["NO_QUALITY", "QUALITY_NUMBERS", "GoodTake"]

_HANDS = ("left_hand", "right_hand")
QUALITY_NUMBERS = (
    *(f"found.{part}" for part in ("pose", *_HANDS, "face", "any_hand")),
    *(f"{name}.{hand}" for name in ("longest_gap_ms", "outside", "moved") for hand in _HANDS),
    "fps", "time_gaps", "longest_time_gap_ms", "undecoded_frames",
)  # fmt: skip
"""The numbers of a quality, by their paths in it."""

NO_QUALITY = "no_quality"
"""What a take lacks whose event has no quality."""

_FROM_BEST = ("good", "check", "poor")


def _flat(value: object) -> object:
    """A table of tables as one table: TOML reads ``found.any_hand = 0.5`` as a table ``found``."""
    return dict(paths_of(value)) if isinstance(value, Mapping) else value


def _known(name: str) -> str:
    if name not in QUALITY_NUMBERS:
        raise ValueError(f"a quality has no such number; it has {', '.join(QUALITY_NUMBERS)}")
    return name


_Bounds = Annotated[
    dict[Annotated[str, AfterValidator(_known)], Annotated[float, Field(ge=0, allow_inf_nan=False)]],
    BeforeValidator(_flat),
]


class GoodTake(BaseModel):
    """Which takes are good, by the quality that the extractor computed.

    Attributes:
        worst_verdict: the worst verdict of a good take.
        ignore: reasons that do not count against a take, such as ``hands_still`` in a study of poses.
        at_least, at_most: bounds of the quality's numbers, by their paths, such as ``found.any_hand``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    worst_verdict: QualityVerdict = "good"
    ignore: list[QualityReason] = []
    at_least: _Bounds = {}
    at_most: _Bounds = {}

    def faults(self, quality: Mapping[str, Any] | None) -> tuple[str, ...]:
        """What a take with this quality lacks: codes of reasons, and names of numbers out of their bounds; empty if it
        is good. ``quality`` is what an event says, which may be anything; None if it says nothing."""
        if quality is None:
            return (NO_QUALITY,)
        low = (name for name, bound in self.at_least.items() if not _number(quality, name, -1.0) >= bound)
        high = (name for name, bound in self.at_most.items() if not _number(quality, name, float("inf")) <= bound)
        return tuple(dict.fromkeys((*self._reasons(quality), *low, *high)))

    def _reasons(self, quality: Mapping[str, Any]) -> Iterator[str]:
        """The reasons that count and are worse than the worst verdict. One of a later version, which no table has here,
        counts as much as the quality's own verdict; so does a verdict without a reason."""
        said, worst = str(quality.get("verdict")), _rank(self.worst_verdict)
        reasons = quality.get("reasons")
        given = [str(reason) for reason in reasons] if isinstance(reasons, list) else []
        for reason in given:
            known = QUALITY_REASONS.get(reason)  # type: ignore[call-overload]
            if reason not in self.ignore and _rank(known.verdict if known else said) > worst:
                yield reason
        if not given and _rank(said) > worst:
            yield said


def _rank(verdict: str) -> int:
    return _FROM_BEST.index(verdict) if verdict in _FROM_BEST else len(_FROM_BEST)


def _number(quality: Mapping[str, Any], path: str, otherwise: float) -> float:
    value: Any = quality
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
