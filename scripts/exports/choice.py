"""Which captures an export takes: those that the operator chose, less those that must be held back. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, get_args

from pydantic import TypeAdapter

from contracts.messages.library import ReviewVerdict
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import format_utc, is_session_id, parse_utc
from contracts.storage.capture_facts import CaptureDescription, label_of

__all__ = ["Choice", "moment"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The operator's choice. An empty filter lets every capture pass.

    Attributes:
        unknown, without_consent, demos: also export captures that are held back by default.
        verdicts: only captures whose last review is one of these; ``none`` are those without a review.
        labels: only captures with one of these labels, in NFC; an empty one are those without a label.
        studies: only takes of one of these studies.
        since, until: only captures recorded at or after, and before, this moment: UTC as `format_utc` writes it.
        user_id, sessions: only the logs of this user, and of these sessions; `takes` does not look at them.
    """

    unknown: bool = False
    without_consent: bool = False
    demos: bool = False
    verdicts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    user_id: str | None = None
    sessions: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        unknown: bool = False,
        without_consent: bool = False,
        demos: bool = False,
        verdicts: Iterable[str] = (),
        labels: Iterable[str] = (),
        studies: Iterable[str] = (),
        since: str | None = None,
        until: str | None = None,
    ) -> Choice:
        """Read the options as an operator writes them.

        Raises:
            ConfigurationError: a verdict or a time is none.
        """
        known = (*get_args(ReviewVerdict), "none")
        for verdict in verdicts:
            if verdict not in known:
                raise ConfigurationError(f"--verdict: {' | '.join(known)}, not {verdict!r}")
        return cls(
            unknown=unknown,
            without_consent=without_consent,
            demos=demos,
            verdicts=tuple(sorted(set(verdicts))),
            labels=tuple(sorted({label_of(label) or "" for label in labels})),
            studies=tuple(sorted(set(studies))),
            since=moment("--since", since),
            until=moment("--until", until),
        )

    @classmethod
    def from_json(cls, document: object) -> Choice:
        """Read what `to_json` wrote. What a later version added is left out.

        Raises:
            ValueError: it is something else.
        """
        choice = TypeAdapter(cls).validate_python(document)
        if not all(map(is_session_id, choice.sessions)):
            raise ValueError("the choice names a session that is none")
        return choice

    def to_json(self) -> dict[str, Any]:
        """The choice as ``export.json`` has it: what was chosen and no defaults."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items() if value
        }

    def takes(self, said: CaptureDescription, recorded_at: str) -> bool:
        """Whether the filters let a capture pass. ``recorded_at`` is its line's time, as `format_utc` writes it."""
        return (
            (not self.verdicts or (said.review or "none") in self.verdicts)
            and (not self.labels or (said.label or "") in self.labels)
            and (not self.studies or said.study in self.studies)
            and (self.since is None or recorded_at >= self.since)
            and (self.until is None or recorded_at < self.until)
        )

    def hold_back(self, said: CaptureDescription) -> str | None:
        """Why a capture is held back, in a few words; None if it may go out. A withdrawal counts in any case."""
        if said.state == "erased":
            return "erased"
        if said.state == "withdrawn":
            return "consent was withdrawn"
        if not self.without_consent and said.consent == "refused":
            return "without consent"
        if not self.without_consent and not said.certain:
            return "without consent, perhaps: a broken line of its log may withdraw it"
        if not self.demos and said.is_demo:
            return "a demonstration"
        if not self.unknown and said.consent == "unknown":
            return "consent unknown (--include-unknown exports it)"
        return None


def moment(option: str, text: str | None) -> str | None:
    """Read a day (its midnight, UTC) or a time, and write it as the logs do.

    Raises:
        ConfigurationError: it is neither; the sentence names the option.
    """
    if text is None:
        return None
    try:
        parsed: datetime = parse_utc(text if "T" in text else f"{text}T00:00")
    except ValueError as error:
        raise ConfigurationError(
            f"{option}: a day or a time, as 2026-01-31 or 2026-01-31T12:00, not {text!r}"
        ) from error
    return format_utc(parsed)
