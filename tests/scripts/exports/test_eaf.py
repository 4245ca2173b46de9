"""``eaf``: by the rules of the EAF 3.0 schema, and read back by pympi."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pympi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.rules.landmarks import LAYOUT, PART_NAMES
from scripts.exports.capture import VerifiedCapture
from scripts.exports.eaf import files, found_spans, to_eaf
from tests.scripts.exports.roots import capture_of, landmarks

pytestmark = pytest.mark.filterwarnings("ignore:Parsing unknown version:UserWarning")

CHILDREN = {
    "ANNOTATION_DOCUMENT": (
        "LICENSE HEADER TIME_ORDER TIER LINGUISTIC_TYPE LOCALE LANGUAGE CONSTRAINT CONTROLLED_VOCABULARY LEXICON_REF "
        "REF_LINK_SET EXTERNAL_REF"
    ),
    "HEADER": "MEDIA_DESCRIPTOR LINKED_FILE_DESCRIPTOR PROPERTY",
    "TIME_ORDER": "TIME_SLOT",
    "TIER": "ANNOTATION",
    "ANNOTATION": "ALIGNABLE_ANNOTATION",
    "ALIGNABLE_ANNOTATION": "ANNOTATION_VALUE",
}
"""The children that the schema lets an element of these files have, in the schema's order; the others have none."""

XSI = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
ATTRIBUTES = {  # required, then optional
    "ANNOTATION_DOCUMENT": ("DATE AUTHOR VERSION", f"FORMAT {XSI}"),
    "HEADER": ("", "MEDIA_FILE TIME_UNITS"),
    "PROPERTY": ("", "NAME"),
    "TIME_ORDER": ("", ""),
    "TIME_SLOT": ("TIME_SLOT_ID", "TIME_VALUE"),
    "TIER": ("TIER_ID LINGUISTIC_TYPE_REF", "PARTICIPANT ANNOTATOR DEFAULT_LOCALE PARENT_REF EXT_REF LANG_REF"),
    "ANNOTATION": ("", ""),
    "ALIGNABLE_ANNOTATION": ("ANNOTATION_ID TIME_SLOT_REF1 TIME_SLOT_REF2", "SVG_REF EXT_REF LANG_REF CVE_REF"),
    "ANNOTATION_VALUE": ("", ""),
    "LINGUISTIC_TYPE": ("LINGUISTIC_TYPE_ID", "TIME_ALIGNABLE CONSTRAINTS GRAPHIC_REFERENCES"),
    "CONSTRAINT": ("STEREOTYPE", "DESCRIPTION"),
}
NCNAME = re.compile(r"[A-Za-z_][\w.-]*")


def assert_eaf(content: bytes) -> ElementTree.Element:
    """Check a file as the schema's validator does: elements, their order, attributes, types, keys and references."""
    root = ElementTree.fromstring(content)
    assert root.tag == "ANNOTATION_DOCUMENT" and root.get("FORMAT") == "3.0"
    assert root.get(XSI) == "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
    datetime.fromisoformat(root.attrib["DATE"])
    for element in root.iter():
        required, optional = (set(names.split()) for names in ATTRIBUTES[element.tag])
        assert required <= element.attrib.keys() <= required | optional, element.tag
        order = CHILDREN.get(element.tag, "").split()
        places = [order.index(child.tag) for child in element]
        assert places == sorted(places)
    assert [len(root.findall(tag)) for tag in ("HEADER", "TIME_ORDER")] == [1, 1]
    assert all(len(each) == 1 for tag in ("ANNOTATION", "ALIGNABLE_ANNOTATION") for each in root.iter(tag))
    ids = [element.attrib[name] for element in root.iter() for name in ("TIME_SLOT_ID", "ANNOTATION_ID")
           if name in element.attrib]  # fmt: skip
    assert len(ids) == len(set(ids)) and all(NCNAME.fullmatch(name) for name in ids)
    tiers = [tier.attrib["TIER_ID"] for tier in root.iter("TIER")]
    assert len(tiers) == len(set(tiers))
    kinds = {kind.attrib["LINGUISTIC_TYPE_ID"] for kind in root.iter("LINGUISTIC_TYPE")}
    assert {tier.attrib["LINGUISTIC_TYPE_REF"] for tier in root.iter("TIER")} <= kinds
    slots = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values()) and min(slots.values(), default=0) >= 0
    for each in root.iter("ALIGNABLE_ANNOTATION"):
        assert slots[each.attrib["TIME_SLOT_REF1"]] < slots[each.attrib["TIME_SLOT_REF2"]]
    return root


def read(capture: VerifiedCapture, folder: Path) -> pympi.Elan.Eaf:
    path = folder / f"{capture.record_id}.eaf"
    path.write_bytes(to_eaf(capture))
    return pympi.Elan.Eaf(str(path))


def test_elan_s_tiers_have_the_label_and_when_each_part_was_found(recorded: VerifiedCapture, tmp_path: Path) -> None:
    assert_eaf(to_eaf(recorded))
    eaf = read(recorded, tmp_path)
    assert list(eaf.get_tier_names()) == ["gesture", *PART_NAMES]
    times = recorded.artifact.timestamps_ms.tolist()
    end = times[-1] + 67
    assert [each[:3] for each in eaf.get_annotation_data_for_tier("gesture")] == [(0, end, "wave, hello")]
    face = sorted(each[:3] for each in eaf.get_annotation_data_for_tier("face"))
    assert face == [(0, times[2], "found"), (times[3], end, "found")], "the third frame was not decoded"
    assert list(eaf.get_annotation_data_for_tier("left_hand")) == []
    assert {parameters["PARTICIPANT"] for _, _, parameters, _ in eaf.tiers.values()} == {"carer-1"}


def test_a_capture_without_a_label_has_an_empty_tier_for_it(tmp_path: Path) -> None:
    capture = capture_of(tmp_path / "data", landmarks(3))
    assert_eaf(to_eaf(capture))
    assert list(read(capture, tmp_path).get_annotation_data_for_tier("gesture")) == []


@pytest.mark.parametrize(
    ("label", "read_as"),
    [
        ("<a> & 'b' \"c\" ]]>", "<a> & 'b' \"c\" ]]>"),
        ("手話 👋 é", "手話 👋 é"),
        ("a\rb\r\nc\td\n", "a\rb\r\nc\td\n"),
        ("a\x00b\x1b[31m\ufffe", "a\ufffdb\ufffd[31m\ufffd"),
    ],
)
def test_any_label_is_text_in_the_file(tmp_path: Path, label: str, read_as: str) -> None:
    root = assert_eaf(to_eaf(capture_of(tmp_path, landmarks(2), intent=label)))
    assert root.findtext("TIER/ANNOTATION/ALIGNABLE_ANNOTATION/ANNOTATION_VALUE") == read_as


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(1, 8).flatmap(lambda frames: st.lists(st.integers(0, 99), min_size=frames, max_size=frames)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_any_capture_makes_a_valid_file_whose_spans_cover_the_found_frames(
    tmp_path: Path, steps: list[int], seed: int, missing: float
) -> None:
    members: dict[str, Any] = landmarks(len(steps), seed, missing)
    times = np.cumsum([0, *steps[1:]])
    members["timestamps_ms"] = times.astype("<i8")
    capture = capture_of(tmp_path, members, intent="x")
    assert_eaf(to_eaf(capture))
    ends = [*times[1:].tolist(), int(times[-1]) + max(1, round(1000 / capture.fps))]
    for part in LAYOUT:
        spans = found_spans(capture, part.name)
        assert all(before.end <= after.begin for before, after in pairwise(spans))
        found = ~np.isnan(members["features"][:, part.columns]).all(axis=1)
        for begin, end, present in zip(times.tolist(), ends, found, strict=True):
            if end > begin:
                assert present == any(span.begin <= begin and end <= span.end for span in spans)


def test_each_capture_is_a_file_with_its_row(recorded: VerifiedCapture) -> None:
    made = [file.path for file in files([recorded])]
    assert made == [f"{recorded.record_id}.eaf", f"metadata/{recorded.record_id}.json", "captures.csv"]
