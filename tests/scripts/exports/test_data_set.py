"""A data set: filters, a split by participant in each format, its version, its datasheet and its Croissant metadata.

Only the tests that need `datasets` or `mlcroissant` import them: that takes seconds, in every process of the run.
"""

from __future__ import annotations

import json
import logging
import tomllib
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.rules.errors import ConfigurationError
from scripts.exports.about import read_about
from scripts.exports.choice import Choice
from scripts.exports.datasheet import UNKNOWN
from scripts.exports.formats import FORMATS
from scripts.exports.questions import QUESTIONS
from scripts.exports.split import SplitRequest
from tests.recorder.samples import NOON
from tests.scripts.exports.roots import Roots, landmarks
from tests.scripts.test_cli import a3cp
from tests.support.later import Later

pd = Later("pandas")

pytestmark = pytest.mark.filterwarnings(
    "ignore:SymbolDatabase.GetPrototype:UserWarning",
    "ignore::DeprecationWarning:rdflib",  # mlcroissant's parser
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning",
)

SPLIT = SplitRequest.parse("participant:60/20/20", 1)


def rows(roots: Roots, form: str = "npy1662", name: str = "captures.csv") -> pd.DataFrame:
    return pd.read_csv(roots.exports / form / name, dtype=str, keep_default_na=False)


def manifest(roots: Roots, form: str = "npy1662") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((roots.exports / form / "export.json").read_bytes())
    return document


def study(roots: Roots, people: int = 6) -> list[str]:
    """Sessions of some people, with two captures each of two labels."""
    records = []
    for number in range(people):
        session = roots.session(f"p{number}", consent_given=True)
        for take, label in enumerate(["wave", "more"]):
            members = landmarks(2 + take, seed=10 * number + take)
            records.append(roots.capture(session, members, f"p{number}", annotation={"intent": label}))
    return records


# --- the choice


def test_only_captures_with_the_chosen_verdict_label_and_time(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session(consent_given=True)
    day = timedelta(days=1)
    names = {}
    for name, label, age in (("kept", "wave", 0), ("judged", "wave", 1), ("named", "more", 2), ("plain", None, 3)):
        fields = {"annotation": {"intent": label}} if label else {}
        names[roots.capture(session, landmarks(2, seed=age), at=NOON + age * day, **fields)] = name
    record = {name: each for each, name in names.items()}
    roots.tell(session, "capture.reviewed", record["judged"], verdict="keep")
    roots.tell(session, "capture.reviewed", record["kept"], verdict="reject")
    roots.tell(session, "capture.reviewed", record["kept"], verdict="keep")
    roots.tell(session, "capture.reviewed", record["named"], verdict="redo")

    def chosen(**options: Any) -> set[str]:
        assert roots.export("npy1662", choice=Choice.of(**options), replace=True) == 0
        return {names[each] for each in rows(roots).record_id}

    assert chosen() == {"kept", "judged", "named", "plain"}
    assert "not chosen" not in capsys.readouterr().out
    assert chosen(verdicts=["keep"]) == {"kept", "judged"}
    assert "2 captures of 1 session, replaced, 2 not chosen" in capsys.readouterr().out
    assert chosen(verdicts=["redo", "none"]) == {"named", "plain"}
    assert chosen(labels=["wave", ""]) == {"kept", "judged", "plain"}
    assert chosen(since="2026-02-01") == {"judged", "named", "plain"}
    assert chosen(since="2026-02-01T12:00", until="2026-02-02T12:00:00Z") == {"judged"}
    assert chosen(until="2026-02-01", verdicts=["keep"]) == {"kept"}
    with pytest.raises(ConfigurationError, match=r"--verdict: keep \| redo \| reject \| none, not 'good'"):
        chosen(verdicts=["good"])
    with pytest.raises(ConfigurationError, match="--since: a day or a time"):
        chosen(since="yesterday")


def test_a_filter_lets_no_capture_pass_that_is_held_back(roots: Roots) -> None:
    session = roots.session(consent_given=True)
    good, gone, lost = (roots.capture(session, landmarks(2, seed=seed)) for seed in range(3))
    for record in (good, gone, lost):
        roots.tell(session, "capture.reviewed", record, verdict="keep")
    roots.tell(session, "consent.withdrawn", gone, erase=True)
    roots.tell(session, "capture.erased", lost, hash="sha256:" + "0" * 64, erased_at="2026-02-01T00:00:00Z")
    everything = Choice.of(verdicts=["keep"], unknown=True, without_consent=True, demos=True)
    assert roots.export("npy1662", choice=everything) == 0
    assert rows(roots).record_id.tolist() == [good]


# --- the split


def test_no_participant_is_in_two_parts_and_a_reassigned_capture_is_with_its_participant(roots: Roots) -> None:
    study(roots)
    session = roots.session("p0", consent_given=True)
    theirs = [roots.capture(session, landmarks(2, seed=90 + take), "p0") for take in range(4)]
    for record, person in zip(theirs, ("p3", "p4", "p5", "guest"), strict=True):
        roots.tell(session, "capture.reassigned", record, "p0", participant=person)
    assert roots.export("npy1662", split=SPLIT) == 0
    table = rows(roots)
    assert set(table.split) == {"train", "validation", "test"}
    assert (table.groupby("participant").split.nunique() == 1).all()
    moved = table.set_index("record_id").loc[theirs]
    assert moved.participant.tolist() == ["p3", "p4", "p5", "guest"] and set(moved.user_id) == {"p0"}
    assert manifest(roots)["split"] == {"by": "participant:60/20/20", "seed": 1}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 7), st.sampled_from(["wave", "more", None])),
        min_size=4,
        max_size=12,
    ),
    st.integers(0, 99),
)
def test_no_participant_is_in_two_parts_whatever_was_recorded_and_reassigned(
    tmp_path_factory: pytest.TempPathFactory, takes: list[tuple[int, int, str | None]], seed: int
) -> None:
    roots = Roots(tmp_path_factory.mktemp("any"))
    shown = set()
    for number, (user, person, label) in enumerate(takes):
        session = roots.session(f"u{user}", consent_given=True)
        fields = {"annotation": {"intent": label}} if label else {}
        record = roots.capture(session, landmarks(1, seed=number), f"u{user}", **fields)
        if user != person:
            roots.tell(session, "capture.reassigned", record, f"u{user}", participant=f"u{person}")
        shown.add(f"u{person}")
    code = roots.export("npy1662", split=SplitRequest((60, 20, 20), seed))
    if len(shown) < 3:
        assert code == 1 and not (roots.exports / "npy1662").exists()
        return
    assert code == 0
    parts = defaultdict(set)
    for row in rows(roots).itertuples():
        parts[row.participant].add(row.split)
    assert set(parts) == shown
    assert all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == {"train", "validation", "test"}


def test_too_few_participants_is_one_line_and_nothing_is_written(roots: Roots) -> None:
    study(roots, people=2)
    split = ("--format", "npy1662", "--split", "participant:80/10/10")
    run = a3cp("export", *split, cwd=roots.exports.parent)
    assert run.returncode == 2 and run.stdout == ""
    assert run.stderr == (
        "a3cp export: --split: train and validation and test need at least 3 participants, one each; "
        "these captures show 2\n"
    )
    assert not roots.exports.exists()


def test_people_who_are_held_back_or_not_chosen_count_for_no_part(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    study(roots, people=3)
    roots.capture(roots.session("refused", consent_given=False), user_id="refused")
    roots.say(roots.session("p2"), "p2", consent_given=False)
    assert roots.export("npy1662", split=SPLIT) == 0
    assert set(rows(roots).participant) == {"p0", "p1", "p2"}
    assert roots.export("npy1662", split=SPLIT, choice=Choice.of(labels=["none such"]), replace=True) == 1
    assert "these captures show 0" in capsys.readouterr().out


def test_a_part_of_which_no_capture_verifies_is_an_error(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    study(roots, people=3)
    assert roots.export("npy1662", split=SPLIT) == 0
    [lost, *_] = rows(roots)[rows(roots).split == "test"].itertuples()
    for record in rows(roots)[rows(roots).participant == lost.participant].itertuples():
        roots.artifact(record.session_id, record.record_id, record.user_id).unlink()
    assert roots.export("npy1662", split=SPLIT, replace=True) == 1
    assert "no capture of test could be exported" in capsys.readouterr().out
    assert len(rows(roots)) == 6, "the older export stays"


def test_the_same_features_in_two_parts_are_noted_as_such(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    for person in ("anna", "bea", "carl"):
        roots.capture(roots.session(person, consent_given=True), landmarks(2, seed=5), person)
    assert roots.export("npy1662", split=SplitRequest((34, 33, 33))) == 0
    told = capsys.readouterr().err
    assert told.count("the same features as record") == told.count("while this one is in") == 2


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "hf"])
def test_each_table_has_a_column_with_the_part(roots: Roots, form: str) -> None:
    study(roots)
    assert roots.export(form, split=SPLIT) == 0
    table = rows(roots, form)
    assert list(table.columns)[-5:] == ["participant", "study", "prompt", "resend_of", "split"]
    for row in table.itertuples():
        document = json.loads((roots.exports / form / "metadata" / f"{row.record_id}.json").read_bytes())
        assert (document["participant"], document["split"]) == (row.participant, row.split)
    if form == "gislr":
        train = rows(roots, form, "train.csv")
        assert train.split.tolist() == table.split.tolist()
        assert train.participant_id.tolist() == table.participant.tolist()


def test_gislr_s_participant_is_the_person_whom_the_capture_shows(roots: Roots) -> None:
    session = roots.session()
    mine, theirs = roots.capture(session), roots.capture(session, landmarks(2, seed=1))
    roots.tell(session, "capture.reassigned", theirs, participant="guest")
    assert roots.export("gislr") == 0
    train = rows(roots, "gislr", "train.csv").set_index("sequence_id")
    assert train.participant_id.to_dict() == {mine: "u1", theirs: "guest"}
    assert train.path[theirs] == f"train_landmark_files/guest/{theirs}.parquet"
    assert (roots.exports / "gislr" / train.path[theirs]).is_file()
    assert "split" not in train.columns and "split" not in rows(roots, "gislr").columns


def test_datasets_loads_each_part_of_hf(roots: Roots, tmp_path: Path) -> None:
    import datasets

    study(roots)
    assert roots.export("npy1662", split=SPLIT) == 0
    assert roots.export("hf", split=SPLIT) == 0
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(roots.exports / "hf"), cache_dir=str(tmp_path / "cache"))
    table = rows(roots)
    assert list(loaded) == ["train", "validation", "test"]
    for part, found in loaded.items():
        wanted = table[table.split == part]
        assert found["record_id"] == wanted.record_id.tolist()
        assert found["participant"] == wanted.participant.tolist()
        assert "split" not in found.column_names


# --- the version


def test_the_version_follows_from_the_content_alone(roots: Roots) -> None:
    record = study(roots)[0]
    found = {}
    for form in FORMATS:
        assert roots.export(form) == 0
        found[form] = manifest(roots, form)["version"]
    assert len(set(found.values())) == 1
    [first] = set(found.values())
    assert first.startswith("sha256:") and len(first) == 71

    roots.session("p0")  # another session without a capture changes nothing
    roots.exports = roots.exports.with_name("later")
    assert roots.export("npy1662", choice=Choice.of(unknown=True, demos=True)) == 0
    assert manifest(roots)["version"] == first
    [session] = rows(roots)[rows(roots).record_id == record].session_id
    versions = {first}
    for statement in (("capture.relabelled", {"intent": "bye"}), ("capture.reassigned", {"participant": "p1"})):
        roots.tell(session, statement[0], record, "p0", **statement[1])
        assert roots.export("npy1662", replace=True) == 0
        versions.add(manifest(roots)["version"])
    assert roots.export("npy1662", split=SPLIT, replace=True) == 0
    assert len({*versions, manifest(roots)["version"]}) == 4
    assert roots.export("npy1662", split=SPLIT) == 0, "the same again"


# --- the datasheet


def test_the_datasheet_answers_every_question_from_the_logs_or_says_that_it_is_not_known(roots: Roots) -> None:
    study(roots)
    assert roots.export("npy1662", split=SPLIT) == 0
    sheet = (roots.exports / "npy1662" / "DATASHEET.md").read_text()
    for question in QUESTIONS:
        assert f"**{question.text}**\n\n" in sheet
    assert f"Version `{manifest(roots)['version']}`" in sheet
    assert "12 captures of 6 participants, 30 frames" in sheet
    assert "12 of 12 captures have a label" in sheet and "| wave | 6 |" in sheet
    assert "yes for 12, no for 0, nothing said for 0 of 12 captures" in sheet
    assert "Recorded from 2026-01-31 to 2026-01-31" in sheet
    table = rows(roots)
    for part, of in table.groupby("split"):
        assert f"| {part} | {len(of)} | {of.participant.nunique()} | {of.frames.astype(int).sum()} | 2 |" in sheet
    assert f"**Who funded its creation?**\n\n{UNKNOWN}" in sheet
    assert sheet.count(UNKNOWN) > 20


def test_a_label_cannot_write_into_the_datasheet(roots: Roots) -> None:
    session = roots.session()
    for seed, label in enumerate(["a | b", "**x**\n\n# y", "<img src=x>"]):
        roots.capture(session, landmarks(2, seed=seed), annotation={"intent": label})
    assert roots.export("npy1662") == 0
    lines = (roots.exports / "npy1662" / "DATASHEET.md").read_text().splitlines()
    for line in (r"| a \| b | 1 |", r"| \*\*x\*\* \# y | 1 |", r"| \<img src=x\> | 1 |"):
        assert line in lines


ABOUT = """
name = "Gestures of daily care"
description = "Gestures that carers and the people they care for use every day."
license = "https://creativecommons.org/licenses/by/4.0/"
url = "https://example.org/gestures"
creators = ["A. Carer", "B. Researcher"]
published = 2026-12-01
citation = "Carer and Researcher (2026)"

[answers]
funding = "None."
"""


def test_the_authors_say_what_no_log_knows(roots: Roots, tmp_path: Path) -> None:
    import mlcroissant

    study(roots)
    about = tmp_path / "about.toml"
    about.write_text(ABOUT, encoding="utf-8-sig")  # as editors of Windows do
    assert roots.export("npy1662", about=about) == 0
    folder = roots.exports / "npy1662"
    sheet = (folder / "DATASHEET.md").read_text()
    for text in ("# Datasheet: Gestures of daily care", "A. Carer, B. Researcher", "creation?**\n\nNone."):
        assert text in sheet
    document = json.loads((folder / "croissant.json").read_bytes())
    said = tomllib.loads(ABOUT)
    assert [document[name] for name in ("name", "description", "license", "url", "citeAs")] == [
        said[name] for name in ("name", "description", "license", "url", "citation")
    ]
    assert document["datePublished"] == "2026-12-01"
    assert [person["name"] for person in document["creator"]] == said["creators"]
    assert not mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).metadata.ctx.issues.warnings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name =", "Invalid value"),
        ("name = " + "[" * 5000, "it is nested too deeply"),
        ("nam = 'x'", "nam: Extra inputs are not permitted"),
        ("published = 'soon'", "published: "),
        ("[answers]\nfundin = 'x'", "answers.fundin: the datasheet has no such question"),
        ("name = '\udcff'", "utf-8"),
    ],
)
def test_a_wrong_about_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "about.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match="--about: ") as refused:
        read_about(path)
    assert said in str(refused.value) and str(path) in str(refused.value)
    with pytest.raises(ConfigurationError, match="No such file"):
        read_about(tmp_path / "none")


# --- Croissant


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("split", [None, SPLIT])
def test_mlcroissant_accepts_the_metadata_and_reads_the_captures_by_it(
    roots: Roots, caplog: pytest.LogCaptureFixture, form: str, split: SplitRequest | None
) -> None:
    import mlcroissant

    study(roots)
    assert roots.export("npy1662", split=split) == 0
    table = rows(roots).set_index("record_id")
    if form != "npy1662":
        assert roots.export(form, split=split) == 0
    with caplog.at_level(logging.WARNING):
        found = mlcroissant.Dataset(jsonld=str(roots.exports / form / "croissant.json"))
        records = list(found.records("captures"))
    assert not found.metadata.ctx.issues.errors
    missing = {issue.partition("Property ")[2].partition(" ")[0] for issue in found.metadata.ctx.issues.warnings}
    assert {url.strip('"').rpartition("/")[2] for url in missing} == {"license", "citeAs", "datePublished"}
    assert "not standard" not in caplog.text and "Could not match" not in caplog.text
    assert len(records) == len(table) == 12
    for record in records:
        row = table.loc[record["captures/record_id"].decode()]
        assert record["captures/participant"].decode() == row.participant
        assert record["captures/intent"].decode() == row.intent
        assert record["captures/frames"] == int(row.frames)
        if split:
            assert record["captures/split"].decode() == row.split
    parts = [record["splits/name"] for record in found.records("splits")] if split else []
    assert parts == (["train", "validation", "test"] if split else [])


def test_every_file_beside_the_landmarks_is_in_the_metadata_with_its_hash(roots: Roots) -> None:
    study(roots)
    assert roots.export("gislr") == 0
    folder = roots.exports / "gislr"
    document = json.loads((folder / "croissant.json").read_bytes())
    named = {each["@id"]: each for each in document["distribution"]}
    assert set(named) == {"captures.csv", "train.csv", "sign_to_prediction_index_map.json", "DATASHEET.md", "landmarks"}
    files = manifest(roots, "gislr")["files"]
    for name, each in named.items():
        if name != "landmarks":
            assert f"sha256:{each['sha256']}" == files[name]
    assert len(list(folder.glob(named["landmarks"]["includes"]))) == 12
