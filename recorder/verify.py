"""Check a session's log and its artifacts against each other. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.messages.event import FeatureRefEvent
from contracts.rules.errors import ArtifactError, ArtifactMissing
from contracts.rules.ids import is_record_id
from contracts.rules.json_text import parse_object
from contracts.rules.paths import features_folder, session_log_path
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.capture_facts import CaptureDescription, CaptureFacts
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import LogLine, read_log
from recorder.artifact import ArtifactFacts, artifact_is_there, verify_artifact

__all__ = [
    "ArtifactFacts",
    "Finding",
    "LogReport",
    "SessionReading",
    "failure_text",
    "read_session",
    "replay",
    "verify_log",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``line`` is the log's line, from 1; 0 if it is about the whole log. ``place`` is the
    path or the URL at which an artifact is missing."""

    problem: str
    line: int = 0
    capture_id: str = ""
    record_id: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What `verify_log` found.

    Attributes:
        captures: the artifacts that are there and match their events, those of withdrawn captures too.
        notes: what is no failure: artifacts without an event, and events that a client appended under a reserved name,
            which readers ignore.
        withdrawn: the number of captures whose consent was withdrawn and that are not erased.
        erasing: how many of them are to be erased.
        erased: the number of captures that are erased.
    """

    log: Path
    events: int
    captures: tuple[ArtifactFacts, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    withdrawn: int = 0
    erasing: int = 0
    erased: int = 0

    @property
    def ok(self) -> bool:
        """Whether there is no finding."""
        return not self.findings


@dataclass(slots=True)
class SessionReading:
    """The results of one pass over a log: the feature-ref events with their line numbers, what counts for each capture,
    and the findings."""

    user_id: str
    session_id: str
    events: int = 0
    refs: list[tuple[int, FeatureRefEvent]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fold: SessionFold = field(init=False)

    def __post_init__(self) -> None:
        self.fold = SessionFold(self.user_id, self.session_id)

    def add(self, line: LogLine) -> None:
        self.fold.add(line)
        if line.problem:
            self.findings.append(Finding(line.problem, line.number))
            return
        self.events += 1
        event = parse_object(line.event)
        record_id, capture_id = str(event.get("record_id", "")), str(event.get("capture_id", ""))
        for name, expected in (("user_id", self.user_id), ("session_id", self.session_id)):
            if event.get(name) != expected:
                problem = f"the event's {name} is not that of its log"
                self.findings.append(Finding(problem, line.number, capture_id, record_id))
                return
        if line.by_client:
            self.notes.append(f"line {line.number}: {_appended(event)}: not heeded, a client appended it")
            return
        if "raw_features_ref" not in event:
            return
        try:
            self.refs.append((line.number, FeatureRefEvent.model_validate_json(line.event)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            problem = f"the feature-ref event is malformed: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            self.findings.append(Finding(problem, line.number, capture_id, record_id))


def read_session(log: Path) -> SessionReading:
    """Read a session's log and report, as findings, every line that is not the recorder's envelope of an event of
    this session, and every capture without exactly one feature-ref event. It raises nothing.

    ``log`` is ``…/users/<user_id>/sessions/<session_id>.jsonl``.
    """
    reading = SessionReading(user_id=log.parent.parent.name, session_id=log.stem)
    try:
        session_log_path(log, reading.user_id, reading.session_id)
    except ValueError:
        reading.findings.append(Finding("the log's path is not users/<user_id>/sessions/<session_id>.jsonl"))
        return reading
    try:
        for line in read_log(log):
            reading.add(line)
    except OSError as error:
        finding = Finding(f"the log cannot be read: {error.strerror}")
        return SessionReading(reading.user_id, reading.session_id, findings=[finding])
    reading.findings += _repeats(reading.refs)
    return reading


def verify_log(log: Path, artifacts: ArtifactSource) -> LogReport:
    """Check a whole session: the log as `read_session` does, and that every capture's artifact is there and is what its
    event says, with the quality that the event says, if it says one. The artifact of an erased capture must be absent;
    that of one that is to be erased may be. Artifacts without an event are notes: a capture may still be on its way.
    """
    reading = read_session(log)
    findings = list(reading.findings)
    captures: list[ArtifactFacts] = []
    said = [reading.fold.describe(event.capture_id) for _, event in reading.refs]
    for (number, event), description in zip(reading.refs, said, strict=True):
        try:
            facts, problems = _check_capture(event, description, reading.fold, artifacts)
        except ArtifactError as error:
            place = missing_place(error, event, artifacts)
            findings.append(Finding(str(error), number, event.capture_id, event.record_id, place))
            continue
        findings += [Finding(problem, number, event.capture_id, event.record_id) for problem in problems]
        if facts is not None and not problems:
            captures.append(facts)
    findings.sort(key=lambda finding: finding.line)
    notes = (*reading.notes, *(_orphans(artifacts, reading) if reading.events else ()))
    return LogReport(
        log,
        reading.events,
        tuple(captures),
        tuple(findings),
        notes,
        withdrawn=sum(each.state == "withdrawn" for each in said),
        erasing=sum(each.erasing for each in said),
        erased=sum(each.state == "erased" for each in said),
    )


def _check_capture(
    event: FeatureRefEvent, said: CaptureDescription, fold: SessionFold, artifacts: ArtifactSource
) -> tuple[ArtifactFacts | None, Sequence[str]]:
    """Check one capture's artifact; returns its facts, if it is there and may be, and what is wrong.

    Raises:
        ArtifactError: the first thing that is wrong with an artifact that must be there, or one that cannot be read.
    """
    if said.state == "erased":
        return None, _erasure_problems(event, fold.captures[event.capture_id], artifacts)
    try:
        facts = verify_artifact(event, artifacts)
    except ArtifactMissing:
        if said.erasing:  # removed, and the event that says so is on its way
            return None, ()
        raise
    return facts, facts.quality_differences


def _erasure_problems(event: FeatureRefEvent, capture: CaptureFacts, artifacts: ArtifactSource) -> list[str]:
    problems = []
    if capture.erased_hash != event.raw_features_ref.hash:
        problems.append(
            f"the log says that the artifact {capture.erased_hash} was erased, the capture's own event names "
            f"{event.raw_features_ref.hash}"
        )
    if artifact_is_there(event, artifacts):
        problems.append("the capture is erased, and its artifact is there")
    return problems


def failure_text(error: ArtifactError, event: FeatureRefEvent, artifacts: ArtifactSource) -> str:
    """Describe an artifact's error; if the artifact is missing, also its path or URL."""
    return ": ".join(filter(None, (str(error), missing_place(error, event, artifacts))))


def missing_place(error: ArtifactError, event: FeatureRefEvent, artifacts: ArtifactSource) -> str:
    """The path or the URL at which an artifact is missing; absolute, because a relative ``DATA_ROOT`` depends on the
    working directory. Empty if ``error`` is another one."""
    if not isinstance(error, ArtifactMissing):
        return ""
    place = artifacts.place(event.raw_features_ref.uri)
    return place if "://" in place else str(Path(place).absolute())


def _appended(event: Mapping[str, Any]) -> str:
    """Describe an event by its own fields."""
    if "raw_features_ref" in event:
        return f"feature-ref event of the capture {event.get('capture_id')}"
    return f"event {event.get('event')} of the source {event.get('source')}"


def _repeats(refs: list[tuple[int, FeatureRefEvent]]) -> list[Finding]:
    """Find every event after the first with the same ``capture_id``, or the same ``record_id``."""
    findings = []
    captures: Counter[str] = Counter()
    records: Counter[str] = Counter()
    for number, event in refs:
        for what, seen, value in (
            ("capture_id", captures, event.capture_id),
            ("record_id", records, event.record_id.lower()),
        ):
            seen[value] += 1
            if seen[value] > 1:
                problem = f"feature-ref event number {seen[value]} with this {what}"
                findings.append(Finding(problem, number, event.capture_id, event.record_id))
    return findings


def _orphans(artifacts: ArtifactSource, reading: SessionReading) -> tuple[str, ...]:
    known = {f"{event.record_id}.npz" for _, event in reading.refs}
    try:
        places = artifacts.places(features_folder(reading.user_id, reading.session_id))
    except ValueError:
        return ()
    return tuple(f"{place}: no event refers to it" for place in places if place.rpartition("/")[2] not in known)


def replay(record_id: str, user_id: str, session_id: str, artifacts: ArtifactSource, log_root: Path) -> ArtifactFacts:
    """Find one record's feature-ref event, and verify its artifact.

    Raises:
        ArtifactError: there is not exactly one such event, or the artifact does not verify or is erased; or an id is
            none.
    """
    if not is_record_id(record_id):
        raise ArtifactError(f"{record_id!r} is not a record_id")
    try:
        log = session_log_path(log_root, user_id, session_id)
        reading = SessionReading(user_id, session_id)
        for line in read_log(log):
            reading.add(line)
    except ValueError as error:
        raise ArtifactError(str(error)) from error
    except FileNotFoundError:
        raise ArtifactError(f"user {user_id} has no session {session_id}: there is no {log.absolute()}") from None
    except OSError as error:
        raise ArtifactError(f"the session's log cannot be read: {error.strerror}") from error
    events = [event for _, event in reading.refs if event.record_id.lower() == record_id.lower()]
    if len(events) != 1:
        raise ArtifactError(f"the session's log has {len(events)} feature-ref events for {record_id}, not one")
    said = reading.fold.describe(events[0].capture_id)
    if said.state == "erased":
        erased_at = reading.fold.captures[events[0].capture_id].erased_at
        raise ArtifactError(f"the capture was erased at {erased_at}: the log keeps its event, and no artifact is kept")
    try:
        return verify_artifact(events[0], artifacts)
    except ArtifactMissing as error:
        if said.erasing:
            raise ArtifactError("consent to the capture was withdrawn, and its artifact is being erased") from None
        raise ArtifactMissing(failure_text(error, events[0], artifacts)) from None
