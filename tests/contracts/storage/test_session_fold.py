"""Which statements of a session's log count, as tables."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.storage.capture_facts import CaptureDescription, label_of
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import LogLine
from tests.contracts.storage.session_lines import NOON, SESSION, USER, erased, lines, quality, recorded, said, start

REVIEW = {"capture_id": "c", "verdict": "keep"}
REDO = {"capture_id": "c", "verdict": "redo"}


def fold(*events: Any) -> SessionFold:
    return SessionFold.of(USER, SESSION, lines(*events))


def told(*events: Any) -> CaptureDescription:
    return fold(*events).describe("c")


CONSENT: list[tuple[list[dict[str, Any]], str, bool | None]] = [
    ([], "unknown", None),
    ([{"consent_given": None, "is_demo": None}], "unknown", None),
    ([{"consent_given": False}], "refused", None),
    ([{"capture_id": "c", "consent_given": False}], "refused", None),
    ([{"capture_id": "other", "consent_given": False, "is_demo": True}], "unknown", None),
    ([{"consent_given": "no"}], "refused", None),
    ([{"consent_given": 1}], "refused", None),
    ([{"consent_given": []}], "refused", None),
    ([{"consent_given": True}], "unknown", None),  # anyone may append it
    ([{"consent_given": True}, {"consent_given": False}], "refused", None),
    ([start(consent_given=True)], "given", None),
    ([start(consent_given=True), {"consent_given": False}], "refused", None),
    ([start(consent_given=False), recorded(consent_given=True)], "refused", None),
    ([start(consent_given=True), recorded(consent_given=False)], "refused", None),
    ([recorded(consent_given=True, is_demo=False)], "given", False),
    ([recorded("other", 7, consent_given=True)], "unknown", None),
    ([{"is_demo": True}, recorded(is_demo=False)], "unknown", True),
    ([{"is_demo": "yes"}], "unknown", True),
    ([{"is_demo": 0}], "unknown", True),
    ([start(consent_given=True), said("consent.withdrawn", capture_id="c")], "withdrawn", None),
    ([start(consent_given=True), said("consent.withdrawn")], "withdrawn", None),
    ([start(consent_given=True), said("consent.withdrawn", capture_id="other")], "given", None),
    ([said("consent.withdrawn"), {"consent_given": False}], "withdrawn", None),
]


@pytest.mark.parametrize(("events", "consent", "is_demo"), CONSENT)
def test_the_cautious_statement_wins_in_any_order(
    events: list[dict[str, Any]], consent: str, is_demo: bool | None
) -> None:
    for order in permutations(events):
        description = told(*order)
        assert description.consent == consent
        assert description.is_demo is is_demo


@pytest.mark.parametrize("names", [{}, {"source": "library"}, {"event": "session.start"}, {"user_id": "another"}])
@pytest.mark.parametrize("by", ["", "client"])
def test_a_refusal_counts_whoever_says_it_and_under_any_name(names: dict[str, Any], by: str) -> None:
    refusal = ({**names, "capture_id": "c", "consent_given": False}, by)
    assert told(start(consent_given=True), recorded(), refusal).consent == "refused"


LABELS: list[tuple[list[Any], str | None]] = [
    ([recorded()], None),
    ([start(training_intent_label="wave"), recorded()], "wave"),
    ([recorded(annotation={"intent": "nod"}), start(training_intent_label="wave")], "nod"),
    ([recorded(annotation={"intent": "nod", "of_a_later_version": [1]})], "nod"),
    ([recorded(annotation={"intent": " "}), start(training_intent_label="wave")], "wave"),
    ([start(training_intent_label="")], None),
    ([start(training_intent_label="wave"), start(training_intent_label="late")], "wave"),
    ([start(training_intent_label="wave"), said("other", training_intent_label="no")], "wave"),
    ([recorded(annotation={"intent": "nod"}), said("capture.relabelled", capture_id="c", intent="e\u0301")], "\u00e9"),
    ([said("capture.relabelled", capture_id="c", intent="early"), recorded(annotation={"intent": "nod"})], "early"),
    (
        [
            said("capture.relabelled", 1, capture_id="c", intent="first"),
            said("capture.relabelled", 2, capture_id="c", intent="last"),
        ],
        "last",
    ),
    (
        [
            recorded(annotation={"intent": "nod"}),
            said("capture.relabelled", 1, capture_id="c", intent="wave"),
            said("capture.relabelled", 2, capture_id="c"),
        ],
        "nod",
    ),
    ([recorded(annotation={"intent": "first"}), recorded(annotation={"intent": "again"})], "first"),
    ([said("capture.relabelled", capture_id="c", intent=" ")], None),
    ([said("capture.relabelled", capture_id="c", intent="x" * 257)], None),
    ([said("capture.relabelled", capture_id="other", intent="x")], None),
]


@pytest.mark.parametrize(("events", "label"), LABELS)
def test_the_last_relabelling_counts_then_the_capture_s_own_then_its_session_s(
    events: list[Any], label: str | None
) -> None:
    assert told(*events).label == label


REVIEWS: list[tuple[list[Any], str | None]] = [
    ([said("capture.reviewed", 1, **REVIEW)], "keep"),
    ([said("capture.reviewed", 1, **REVIEW), said("capture.reviewed", 2, **REDO)], "redo"),
    ([said("capture.reviewed", 1, **REVIEW), said("capture.reviewed", 1, **REDO)], "keep"),
    ([said("capture.reviewed", 1, **REVIEW), said("capture.reviewed", 2, **REDO),
      said("capture.reviewed", 1, **REVIEW)], "redo"),
    ([said("capture.reviewed", 1, **REVIEW), said("capture.reviewed", 2, capture_id="c")], None),
    ([said("capture.reviewed", capture_id="c", verdict="perfect")], None),
    ([said("capture.reviewed", capture_id="c")], None),
    ([said("capture.reviewed", capture_id="../x", verdict="keep")], None),
    ([said("capture.reviewed", verdict="keep")], None),
    ([said("capture.reviewed", **REVIEW, schema_version="2.0.0")], None),
]  # fmt: skip


@pytest.mark.parametrize(("events", "verdict"), REVIEWS)
def test_the_last_verdict_counts_and_a_repeat_is_none(events: list[Any], verdict: str | None) -> None:
    assert told(recorded(), *events).review == verdict


@pytest.mark.parametrize(
    "statement",
    [
        said("capture.reviewed", **REVIEW),
        said("capture.relabelled", capture_id="c", intent="evil"),
        said("capture.reassigned", capture_id="c", participant="evil"),
        said("consent.withdrawn", capture_id="c"),
        erased(),
        start(training_intent_label="evil", consent_given=True, is_demo=False),
        recorded(annotation={"intent": "evil"}, consent_given=True),
    ],
    ids=lambda event: event.get("event", "recorded"),
)
def test_what_a_client_or_another_source_says_or_of_another_session_is_not_heeded(statement: dict[str, Any]) -> None:
    before = told()
    assert told(statement) != before
    assert told((statement, "client")) == before
    for changed in (
        {"source": "note_taker"},
        {"user_id": "u2"},
        {"session_id": "sess_fedcba9876543210"},
    ):
        assert told({**statement, **changed}) == before, changed


def test_a_capture_is_of_another_participant_after_a_reassignment() -> None:
    assert told(recorded()).participant == USER
    assert told(recorded(), said("capture.reassigned", capture_id="c", participant="p7")).participant == "p7"


STATES: list[tuple[list[Any], str]] = [
    ([], "kept"),
    ([{"consent_given": False}], "kept"),
    ([said("consent.withdrawn", erase=True)], "withdrawn"),
    ([said("consent.withdrawn"), erased()], "erased"),
    ([erased(), said("consent.withdrawn")], "erased"),
    ([erased("other")], "kept"),
    ([erased(digest="z")], "kept"),
]


@pytest.mark.parametrize(("events", "state"), STATES)
def test_a_capture_is_kept_withdrawn_or_erased(events: list[Any], state: str) -> None:
    assert told(recorded(), *events).state == state


WITHDRAWN, ERASE = said("consent.withdrawn"), said("consent.withdrawn", 2, erase=True)
OF_C, ERASE_C = said("consent.withdrawn", 3, capture_id="c"), said("consent.withdrawn", 4, capture_id="c", erase=True)

ERASING: list[tuple[list[Any], bool]] = [
    ([recorded(), WITHDRAWN], False),
    ([recorded(), ERASE], True),
    ([recorded(), ERASE_C], True),
    ([recorded(), WITHDRAWN, ERASE], True),
    ([recorded(), OF_C, ERASE_C], True),
    ([recorded(), ERASE, WITHDRAWN, OF_C], True),  # no later word undoes it
    ([recorded(), said("consent.withdrawn", capture_id="other", erase=True)], False),
    ([ERASE], False),  # not recorded yet
    ([ERASE, recorded()], True),
    ([ERASE_C, recorded()], True),
    ([recorded(), ERASE, erased()], False),
    ([recorded(), erased(), ERASE, ERASE_C], False),
    ([recorded(), (ERASE, "client")], False),
    ([recorded(), {**ERASE, "source": "elsewhere"}], False),
    ([recorded(), {**ERASE, "session_id": "sess_fedcba9876543210"}], False),
    ([recorded(), {**ERASE, "erase": "yes"}], False),
    ([recorded(), ERASE, (erased(), "client")], True),
]


@pytest.mark.parametrize(("events", "erasing"), ERASING)
def test_a_capture_is_to_be_erased_from_a_heeded_withdrawal_until_a_worker_says_that_it_is_gone(
    events: list[Any], erasing: bool
) -> None:
    assert told(*events).erasing is erasing


def test_the_first_erasure_counts_and_a_repeat_is_none() -> None:
    folded = fold(recorded(), ERASE, erased(), erased(digest="1"))
    assert folded.captures["c"].erased_hash == "sha256:" + "0" * 64
    assert folded.captures["c"].erased_at == NOON
    assert [heard.event for heard in folded.history].count("capture.erased") == 1


def test_the_numbers_of_a_capture_are_those_of_its_own_event() -> None:
    folded = fold(recorded(quality=quality()), recorded(number=9))
    capture = folded.captures["c"]
    assert capture.references == 2
    assert capture.recorded is not None
    assert (capture.recorded.frames, capture.recorded.duration_ms, capture.recorded.fps) == (3, 2000, 15)
    assert capture.recorded.timestamp_start == NOON
    assert folded.describe("c").quality == "good"
    assert folded.describe("c").found == {"pose": 3, "left_hand": 1, "right_hand": 0, "face": 3}


@pytest.mark.parametrize(
    "said",
    [None, 5, "good", [], {}, {"verdict": "best"}, {"verdict": ["good"]}, {"verdict": {}}],
    ids=str,
)
def test_a_quality_that_is_none_is_left_out(said: Any) -> None:
    assert told(recorded(quality=said)).quality is None


@pytest.mark.parametrize("share", [None, "1", True, -0.1, 1.1, [1], 10**400])
def test_shares_that_are_none_give_no_counts(share: Any) -> None:
    text = json.dumps(recorded(quality=quality(pose=share))).encode()
    folded = SessionFold.of(USER, SESSION, [LogLine(1, NOON, text)])
    assert folded.describe("c").found is None


def test_the_history_has_every_heeded_event_in_order() -> None:
    folded = fold(
        start(),
        recorded(),
        said("capture.reviewed", 1, **REVIEW, reason="clear"),
        said("capture.reviewed", 1, **REVIEW, reason="clear"),
        (said("capture.reviewed", 2, **REDO), "client"),
        {"source": "carer", "event": "note", "consent_given": False},
        said("consent.withdrawn", 3, erase=True),
        erased(),
    )
    assert [(each.line, each.capture_id, each.event, each.details) for each in folded.history] == [
        (2, "c", "capture.recorded", {}),
        (3, "c", "capture.reviewed", {"verdict": "keep", "reason": "clear"}),
        (6, "", "consent.refused", {}),
        (7, "", "consent.withdrawn", {"erase": True}),
        (8, "c", "capture.erased", {"hash": "sha256:" + "0" * 64, "erased_at": NOON}),
    ]
    assert folded.history[1].performer_id == "carer-1"


def test_a_line_that_cannot_be_read_is_counted_and_makes_every_capture_uncertain() -> None:
    folded = fold(start(consent_given=True), None, recorded())
    assert folded.describe("c").consent == "given"
    assert not folded.describe("c").certain
    assert (folded.session.lines, folded.session.unreadable) == (3, 1)
    assert told(start(), recorded()).certain


_TEXT = st.one_of(
    st.sampled_from(["c", "", "session.start", "capture.reviewed", "library", "keep"]), st.text(max_size=5)
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_TEXT, inner, max_size=2)),
    max_leaves=4,
)
_FIELDS = st.sampled_from(
    ["event", "source", "capture_id", "verdict", "consent_given", "is_demo", "quality", "annotation", "record_id",
     "user_id", "raw_features_ref", "timestamp_start", "performer_id", "training_intent_label"]
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from([start(), recorded(), said("capture.reviewed", **REVIEW), erased()]),
                          st.dictionaries(_FIELDS, _VALUES, max_size=3)), max_size=5))  # fmt: skip
def test_an_event_may_hold_anything(events: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    folded = fold(*({**event, **changed} for event, changed in events))
    for capture in folded.captures.values():
        orjson.dumps([capture, folded.describe(capture.capture_id)])
    orjson.dumps(folded.history)


def test_half_a_surrogate_pair_reaches_no_fact() -> None:
    text = orjson.dumps(said("note", consent_given=False, performer_id="MARK", capture_id="c")).replace(
        b"MARK", b"\\ud800"
    )
    folded = SessionFold.of(USER, SESSION, [LogLine(1, NOON, text)])
    assert orjson.dumps(folded.history)


@pytest.mark.parametrize(
    ("text", "label"), [("e\u0301", "\u00e9"), (" ", None), ("", None), (5, None), ("\ud800", "?")]
)
def test_a_label_is_normalised(text: object, label: str | None) -> None:
    assert label_of(text) == label
