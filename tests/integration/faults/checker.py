"""The rules that must hold after a run, whatever went wrong in it. It reads only the history and what was observed.

*lost*: something that was promised is not there. *duplicated*: something is there twice. *wrong*: anything else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import numpy as np
import orjson

from contracts.messages.event import FeatureRefEvent
from contracts.rules.errors import ArtifactError
from contracts.state.events import split_line
from contracts.storage.artifacts import ArtifactSource
from recorder.artifact import verify_artifact
from tests.integration.faults.history import AppendTold, CaptureTold, SessionTold, Told
from tests.integration.faults.observation import Brokers, Observed

__all__ = ["Allow", "Features", "Report", "check"]

Features = Callable[[int, int, Sequence[int]], bytes]
"""The bytes of the feature matrix of a clip's first frames, if tracking starts again at these seqs."""


@dataclass(frozen=True, slots=True)
class Allow:
    """What a fault may do to its victims; everything else is a violation.

    Attributes:
        told: codes that a client may be told instead of success.
        outcomes: codes that a capture whose close was answered with 1000 may have instead of an artifact.
        lost_connections: whether a capture's connection may be lost without a word.
        append_answers: statuses that an append may get beside 201; 0 is a lost connection.
        dead_letters: reasons of dead letters that may be there.
        no_quality: whether events may say nothing of the quality, as those of release 0.2.0 do.
    """

    told: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    lost_connections: bool = False
    append_answers: frozenset[int] = frozenset()
    dead_letters: frozenset[str] = frozenset()
    no_quality: bool = False

    def __or__(self, other: Allow) -> Allow:
        return Allow(
            self.told | other.told,
            self.outcomes | other.outcomes,
            self.lost_connections or other.lost_connections,
            self.append_answers | other.append_answers,
            self.dead_letters | other.dead_letters,
            self.no_quality or other.no_quality,
        )


@dataclass(slots=True)
class Report:
    """What a check found; every finding is a sentence."""

    captures: int = 0
    appends: int = 0
    recorded: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every rule held."""
        return not (self.lost or self.duplicated or self.wrong)

    @property
    def findings(self) -> list[str]:
        """Everything that was found."""
        return [
            f"{kind}: {text}"
            for kind, texts in (("lost", self.lost), ("duplicated", self.duplicated), ("wrong", self.wrong))
            for text in texts
        ]


@dataclass(slots=True)
class _Log:
    """One session's log, read: the events in order, when each was recorded, and the feature-refs by capture."""

    events: list[bytes] = field(default_factory=list)
    recorded_at: dict[bytes, str] = field(default_factory=dict)
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    refs: dict[str, list[bytes]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    erased: dict[str, set[bytes]] = field(default_factory=dict)


def check(told: Told, observed: Observed, allow: Allow, features: Features) -> Report:
    """Check a run against the rules."""
    report = Report(captures=len(told.captures), appends=len(told.appends))
    logs = {session_id: _read(session_id, log, report) for session_id, log in observed.logs.items()}
    for capture in told.captures.values():
        _check_capture(capture, logs[capture.session_id], observed, allow, features, report)
    for capture_id, answers in told.withdrawals.items():
        _check_withdrawal(told.captures[capture_id], answers, logs, allow, report)
    for append in told.appends.values():
        _check_append(append, logs[append.session_id], allow, report)
    for session in told.sessions.values():
        _check_session(session, logs[session.session_id], told, report)
        _check_order(session, logs[session.session_id], told, report)
    _check_sameness(told, logs, observed, report)
    report.wrong += [f"an artifact that no event refers to: {name}" for name in _orphans(told, logs, observed)]
    report.wrong += [f"bytes of an image on a disk: {name}" for name in observed.images]
    report.wrong += _left_over(observed.brokers, allow)
    return report


def _read(session_id: str, log: bytes, report: Report) -> _Log:
    read = _Log()
    for line in log.splitlines(keepends=True):
        parts = split_line(line)
        if parts is None:
            report.wrong.append(f"session {session_id}: a line that is no envelope: {line[:80]!r}")
            continue
        recorded_at, event = parts
        document = orjson.loads(event)
        read.events.append(event)
        read.recorded_at.setdefault(event, recorded_at)
        read.documents.append(document)
        if "raw_features_ref" in document:
            read.refs.setdefault(document["capture_id"], []).append(event)
        elif document.get("event") == "consent.withdrawn":
            read.withdrawn.add(document["capture_id"])
        elif document.get("event") == "capture.erased":
            read.erased.setdefault(document["capture_id"], set()).add(event)
    for event, count in Counter(read.events).items():
        if count > 1:
            report.duplicated.append(f"session {session_id}: a line {count} times: {event[:120]!r}")
    return read


# --- captures ------------------------------------------------------------------------------------------


def _check_capture(
    told: CaptureTold, log: _Log, observed: Observed, allow: Allow, features: Features, report: Report
) -> None:
    who = f"capture {told.capture_id}"
    events = log.refs.get(told.capture_id, [])
    seen = observed.reports.get(told.capture_id) or {}
    status, code = seen.get("status", "unknown"), seen.get("error_code", "")
    if len(set(events)) > 1:
        report.duplicated.append(f"{who} has {len(set(events))} different events")
    if told.lost and not allow.lost_connections:
        report.wrong.append(f"{who}: its connection was lost")
    if told.code and told.code not in allow.told:
        report.wrong.append(f"{who} was told {told.code}")
    if events:
        report.recorded += 1
        if status != "recorded":
            report.wrong.append(f"{who} has an event, and is {status} {code}")
        if told.code:
            report.wrong.append(f"{who} was told {told.code}, and has an event")
        if told.capture_id in log.withdrawn:
            _check_erasure(told, events[0], log, observed, report)
        elif told.capture_id in log.erased:
            report.wrong.append(f"{who} is erased, and nothing asked for that")
        elif (problem := _artifact_problem(told, events[0], observed, allow, features)) is not None:
            kind = report.lost if problem == "the artifact does not exist" else report.wrong
            kind.append(f"{who}: {problem}")
        return
    if told.completed and not (status == "aborted" and code in allow.outcomes):
        report.lost.append(f"{who} was closed with 1000, has no event, and is {status} {code}")
    elif status not in ("aborted", "unknown") or (status == "unknown" and told.opened):
        report.lost.append(f"{who} has no event, and is {status}")
    elif told.code and told.close_code == 1000 and code not in ("", *_codes_of_the_record(told)):
        report.wrong.append(f"{who} was told {told.code}, its record says {code}")


def _codes_of_the_record(told: CaptureTold) -> set[str]:
    """The codes that the record of an aborted capture may have. If an open was refused because a broker did not answer,
    its reservation may have been made all the same; then the sweep ends it."""
    return {told.code, "frames_lost"} if told.code == "forward_failed" and not told.opened else {told.code}


def _check_withdrawal(
    told: CaptureTold, answers: Sequence[int], logs: Mapping[str, _Log], allow: Allow, report: Report
) -> None:
    """An answer of 202 means that the log has it. A capture that was aborted, or never opened, has 409 or 404."""
    for status in set(answers) - {202, 404, 409} - allow.append_answers:
        report.wrong.append(f"the withdrawal of {told.capture_id} was answered with {status}")
    if 202 in answers and told.capture_id not in logs[told.session_id].withdrawn:
        report.lost.append(f"the withdrawal of {told.capture_id} was answered with 202, and is not in the log")


def _check_erasure(told: CaptureTold, event: bytes, log: _Log, observed: Observed, report: Report) -> None:
    """A capture that is to be erased is erased in the end: no artifact, and one event with its hash."""
    who, erased = f"capture {told.capture_id}", log.erased.get(told.capture_id, set())
    if not erased:
        report.lost.append(f"{who} is to be erased, and is not")
    if len(erased) > 1:
        report.duplicated.append(f"{who} has {len(erased)} different erasures")
    ref = orjson.loads(event)["raw_features_ref"]
    if any(orjson.loads(each)["hash"] != ref["hash"] for each in erased):
        report.wrong.append(f"{who} is erased with the hash of another artifact")
    if erased and f"{told.record_id}.npz" in observed.artifacts[told.session_id]:
        report.wrong.append(f"{who} is erased, and its artifact is there")


def _artifact_problem(
    told: CaptureTold, event: bytes, observed: Observed, allow: Allow, features: Features
) -> str | None:
    data = observed.artifacts[told.session_id].get(f"{told.record_id}.npz")
    ref = FeatureRefEvent.model_validate_json(event)
    if data is None:
        return "the artifact does not exist"
    if (ref.record_id, ref.user_id, ref.session_id) != (told.record_id, told.user_id, told.session_id):
        return "its event names another capture"
    with TemporaryDirectory() as root:  # verify_artifact reads a file
        path = Path(root) / ref.raw_features_ref.uri
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        try:
            facts = verify_artifact(ref, ArtifactSource(Path(root)))
        except ArtifactError as error:
            return f"the artifact does not verify: {error}"
        with np.load(path, allow_pickle=False) as members:
            rows = members["features"].tobytes()
    if facts.shape[0] != told.sent:
        return f"{told.sent} frames were sent, the artifact has {facts.shape[0]}"
    silent = facts.quality_said is None and not allow.no_quality
    if silent or (facts.quality_said is not None and facts.quality_differences):
        return f"its event does not say the quality of its arrays: {', '.join(facts.quality_differences) or 'nothing'}"
    if rows != features(told.clip, told.sent, facts.tracker_restarts):
        return f"its rows are not those of a bare run (restarts {facts.tracker_restarts})"
    return None


def _check_sameness(told: Told, logs: Mapping[str, _Log], observed: Observed, report: Report) -> None:
    """The same file, with tracking restarted at the same frames, makes the same bytes."""
    made: defaultdict[tuple[int, bytes], set[bytes]] = defaultdict(set)
    for capture in told.captures.values():
        data = observed.artifacts[capture.session_id].get(f"{capture.record_id}.npz")
        if capture.uploaded and data is not None and capture.capture_id in logs[capture.session_id].refs:
            with (
                suppress(ValueError, OSError, BadZipFile),
                np.load(BytesIO(data)) as members,
            ):  # otherwise it is reported already
                made[capture.clip, members["tracker_restarts"].tobytes()].add(data)
    report.wrong += [f"video {clip} made {len(all_)} artifacts" for (clip, _), all_ in made.items() if len(all_) > 1]


def _orphans(told: Told, logs: Mapping[str, _Log], observed: Observed) -> Iterator[str]:
    for session_id, files in observed.artifacts.items():
        refs = logs[session_id].refs.values()
        known = {f"{orjson.loads(event)['record_id']}.npz" for events in refs for event in events}
        yield from (f"{session_id}/{name}" for name in files if name not in known)


# --- lines ---------------------------------------------------------------------------------------------


def _check_append(told: AppendTold, log: _Log, allow: Allow, report: Report) -> None:
    who = f"append {orjson.loads(told.event)['record_id']}"
    for status in set(told.answers) - {201} - allow.append_answers:
        report.wrong.append(f"{who} was answered with {status}")
    if not told.recorded_at:
        return
    at = log.recorded_at.get(told.event)
    if at is None:
        report.lost.append(f"{who} was answered with 201, and is not in the log")
    elif set(told.recorded_at) != {at}:
        report.wrong.append(f"{who} was recorded at {at}, and told {sorted(set(told.recorded_at))}")


def _check_session(told: SessionTold, log: _Log, all_told: Told, report: Report) -> None:
    who = f"session {told.session_id}"
    kinds = [document.get("event") for document in log.documents]
    starts, ends = kinds.count("session.start"), kinds.count("session.end")
    if told.started == 200 and not starts:
        report.lost.append(f"{who} has no start")
    if told.ended == 200 and not ends:
        report.lost.append(f"{who} has no end")
    if starts > 1 or ends > 1:
        report.duplicated.append(f"{who} has {starts} starts and {ends} ends")
    if starts and kinds[0] != "session.start":
        report.wrong.append(f"{who} does not begin with its start")
    if any(document.get("session_id") != told.session_id for document in log.documents):
        report.wrong.append(f"{who} has another session's line")
    known = {append.event for append in all_told.appends.values()}
    refs = {event for events in log.refs.values() for event in events}
    for event, kind in zip(log.events, kinds, strict=True):
        if kind in ("consent.withdrawn", "capture.erased"):
            if orjson.loads(event).get("capture_id") not in all_told.withdrawals:
                report.wrong.append(f"{who} has a withdrawal that no client sent: {event[:120]!r}")
        elif event not in known and event not in refs and kind not in ("session.start", "session.end"):
            report.wrong.append(f"{who} has a line that no client sent: {event[:120]!r}")
    for capture_id in set(log.refs) - set(all_told.captures):
        report.wrong.append(f"{who} has an event of a capture that no client made: {capture_id}")


def _check_order(told: SessionTold, log: _Log, all_told: Told, report: Report) -> None:
    """An event recorded before another was sent comes before it in the log."""
    place = {event: number for number, event in reversed(list(enumerate(log.events)))}
    appends = [a for a in all_told.appends.values() if a.session_id == told.session_id and a.event in place]
    for first in appends:
        for second in appends:
            before = first.recorded_s is not None and first.recorded_s < second.sent_s
            if before and place[first.event] > place[second.event]:
                report.wrong.append(f"session {told.session_id}: two appends stand in the wrong order")


def _left_over(brokers: Brokers, allow: Allow) -> list[str]:
    left = {
        "dispatch entries": brokers.dispatched,
        "pending captures": brokers.dispatch_pending,
        "events": brokers.events,
        "pending events": brokers.events_pending,
        "unfinished captures": brokers.unfinished,
        "frames-role keys": brokers.frames_keys,
        "videos": brokers.videos,
        "places of videos": brokers.places,
    }
    found = [f"left in the brokers: {what}: {value}" for what, value in left.items() if value]
    dead = [letter for letter in brokers.dead_letters if letter.get("reason") not in allow.dead_letters]
    return found + [f"dead letter: {letter.get('reason')}: {letter.get('detail')}" for letter in dead]
