"""``DATASHEET.md``: the questions of *Datasheets for Datasets*, answered from the logs and the artifacts. No I/O.

An answer that no log has is not guessed: the sheet says that it is not known, and the authors add it with ``--about``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scripts.exports.about import About
from scripts.exports.choice import Choice
from scripts.exports.questions import QUESTIONS
from scripts.exports.split import PARTS, SplitRequest
from scripts.exports.summary import Summary
from scripts.exports.tables import File
from scripts.terminal import many

__all__ = ["UNKNOWN", "datasheet_file"]

UNKNOWN = "Not known: no session log says it. The authors of the data set answer it, with `a3cp export --about`."

_PART_NAMES = {"pose": "body", "left_hand": "left hand", "right_hand": "right hand", "face": "face"}
_MOST_LABELS = 100


def datasheet_file(summary: Summary, choice: Choice, split: SplitRequest | None, about: About, software: str) -> File:
    """The datasheet. ``software`` names this project's version."""
    answers = {
        **_composition(summary, choice),
        **_people(summary),
        **_collection(summary, choice, software),
        **_statements(about),
        "splits": _splits(summary, split),
        **about.answers,
    }
    lines = [f"# Datasheet: {_plain(about.name)}", "", f"Version `{summary.version}`.", ""]
    if about.description:
        lines += [about.description, ""]
    section = ""
    for question in QUESTIONS:
        if question.section != section:
            section = question.section
            lines += [f"## {section}", ""]
        lines += [f"**{question.text}**", "", answers.get(question.name, UNKNOWN), ""]
    return File("DATASHEET.md", "\n".join(lines).encode())


def _composition(summary: Summary, choice: Choice) -> dict[str, str]:
    count, labels = len(summary.records), summary.labels
    named = count - labels[""]
    found = ", ".join(f"{_PART_NAMES[part]} {share:.0%}" for part, share in summary.found_share.items())
    hashes = Counter(record.hash for record in summary.records)
    copies = sum(times - 1 for times in hashes.values())
    return {
        "instances": "Captures: a gesture each, of one person before one camera, as landmarks of body, hands and face.",
        "count": f"{many(count, 'capture')} of {many(len(summary.participants), 'participant')}, "
        f"{sum(summary.frames.values()):,} frames, {summary.duration_ms / 60_000:.1f} minutes.",
        "sample": f"A sample: the captures of one installation {_chosen(choice)}. Captures whose consent was withdrawn "
        "are never among them. No log says what larger set of people or gestures they stand for.",
        "data": "For each frame 1,662 numbers (float32) that MediaPipe Holistic computed: 33 points of the body with "
        "x, y, z and visibility, 21 of each hand and 468 of the face with x, y, z; x and y in shares of the picture. "
        f"The time of each frame in milliseconds. Pictures were {_sizes(summary)}, {_listed(summary.rates)} frames a "
        f"second, as clients asked. Encodings: {_listed(summary.encodings, code=True)}.",
        "labels": f"{named} of {count} captures have a label, which a person gave.\n\n{_table(labels)}",
        "missing": "A part of the body that was not found in a frame is missing (NaN). On average the share of frames "
        f"with each part is: {found}. {many(summary.undecoded_frames, 'frame')} could not be decoded: all of their "
        "numbers are missing.",
        "relationships": "`captures.csv`, or the rows' columns, name the session and the participant of each capture.",
        "errors": f"Landmarks are a model's estimates and were not corrected by hand. {many(copies, 'capture')} "
        f"{'has' if copies == 1 else 'have'} the same features as another one.",
        "external": "It is self-contained.",
        "offensive": "It has no pictures, no sound and no text but the labels.",
    }


def _people(summary: Summary) -> dict[str, str]:
    consent = summary.consent
    return {
        "identifiable": "Participants are named by the identifiers of the recording installation; if those are names, "
        "so are they here. The shape and the motion of a face and of hands can identify a person.",
        "sensitive": "Landmarks of faces and bodies are biometric in nature. How a person moves may show a disability.",
        "consent": f"As the logs say: yes for {consent['given']}, no for {consent['refused']}, "
        f"nothing said for {consent['unknown']} of {many(len(summary.records), 'capture')}.",
        "revocation": "Yes. A withdrawal is recorded in the session's log; from then on no export has the capture, and "
        "`a3cp export --check` names it in older ones. Copies of older exports are for their holders to replace.",
    }


def _collection(summary: Summary, choice: Choice, software: str) -> dict[str, str]:
    devices = f"; {many(len(summary.devices), 'recording device')} named in the logs" if summary.devices else ""
    return {
        "acquisition": "Recorded with a camera, or sent as a video file, and reduced to landmarks at once"
        f"{devices}. {many(summary.demonstrations, 'capture')} "
        f"{'is a demonstration' if summary.demonstrations == 1 else 'are demonstrations'}.",
        "mechanisms": f"{software} with MediaPipe Holistic. Each artifact was verified against the SHA-256 in its log "
        "when this export was made.",
        "sampling": f"All captures {_chosen(choice)}; none by chance.",
        "timeframe": f"Recorded from {summary.first_recorded[:10]} to {summary.last_recorded[:10]} (UTC, as the logs "
        "say).",
        "preprocessing": "Pictures were reduced to landmarks. Labels are in Unicode's composed form (NFC). Labels and "
        "participants that a person corrected are the corrected ones. Nothing is smoothed, filled in or normalised.",
        "raw": "No. Pictures are never stored: only the landmarks are.",
        "software": f"{software}, under the Apache License 2.0.",
        "older": "The version is a hash of the content, so older versions can be told apart. Whether they are kept is "
        "not known.",
    }


def _statements(about: About) -> dict[str, str]:
    said = {"creators": ", ".join(about.creators), "license": about.license or "", "how": about.url or ""}
    if about.published:
        said["when"] = f"{about.published}"
    return {name: text for name, text in said.items() if text}


def _splits(summary: Summary, split: SplitRequest | None) -> str:
    if split is None:
        return "No. `a3cp export --split participant:80/10/10` makes one in which no person is in two parts."
    rows = ["| part | captures | participants | frames | labels |", "|---|---|---|---|---|"]
    for part in PARTS:
        records = summary.in_part(part)
        people, labels = {record.participant for record in records}, {record.label for record in records} - {None}
        rows.append(f"| {part} | {len(records)} | {len(people)} | {summary.frames[part]} | {len(labels)} |")
    shares = "/".join(map(str, split.shares))
    return (
        f"Yes, by participant: no person is in two parts. Wanted were {shares} % of the captures of each label, with "
        f"seed {split.seed}; the people's own counts allow this:\n\n" + "\n".join(rows)
    )


def _chosen(choice: Choice) -> str:
    """The captures that were chosen: a relative clause."""
    consent = ["have a consent"] if not choice.without_consent else ["have a consent or a refusal of it"]
    consent += ["have no statement about consent"] if choice.unknown else []
    clauses = ["that " + " or ".join(consent)]
    clauses += [f"whose last review is {' or '.join(choice.verdicts)}"] if choice.verdicts else []
    clauses += [f"with {many(len(choice.labels), 'chosen label')}"] if choice.labels else []
    clauses += [f"of the study {' or '.join(choice.studies)}"] if choice.studies else []
    clauses += ["recorded under one chosen user_id"] if choice.user_id else []
    clauses += [f"recorded in {many(len(choice.sessions), 'chosen session')}"] if choice.sessions else []
    clauses += [f"recorded from {choice.since} on"] if choice.since else []
    clauses += [f"recorded before {choice.until}"] if choice.until else []
    return ", ".join(clauses) + ("; demonstrations too" if choice.demos else "; no demonstrations")


def _table(labels: Mapping[str, int]) -> str:
    ordered = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    rows = [f"| {_plain(label) or '(none)'} | {count} |" for label, count in ordered[:_MOST_LABELS]]
    rest = [f"\n\nand {len(ordered) - _MOST_LABELS} more labels."] if len(ordered) > _MOST_LABELS else []
    return "\n".join(["| label | captures |", "|---|---|", *rows, *rest])


def _plain(text: str) -> str:
    """A text in one cell of a Markdown table: no line break, no mark-up."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#!" else letter for letter in line)


def _listed(values: set[int] | set[str], *, code: bool = False) -> str:
    return ", ".join(f"`{value}`" if code else f"{value}" for value in sorted(values))


def _sizes(summary: Summary) -> str:
    return ", ".join(f"{width} × {height}" for width, height in sorted(summary.sizes)) + " pixels"
