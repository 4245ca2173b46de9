"""Find the captures in session logs, verify them one by one, and hold back those without consent. It writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.messages.event import FeatureRefEvent
from contracts.rules.errors import ArtifactError, ArtifactStoreError
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.log_tail import file_version
from contracts.storage.session_fold import SessionFold
from recorder.artifact import load_artifact
from recorder.verify import SessionReading, failure_text, read_session
from scripts.exports.capture import VerifiedCapture
from scripts.exports.choice import Choice
from scripts.exports.split import SplitRequest, divide

__all__ = ["Selection"]


@dataclass(slots=True)
class Selection:
    """The captures of these logs, ordered by user, session and line, and the result for each.

    Attributes:
        failed: a sentence for each session or capture that does not verify.
        held_back: a sentence for each chosen capture that is not exported, with the reason.
        not_chosen: the number of captures that the operator's filters leave out.
        notes: remarks that are no failures.
        total: the number of captures in the logs.
        exported: the number of captures that were exported.
        sessions: the ids of their sessions.
        unknown_consent: the number of them about whose consent no event says anything.
        parts: the part of each participant; empty if the export is not split.
    """

    logs: Sequence[Path]
    artifacts: ArtifactSource
    choice: Choice = field(default_factory=Choice)
    split: SplitRequest | None = None
    failed: list[str] = field(init=False, default_factory=list)
    held_back: list[str] = field(init=False, default_factory=list)
    notes: list[str] = field(init=False, default_factory=list)
    not_chosen: int = field(init=False, default=0)
    total: int = field(init=False)
    exported: int = field(init=False, default=0)
    sessions: set[str] = field(init=False, default_factory=set)
    unknown_consent: int = field(init=False, default=0)
    parts: dict[str, str] = field(init=False, default_factory=dict)
    _repeated: frozenset[str] = field(init=False)
    _hashes: dict[str, tuple[str, str | None]] = field(init=False, default_factory=dict)
    _read: dict[Path, tuple[str, list[str]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Read all logs once, and keep only the ids that occur twice and how often each participant shows each label:
        the logs may be larger than the memory.

        Raises:
            TooFewParticipants: the captures show fewer participants than the split has parts.
        """
        records: Counter[str] = Counter()
        shown: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for log in self.logs:
            reading = read_session(log)
            records.update(event.record_id.lower() for _, event in reading.refs)
            if self.split:
                self._count_labels(reading, shown)
        self.total = records.total()
        self._repeated = _more_than_once(records)
        if self.split:
            self.parts = divide(shown, self.split)

    def _count_labels(self, reading: SessionReading, shown: defaultdict[str, Counter[str]]) -> None:
        for _, event in reading.refs:
            said = reading.fold.describe(event.capture_id)
            if self.choice.takes(said, _recorded_at(reading.fold, event)) and self.choice.hold_back(said) is None:
                shown[said.participant][said.label or ""] += 1

    def captures(self) -> Iterator[VerifiedCapture]:
        """Yield each capture that verifies and is not held back; its artifact is read then. Call it once.

        Raises:
            ArtifactStoreError: the object store does not answer, or refuses. A missing artifact could not be told from
                an artifact that cannot be read.
        """
        for log in self.logs:
            exported: list[str] = []
            self._read[log] = _version(log), exported
            reading = read_session(log)
            self.failed += [f"{log}: {_where(finding.line)}{finding.problem}" for finding in reading.findings]
            self.notes += [f"{log}: {note}" for note in reading.notes]
            twice = _more_than_once(Counter(event.capture_id for _, event in reading.refs))
            for _, event in reading.refs:
                if event.record_id.lower() in self._repeated:
                    self.failed.append(f"record {event.record_id}: it is in the logs more than once")
                elif event.capture_id in twice:
                    self.failed.append(f"record {event.record_id}: its capture has more than one event")
                elif (capture := self._capture(event, reading.fold)) is not None:
                    self.exported += 1
                    self.sessions.add(event.session_id)
                    self.unknown_consent += capture.consent_given is None
                    exported.append(event.capture_id)
                    yield capture

    def withdrawn_meanwhile(self) -> str | None:
        """Read again the logs that have changed since their captures were yielded. Returns the first of these captures
        that may not go out any more, with the reason; None if all may."""
        for log, (version, exported) in self._read.items():
            if not exported or _version(log) == version:
                continue
            fold = read_session(log).fold
            for capture_id in exported:
                reason = self.choice.hold_back(fold.describe(capture_id))
                if reason is not None or capture_id not in fold.captures:
                    return f"capture {capture_id}: {reason or 'its event is gone from the log'}"
        return None

    def _capture(self, event: FeatureRefEvent, fold: SessionFold) -> VerifiedCapture | None:
        said, recorded_at = fold.describe(event.capture_id), _recorded_at(fold, event)
        if not self.choice.takes(said, recorded_at):
            self.not_chosen += 1
            return None
        if (reason := self.choice.hold_back(said)) is not None:
            self.held_back.append(f"record {event.record_id}: {reason}")
            return None
        if self.split and said.participant not in self.parts:  # no part was chosen for this person
            self.held_back.append(f"record {event.record_id}: recorded or reassigned while the export ran")
            return None
        try:
            artifact = load_artifact(event, self.artifacts)
        except ArtifactStoreError:
            raise
        except ArtifactError as error:
            self.failed.append(f"record {event.record_id}: {failure_text(error, event, self.artifacts)}")
            return None
        capture = VerifiedCapture(
            event,
            artifact,
            said.participant,
            intent=said.label,
            consent_given=said.consent_given,
            is_demo=said.is_demo,
            recorded_at=recorded_at,
            split=self.parts.get(said.participant),
        )
        self._note_a_copy(capture)
        return capture

    def _note_a_copy(self, capture: VerifiedCapture) -> None:
        record_id, split = self._hashes.setdefault(capture.artifact.facts.hash, (capture.record_id, capture.split))
        if record_id == capture.record_id:
            return
        leak = f", which is in {split} while this one is in {capture.split}" if split != capture.split else ""
        self.notes.append(f"record {capture.record_id}: the same features as record {record_id}{leak}")


def _recorded_at(fold: SessionFold, event: FeatureRefEvent) -> str:
    """The time of the capture's line; empty if the fold did not heed it."""
    facts = fold.captures.get(event.capture_id)
    return facts.recorded.recorded_at if facts and facts.recorded else ""


def _version(log: Path) -> str:
    try:
        return file_version(log.stat())
    except OSError:
        return ""


def _more_than_once(counted: Counter[str]) -> frozenset[str]:
    """The ids that occur more than once. Such captures are not exported: either of two events may be the right one."""
    return frozenset(name for name, count in counted.items() if count > 1)


def _where(line: int) -> str:
    return f"line {line}: " if line else ""
