"""An older export beside the logs of today: ``--check`` and ``--diff``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from scripts.exports.choice import Choice
from scripts.exports.command import ExportRequest, run_export
from scripts.exports.folder import MANIFEST, ExportError
from scripts.exports.formats import FORMATS
from scripts.exports.older import read_export
from scripts.exports.split import SplitRequest, TooFewParticipants
from tests.scripts.exports.roots import Roots, landmarks
from tests.scripts.test_cli import a3cp

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

SPLIT = SplitRequest.parse("participant:34/33/33")


def run(roots: Roots, form: str | None = None, *, as_json: bool = True, **options: Any) -> int:
    """``a3cp export`` with ``--check`` or ``--diff``."""
    given: dict[str, Any] = {"check": None, "diff": None} | {
        name: options.pop(name) for name in ("check", "diff") if name in options
    }
    if not given["check"]:
        options.setdefault("choice", Choice(unknown=True))
    request = ExportRequest(form, output=roots.exports, **options)
    return run_export(roots.settings, request, as_json=as_json, **given)


def stale(roots: Roots, capsys: pytest.CaptureFixture[str], form: str = "npy1662") -> dict[str, list[str]]:
    """Each stale capture's reasons; the exit code says the same."""
    capsys.readouterr()
    code = run(roots, check=roots.exports / form)
    document = json.loads(capsys.readouterr().out)
    found = {each["record_id"]: each["reasons"] for each in document["stale"]}
    assert code == bool(found)
    return found


def changes(roots: Roots, capsys: pytest.CaptureFixture[str], **options: Any) -> list[tuple[str, ...]]:
    capsys.readouterr()
    assert run(roots, diff=roots.exports / "npy1662", **options) == 0
    found = json.loads(capsys.readouterr().out)["changes"]
    return [tuple(each[name] for name in ("kind", "record_id", "before", "after")) for each in found]


# --- --check


def test_each_way_to_be_stale_is_named(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session(consent_given=True, training_intent_label="wave")
    names = ("fine", "withdrawn", "erased", "refused", "renamed", "moved", "damaged", "gone", "demo", "two")
    record = {name: roots.capture(session, landmarks(2, seed=seed)) for seed, name in enumerate(names)}
    assert roots.export("npy1662") == 0
    assert stale(roots, capsys) == {}
    roots.tell(session, "consent.withdrawn", record["withdrawn"])
    roots.tell(session, "capture.erased", record["erased"], hash="sha256:" + "0" * 64, erased_at="2026-02-01T00:00:00Z")
    roots.say(session, capture_id=f"c-{record['refused']}", consent_given=False)
    roots.tell(session, "capture.relabelled", record["renamed"], intent="bye")
    roots.tell(session, "capture.reassigned", record["moved"], participant="guest")
    roots.artifact(session, record["damaged"]).write_bytes(b"other")
    roots.artifact(session, record["gone"]).unlink()
    roots.say(session, capture_id=f"c-{record['demo']}", is_demo=True)
    for name, values in (("capture.relabelled", {"intent": "no"}), ("capture.reassigned", {"participant": "guest"})):
        roots.tell(session, name, record["two"], **values)
    roots.capture(session)  # a new one makes nothing stale
    found = stale(roots, capsys)
    damaged, gone = found.pop(record["damaged"]), found.pop(record["gone"])
    assert found == {
        record["withdrawn"]: ["consent was withdrawn"],
        record["erased"]: ["erased"],
        record["refused"]: ["without consent"],
        record["renamed"]: ["relabelled: 'wave' is now 'bye'"],
        record["moved"]: ["reassigned: u1 is now guest"],
        record["demo"]: ["a demonstration"],
        record["two"]: ["relabelled: 'wave' is now 'no'", "reassigned: u1 is now guest"],
    }
    assert damaged[0].startswith("its artifact changed: the file's hash is ")
    assert gone == [f"its artifact changed: the artifact does not exist: {roots.artifact(session, record['gone'])}"]


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_of_any_format_is_checked_until_it_is_made_again(
    roots: Roots, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    session = roots.session()
    kept, withdrawn = roots.capture(session), roots.capture(session, landmarks(2, seed=1))
    assert roots.export(form) == 0
    roots.tell(session, "consent.withdrawn", withdrawn, erase=True)
    assert stale(roots, capsys, form) == {withdrawn: ["consent was withdrawn"]}
    assert roots.export(form, replace=True) == 0
    assert stale(roots, capsys, form) == {}
    assert list(read_export(roots.exports / form).captures) == [kept]


def test_a_session_that_was_withdrawn_and_one_whose_log_is_gone_are_stale(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    withdrawn, forgotten, torn = roots.session("anna"), roots.session("bea"), roots.session("carl")
    records = [
        roots.capture(session, landmarks(2, seed=seed), user)
        for seed, (session, user) in enumerate([(withdrawn, "anna"), (forgotten, "bea"), (torn, "carl")])
    ]
    assert roots.export("npy1662") == 0
    named = {"schema_version": "1.0.1", "record_id": records[0], "timestamp": "2026-02-01T00:00:00Z"}
    roots.say(withdrawn, "anna", **named, performer_id="p", source="library", event="consent.withdrawn", erase=False)
    roots.log(forgotten, "bea").unlink()
    with roots.log(torn, "carl").open("ab") as log:
        log.write(b"torn")
    assert stale(roots, capsys) == {
        records[0]: ["consent was withdrawn"],
        records[1]: ["its session's log is gone"],
        records[2]: ["without consent, perhaps: a broken line of its log may withdraw it"],
    }


def test_an_export_by_verdict_is_stale_if_the_verdict_is_another_one_by_now(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    session = roots.session(consent_given=True)
    kept, changed, taken_back = (roots.capture(session, landmarks(2, seed=seed)) for seed in range(3))
    for record in (kept, changed, taken_back):
        roots.tell(session, "capture.reviewed", record, verdict="keep")
    assert roots.export("npy1662", choice=Choice.of(verdicts=["keep", "redo"])) == 0
    roots.tell(session, "capture.reviewed", kept, verdict="redo")
    roots.tell(session, "capture.reviewed", changed, verdict="reject")
    roots.tell(session, "capture.reviewed", taken_back)
    assert stale(roots, capsys) == {
        changed: ["reviewed: it was keep or redo and is now reject"],
        taken_back: ["reviewed: it was keep or redo and is now none"],
    }


def test_a_log_that_lost_its_events_or_cannot_be_read_is_the_only_reason(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    emptied, unreadable = roots.session("anna", training_intent_label="wave"), roots.session("bea")
    lost, hidden = roots.capture(emptied, user_id="anna"), roots.capture(unreadable, landmarks(2), "bea")
    assert roots.export("npy1662") == 0
    roots.log(emptied, "anna").write_bytes(b"")
    roots.log(unreadable, "bea").unlink()
    roots.log(unreadable, "bea").mkdir()
    assert stale(roots, capsys) == {
        lost: ["its event is gone from the log"],
        hidden: ["the log cannot be read: Is a directory"],
    }


def test_what_the_operator_asked_for_is_not_stale(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session()
    record = roots.capture(session, consent_given=False, is_demo=True)
    assert roots.export("npy1662", choice=Choice(without_consent=True, demos=True)) == 0
    assert stale(roots, capsys) == {}
    roots.tell(session, "consent.withdrawn", record)
    assert stale(roots, capsys) == {record: ["consent was withdrawn"]}


def as_version_0_2(folder: Path) -> None:
    """Make an export what version 0.2 wrote: a manifest that does not name the captures."""
    document = orjson.loads((folder / MANIFEST).read_bytes())
    old = {name: document[name] for name in ("format", "a3cp", "captures", "files")}
    (folder / MANIFEST).write_bytes(orjson.dumps(old))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "eaf"])
def test_an_export_of_version_0_2_is_checked_too(roots: Roots, capsys: pytest.CaptureFixture[str], form: str) -> None:
    session = roots.session()
    kept, renamed = (roots.capture(session, landmarks(2, seed=n), annotation={"intent": "=a"}) for n in range(2))
    assert roots.export(form) == 0
    as_version_0_2(roots.exports / form)
    assert stale(roots, capsys, form) == {}
    roots.tell(session, "capture.relabelled", renamed, intent="b")
    assert stale(roots, capsys, form) == {renamed: ["relabelled: '=a' is now 'b'"]}
    assert set(read_export(roots.exports / form).captures) == {kept, renamed}


def test_the_command_says_which_and_why_and_exits_with_1(roots: Roots) -> None:
    session = roots.session(consent_given=True)
    record = roots.capture(session, landmarks(2), annotation={"intent": "\x1b[31m"})
    cwd = roots.exports.parent
    assert a3cp("export", "--format", "npy1662", cwd=cwd).returncode == 0
    shown = a3cp("export", "--check", "exports/npy1662", cwd=cwd)
    assert (shown.returncode, shown.stdout) == (0, "exports/npy1662: 1 capture, up to date\n")
    roots.tell(session, "capture.relabelled", record, intent="bye")
    shown = a3cp("export", "--check", "exports/npy1662", cwd=cwd)
    assert (shown.returncode, shown.stderr) == (1, "")
    assert shown.stdout.splitlines() == [
        f"stale  record {record}: relabelled: '\\x1b[31m' is now 'bye'",
        "exports/npy1662: 1 capture, 1 of them stale: export again, with --replace",
    ]


BROKEN = {
    "no JSON": b"{",
    "no object": b"[]",
    "no files": b'{"format":"npy1662"}',
    "records are none": b'{"format":"npy1662","files":{},"records":7}',
    "a record is none": b'{"format":"npy1662","files":{},"records":[{"record_id":"../x"}]}',
    "a label is none": b'{"format":"npy1662","files":{},"records":[],"choice":{"labels":[1]}}',
    "the verdicts are no list": b'{"format":"npy1662","files":{},"records":[],"choice":{"verdicts":7}}',
    "a time is none": b'{"format":"npy1662","files":{},"records":[],"choice":{"since":7}}',
    "a session is none": b'{"format":"npy1662","files":{},"records":[],"choice":{"sessions":["../x"]}}',
    "the choice is no object": b'{"format":"npy1662","files":{},"records":[],"choice":7}',
    "the split is none": b'{"format":"npy1662","files":{},"records":[],"split":{"by":1,"seed":2}}',
    "no UTF-8": b'{"format":"\xff"}',
    "too deep": b"[" * 100_000,
    "version 0.2, metadata elsewhere": b'{"format":"npy1662","files":{"metadata/../../x.json":""}}',
    "version 0.2, Parquet is none": b'{"format":"hf","files":{"export.json.parquet":""}}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_damaged_manifest_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(text)
    (tmp_path / "export.json.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ExportError) as refused:
        read_export(tmp_path)
    assert str(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


def test_a_damaged_manifest_or_no_export_at_all_ends_the_command_with_one_line(roots: Roots) -> None:
    roots.capture(roots.session(consent_given=True))
    cwd = roots.exports.parent
    assert a3cp("export", "--format", "npy1662", cwd=cwd).returncode == 0
    for option in ("--check", "--diff"):
        (roots.exports / "npy1662" / MANIFEST).write_bytes(b"{")
        shown = a3cp("export", option, "exports/npy1662", cwd=cwd)
        assert (shown.returncode, shown.stdout) == (1, "")
        assert shown.stderr.startswith("a3cp export: exports/npy1662/export.json is damaged: ")
        assert len(shown.stderr.splitlines()) == 1
        shown = a3cp("export", option, "exports/none", cwd=cwd)
        assert shown.stderr == "a3cp export: exports/none is no export: export.json: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--check", "x", "--format", "npy1662"), "--check only reads an older export"),
        (("--check", "x", "--diff", "y"), "--check only reads an older export"),
        (("--check", "x", "--user", "anna"), "--check only reads an older export"),
        (("--check", "x", "--verdict", "keep"), "--check only reads an older export"),
        (("--check", "x", "sess_0123456789abcdef"), "--check only reads an older export"),
        (("--json", "--format", "npy1662"), "--json prints the result of --check or --diff"),
        (("--seed", "1", "--format", "npy1662"), "--seed is for a split"),
        (("--seed", str(2**64), "--split", "participant:50/0/50", "--format", "npy1662"), "--seed: a whole number"),
        ((), "--format: pose | gislr | npy1662 | eaf | hf\n"),
        (("--format", "csv"), "--format: pose | gislr | npy1662 | eaf | hf, not 'csv'"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(roots: Roots, arguments: tuple[str, ...], said: str) -> None:
    shown = a3cp("export", *arguments, cwd=roots.settings.log_root.parent.parent)
    assert shown.returncode == 2 and said in shown.stderr and len(shown.stderr.splitlines()) == 1


# --- --diff


def test_a_diff_names_every_kind_of_change_and_writes_nothing(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session(training_intent_label="wave")
    gone, renamed, given, same = (roots.capture(session, landmarks(2, seed=seed)) for seed in range(4))
    assert roots.export("npy1662") == 0
    assert changes(roots, capsys) == []
    roots.tell(session, "consent.withdrawn", gone)
    roots.tell(session, "capture.relabelled", renamed, intent="bye")
    roots.tell(session, "capture.reassigned", given, participant="guest")
    new = roots.capture(session, landmarks(2, seed=9))
    before = {path: path.read_bytes() for path in roots.exports.rglob("*") if path.is_file()}
    assert changes(roots, capsys) == [
        ("added", new, None, "wave"),
        ("removed", gone, "wave", None),
        ("relabelled", renamed, "wave", "bye"),
        ("reassigned", given, "u1", "guest"),
    ]
    assert {path: path.read_bytes() for path in roots.exports.rglob("*") if path.is_file()} == before
    assert same in read_export(roots.exports / "npy1662").captures


@pytest.mark.parametrize("by", ["user", "session"])
def test_a_diff_is_about_the_user_or_the_sessions_of_the_older_export(
    roots: Roots, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    session, other = roots.session("anna"), roots.session("bea")
    roots.capture(session, landmarks(2, seed=1), "anna")
    roots.capture(other, landmarks(2, seed=2), "bea")
    chosen: dict[str, Any] = {"user_id": "anna"} if by == "user" else {}
    assert roots.export("npy1662", *([session] if by == "session" else []), **chosen) == 0
    assert changes(roots, capsys, choice=Choice()) == []
    assert {kind for kind, *_ in changes(roots, capsys, user_id="bea")} == {"added", "removed"}
    sheet = (roots.exports / "npy1662" / "DATASHEET.md").read_text()
    assert f"recorded {'under one chosen user_id' if by == 'user' else 'in 1 chosen session'}" in sheet


def test_a_diff_names_what_moved_between_the_parts(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    records = {}
    for person in ("anna", "bea", "carl"):
        session = roots.session(person)
        records[roots.capture(session, landmarks(2, seed=len(records)), person)] = session, person
    assert roots.export("npy1662", split=SPLIT) == 0
    assert changes(roots, capsys, choice=Choice()) == [], "without options, those of the older export"
    old = read_export(roots.exports / "npy1662")
    assert (old.split, old.choice) == (SPLIT, Choice(unknown=True))
    where = {record: capture.split for record, capture in old.captures.items()}
    seed = next(seed for seed in range(1, 99) if _division(roots, seed) != where)
    found = changes(roots, capsys, split=SplitRequest(SPLIT.shares, seed))
    assert {kind for kind, *_ in found} == {"moved"}
    assert all(before == where[record] != after for _, record, before, after in found)


def test_a_diff_needs_no_split_that_the_people_who_are_left_do_not_allow(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    records = {}
    for number, person in enumerate(("anna", "bea", "carl")):
        session = roots.session(person)
        records[person] = session, roots.capture(session, landmarks(2, seed=number), person)
    assert roots.export("npy1662", split=SPLIT) == 0
    session, gone = records["bea"]
    roots.tell(session, "consent.withdrawn", gone, "bea")
    assert changes(roots, capsys, choice=Choice()) == [("removed", gone, None, None)]
    assert run(roots, diff=roots.exports / "npy1662", choice=Choice()) == 0
    assert "note       the parts are not compared: --split: train" in capsys.readouterr().err
    with pytest.raises(TooFewParticipants):
        run(roots, diff=roots.exports / "npy1662", split=SPLIT)


def _division(roots: Roots, seed: int) -> dict[str, str | None]:
    assert roots.export("npy1662", split=SplitRequest(SPLIT.shares, seed), user_id=None) in (0, 1)
    other = Roots(roots.exports.parent)
    other.exports = roots.exports.parent / f"seed-{seed}"
    assert other.export("npy1662", split=SplitRequest(SPLIT.shares, seed)) == 0
    return {record: each.split for record, each in read_export(other.exports / "npy1662").captures.items()}


def test_a_diff_with_a_format_exports_first_and_compares_with_what_was_there(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    session = roots.session()
    roots.capture(session)
    assert roots.export("npy1662") == 0
    new = roots.capture(session, landmarks(2, seed=1))
    assert changes(roots, capsys, form="npy1662", replace=True) == [("added", new, None, None)]
    assert set(read_export(roots.exports / "npy1662").captures) >= {new}
    assert changes(roots, capsys) == []


def test_the_command_prints_a_table(roots: Roots) -> None:
    session = roots.session(consent_given=True)
    record = roots.capture(session, landmarks(2), annotation={"intent": "[red]wave"})
    cwd = roots.exports.parent
    assert a3cp("export", "--format", "npy1662", cwd=cwd).returncode == 0
    roots.tell(session, "capture.relabelled", record, intent="bye\x1b[1m")
    shown = a3cp("export", "--diff", "exports/npy1662", cwd=cwd)
    assert (shown.returncode, shown.stderr) == (0, "")
    head, row, told = shown.stdout.splitlines()
    assert head.split() == ["change", "record", "participant", "before", "after"]
    assert row.split() == ["relabelled", record, "u1", "[red]wave", "bye\\x1b[1m"]
    assert told == "exports/npy1662: 1 capture before, 1 now: 1 relabelled"


def test_a_diff_of_captures_of_which_one_does_not_verify_exits_with_1(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    session = roots.session()
    good, bad = roots.capture(session), roots.capture(session, landmarks(2, seed=1))
    assert roots.export("npy1662") == 0
    roots.artifact(session, bad).unlink()
    assert run(roots, diff=roots.exports / "npy1662", as_json=False) == 1
    shown = capsys.readouterr()
    assert f"FAILED     record {bad}: the artifact does not exist" in shown.err
    assert "1 removed" in shown.out and good not in shown.out
