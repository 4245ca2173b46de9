"""``eaf``: an ELAN annotation file for each capture, EAF 3.0. No I/O.

The tier ``gesture`` has the label, from the start to the end of the last frame. Below it a tier for each part of the
body has an annotation wherever that part was found. A capture without a label has an empty ``gesture`` tier to fill
in. No medium is linked: pictures are never stored. Times are the artifact's, in milliseconds since its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from contracts.rules.ids import format_utc
from contracts.rules.landmarks import PART_NAMES
from scripts.exports.capture import VerifiedCapture
from scripts.exports.tables import CapturesTable, File

__all__ = ["GESTURE", "Span", "files", "found_spans", "to_eaf"]

GESTURE = "gesture"
"""The name of the tier with the label."""

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="a3cp" DATE={date} FORMAT="3.0" VERSION="3.0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <PROPERTY NAME="URN">urn:nl-mpi-tools-elan-eaf:{record_id}</PROPERTY>
        <PROPERTY NAME="lastUsedAnnotationId">{annotations}</PROPERTY>
    </HEADER>
"""
_TAIL = """\
    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
    <CONSTRAINT DESCRIPTION="Time subdivision of parent annotation's time interval, no time gaps allowed within this \
interval" STEREOTYPE="Time_Subdivision"/>
    <CONSTRAINT DESCRIPTION="Symbolic subdivision of a parent annotation. Annotations refering to the same parent are \
ordered" STEREOTYPE="Symbolic_Subdivision"/>
    <CONSTRAINT DESCRIPTION="1-1 association with a parent annotation" STEREOTYPE="Symbolic_Association"/>
    <CONSTRAINT DESCRIPTION="Time alignable annotations within the parent annotation's time interval, gaps are \
allowed" STEREOTYPE="Included_In"/>
</ANNOTATION_DOCUMENT>
"""
"""ELAN writes these four constraints, in these words, into every file."""


class Span(NamedTuple):
    """An annotation: milliseconds since the start, and its text. ``end`` is later than ``begin``."""

    begin: int
    end: int
    text: str


def found_spans(capture: VerifiedCapture, part: str) -> list[Span]:
    """The spans of time in which the part was found. A frame lasts until the next one, the last one as long as its
    capture's rate says."""
    times = [*capture.artifact.timestamps_ms.tolist(), _end_ms(capture)]
    present = ~np.isnan(capture.part(part)).all(axis=(1, 2))  # type: ignore[arg-type]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8))).tolist()
    spans = (Span(times[begin], times[end], "found") for begin, end in zip(edges[::2], edges[1::2], strict=True))
    return [span for span in spans if span.end > span.begin]


def to_eaf(capture: VerifiedCapture) -> bytes:
    """The file of one capture."""
    label = [Span(0, _end_ms(capture), capture.intent)] if capture.intent is not None else []
    tiers: dict[str, list[Span]] = {GESTURE: label, **{part: found_spans(capture, part) for part in PART_NAMES}}
    moments = [time for spans in tiers.values() for span in spans for time in span[:2]]
    slots = {time: f"ts{number}" for number, time in enumerate(sorted(set(moments)), start=1)}
    annotations = sum(map(len, tiers.values()))
    date = quoteattr(format_utc(capture.event.timestamp_end))
    lines = [_HEAD.format(date=date, record_id=capture.record_id, annotations=annotations), *_time_order(slots)]
    first = 1
    for name, spans in tiers.items():
        lines += _tier(name, capture.participant, spans, slots, first)
        first += len(spans)
    return ("".join(lines) + _TAIL).encode()


def files(captures: Iterable[VerifiedCapture]) -> Iterator[File]:
    """``<record_id>.eaf`` for each capture, and the files of `CapturesTable`."""
    table = CapturesTable()
    for capture in captures:
        file = File(f"{capture.record_id}.eaf", to_eaf(capture))
        yield file
        yield table.add(capture, file.path)
    yield table.file()


def _end_ms(capture: VerifiedCapture) -> int:
    return int(capture.artifact.timestamps_ms[-1]) + max(1, round(1000 / capture.fps))


def _time_order(slots: dict[int, str]) -> list[str]:
    if not slots:
        return ["    <TIME_ORDER/>\n"]
    lines = [f'        <TIME_SLOT TIME_SLOT_ID="{name}" TIME_VALUE="{time}"/>\n' for time, name in slots.items()]
    return ["    <TIME_ORDER>\n", *lines, "    </TIME_ORDER>\n"]


def _tier(name: str, participant: str, spans: list[Span], slots: dict[int, str], first: int) -> list[str]:
    head = f'    <TIER LINGUISTIC_TYPE_REF="default-lt" PARTICIPANT={quoteattr(participant)} TIER_ID="{name}"'
    if not spans:
        return [f"{head}/>\n"]
    lines = []
    for number, span in enumerate(spans, start=first):
        where = f'TIME_SLOT_REF1="{slots[span.begin]}" TIME_SLOT_REF2="{slots[span.end]}"'
        # a reader turns a bare \r into \n
        text = escape(_NO_XML.sub("\ufffd", span.text), {"\r": "&#13;"})
        lines += [
            "        <ANNOTATION>\n",
            f'            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" {where}>\n',
            f"                <ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>\n",
            "            </ALIGNABLE_ANNOTATION>\n",
            "        </ANNOTATION>\n",
        ]
    return [f"{head}>\n", *lines, "    </TIER>\n"]
