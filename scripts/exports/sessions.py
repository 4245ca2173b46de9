"""Find the captures in session logs, verify them one by one, and hold back those without consent. It writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.messages.event import FeatureRefEvent
from contracts.rules.errors import ArtifactError, ArtifactStoreError
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.capture_facts import CaptureDescription, SessionFacts
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import read_log
from recorder.artifact import load_artifact
from recorder.verify import failure_text, read_session
from scripts.exports.capture import VerifiedCapture

__all__ = ["Choice", "Selection"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which captures are exported although they are held back by default."""

    unknown: bool = False
    without_consent: bool = False
    demos: bool = False


@dataclass(slots=True)
class Selection:
    """The captures of these logs, ordered by user, session and line, and the result for each.

    Attributes:
        failed: a sentence for each session or capture that does not verify.
        held_back: a sentence for each good capture that is not exported, with the reason.
        notes: remarks that are no failures.
        total: the number of captures in the logs.
        exported: the number of captures that were exported.
        sessions: the ids of their sessions.
        unknown_consent: the number of them about whose consent no event says anything.
    """

    logs: Sequence[Path]
    artifacts: ArtifactSource
    choice: Choice = field(default_factory=Choice)
    failed: list[str] = field(init=False, default_factory=list)
    held_back: list[str] = field(init=False, default_factory=list)
    notes: list[str] = field(init=False, default_factory=list)
    total: int = field(init=False)
    exported: int = field(init=False, default=0)
    sessions: set[str] = field(init=False, default_factory=set)
    unknown_consent: int = field(init=False, default=0)
    _repeated: frozenset[str] = field(init=False)
    _hashes: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Read all logs once, and keep only the ids that occur twice: the logs may be larger than the memory."""
        records = Counter(event.record_id.lower() for log in self.logs for _, event in read_session(log).refs)
        self.total = records.total()
        self._repeated = _more_than_once(records)

    def captures(self) -> Iterator[VerifiedCapture]:
        """Yield each capture that verifies and is not held back; its artifact is read then. Call it once.

        Raises:
            ArtifactStoreError: the object store does not answer, or refuses. A missing artifact could not be told from
                an artifact that cannot be read.
        """
        for log in self.logs:
            reading = read_session(log)
            self.failed += [f"{log}: {_where(finding.line)}{finding.problem}" for finding in reading.findings]
            self.notes += [f"{log}: {note}" for note in reading.notes]
            fold = _fold(log)
            twice = _more_than_once(Counter(event.capture_id for _, event in reading.refs))
            for _, event in reading.refs:
                if event.record_id.lower() in self._repeated:
                    self.failed.append(f"record {event.record_id}: it is in the logs more than once")
                elif event.capture_id in twice:
                    self.failed.append(f"record {event.record_id}: its capture has more than one event")
                elif (capture := self._capture(event, fold.describe(event.capture_id))) is not None:
                    self.exported += 1
                    self.sessions.add(event.session_id)
                    self.unknown_consent += capture.consent_given is None
                    yield capture

    def _capture(self, event: FeatureRefEvent, said: CaptureDescription) -> VerifiedCapture | None:
        if (reason := self._reason_to_hold_back(said)) is not None:
            self.held_back.append(f"record {event.record_id}: {reason}")
            return None
        try:
            artifact = load_artifact(event, self.artifacts)
        except ArtifactStoreError:
            raise
        except ArtifactError as error:
            self.failed.append(f"record {event.record_id}: {failure_text(error, event, self.artifacts)}")
            return None
        first = self._hashes.setdefault(artifact.facts.hash, event.record_id)
        if first != event.record_id:
            self.notes.append(f"record {event.record_id}: the same features as record {first}")
        return VerifiedCapture(event, artifact, said.label, said.participant, said.consent_given, said.is_demo)

    def _reason_to_hold_back(self, said: CaptureDescription) -> str | None:
        if said.state == "erased":
            return "erased"
        if said.state == "withdrawn":
            return "consent was withdrawn"
        if not self.choice.without_consent and said.consent == "refused":
            return "without consent"
        if not self.choice.without_consent and not said.certain:
            return "without consent, perhaps: a broken line of its log may withdraw it"
        if not self.choice.unknown and said.consent == "unknown":
            return "consent unknown (--include-unknown exports it)"
        return "a demonstration" if said.is_demo and not self.choice.demos else None


def _fold(log: Path) -> SessionFold:
    """Fold a session's log. If it cannot be read, its captures are uncertain."""
    user_id, session_id = log.parent.parent.name, log.stem
    try:
        return SessionFold.of(user_id, session_id, read_log(log))
    except OSError:
        return SessionFold(user_id, session_id, SessionFacts(unreadable=1))


def _more_than_once(counted: Counter[str]) -> frozenset[str]:
    """The ids that occur more than once. Such captures are not exported: either of two events may be the right one."""
    return frozenset(name for name, count in counted.items() if count > 1)


def _where(line: int) -> str:
    return f"line {line}: " if line else ""
