"""An export's folder is whole or absent, and replaces another one only if asked."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from scripts.exports.folder import MANIFEST, Draft, ExportError, ExportResult
from scripts.exports.tables import File

ONE, TWO = File("a.txt", b"one"), File("b/c/d.txt", b"two")


def put(target: Path, *files: File, replace: bool = False) -> ExportResult:
    with Draft(target) as draft:
        for file in files:
            draft.add(file)
        return draft.keep({"format": "test"}, replace=replace)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "pose"


def test_the_files_are_there_with_a_manifest_and_nothing_is_left_beside_them(target: Path) -> None:
    assert put(target, ONE, TWO) is ExportResult.WRITTEN
    there = content(target)
    assert {path: there[path] for path in (ONE.path, TWO.path)} == {ONE.path: ONE.content, TWO.path: TWO.content}
    manifest = orjson.loads(there[MANIFEST])
    assert manifest["format"] == "test" and set(manifest["files"]) == {ONE.path, TWO.path}
    assert list(target.parent.iterdir()) == [target]


def test_others_of_the_machine_cannot_read_it(target: Path) -> None:
    put(target, ONE, TWO)
    assert target.stat().st_mode & 0o777 == 0o750
    assert (target / "b/c/d.txt").stat().st_mode & 0o777 == 0o640


def test_a_draft_that_is_not_kept_leaves_nothing(target: Path) -> None:
    with pytest.raises(ZeroDivisionError), Draft(target) as draft:
        draft.add(ONE)
        _ = 1 / 0
    with Draft(target) as draft:
        draft.add(ONE)
    assert list(target.parent.iterdir()) == []


def test_the_same_export_again_changes_nothing(target: Path) -> None:
    put(target, ONE, TWO)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    assert put(target, ONE, TWO, replace=True) is ExportResult.UNCHANGED
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before


def test_another_export_is_refused_and_what_is_there_stays(target: Path) -> None:
    put(target, ONE, TWO)
    before = content(target)
    with pytest.raises(ExportError, match="--replace"):
        put(target, ONE)
    assert content(target) == before
    assert list(target.parent.iterdir()) == [target]


def test_an_export_is_replaced_if_asked_and_no_old_file_stays(target: Path) -> None:
    put(target, ONE, TWO)
    assert put(target, ONE, replace=True) is ExportResult.REPLACED
    assert set(content(target)) == {ONE.path, MANIFEST}
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    "foreign", ["a file", "a change", "a link", "no manifest", "a broken manifest", "a plain file"]
)
def test_a_folder_that_no_export_wrote_is_never_replaced(target: Path, foreign: str) -> None:
    put(target, ONE, TWO)
    match foreign:
        case "a file":
            (target / "notes.txt").write_text("mine")
        case "a change":
            (target / "a.txt").write_text("mine")
        case "a link":
            (target / "link").symlink_to("/nowhere")
        case "no manifest":
            (target / MANIFEST).unlink()
        case "a broken manifest":
            (target / MANIFEST).write_text('{"files": 1}')
        case _:
            target.rename(target.with_name("elsewhere"))
            target.write_text("mine")
    before = content(target)
    with pytest.raises(ExportError, match="not replaced"):
        put(target, ONE, replace=True)
    assert content(target) == before and target.exists()


def test_the_old_one_comes_back_when_the_new_one_cannot_be_put_in_its_place(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(target, ONE, TWO)
    before = content(target)
    rename = Path.rename

    def refuse_the_draft(self: Path, to: Path) -> Path:
        if to == target and not self.name.endswith("-old"):
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse_the_draft)
    with pytest.raises(ExportError, match="No space left"):
        put(target, ONE, replace=True)
    assert content(target) == before
    assert list(target.parent.iterdir()) == [target]


def killed(target: Path, at: str) -> None:
    """An export that replaces the one at ``target`` is killed, at its first file or between its two moves."""
    program = f"""
import os
from pathlib import Path
from scripts.exports.folder import Draft
from scripts.exports.tables import File
with Draft(Path({str(target)!r})) as draft:
    draft.add(File("a.txt", b"another"))
    if {at!r} == "a file":
        os._exit(9)
    rename = Path.rename
    Path.rename = lambda self, to: rename(self, to) if to != draft.target else os._exit(9)
    draft.keep({{"format": "test"}}, replace=True)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=300).returncode == 9
    assert len(list(target.parent.glob(".*"))) == 1 + (at == "moves")


@pytest.mark.parametrize("at", ["a file", "moves"])
def test_the_next_export_deletes_a_killed_one_s_draft_and_restores_the_folder_it_moved(target: Path, at: str) -> None:
    put(target, ONE, TWO)
    mine = target.parent / ".pose-of-mine"
    mine.mkdir()
    before = content(target)
    mine.rmdir()
    killed(target, at)
    mine.mkdir()
    assert put(target, ONE, TWO) is ExportResult.UNCHANGED
    assert content(target) == before
    assert set(target.parent.iterdir()) == {target, mine}


@pytest.mark.parametrize("at", ["a file", "moves"])
def test_the_draft_of_another_export_with_a_similar_name_is_left_alone(target: Path, at: str) -> None:
    other = target.with_name(f"{target.name}-2")
    put(other, ONE, TWO)
    before = content(other)
    killed(other, at)
    assert put(target, ONE) is ExportResult.WRITTEN
    assert set(content(target)) == {ONE.path, MANIFEST}
    assert put(other, ONE, TWO) is ExportResult.UNCHANGED
    assert content(other) == before


def test_an_export_that_is_being_made_is_left_alone(target: Path) -> None:
    with Draft(target) as draft:
        draft.add(TWO)
        assert put(target, ONE) is ExportResult.WRITTEN
        with pytest.raises(ExportError, match="differs"):
            draft.keep({"format": "test"}, replace=False)
        assert draft.keep({"format": "test"}, replace=True) is ExportResult.REPLACED
    assert set(content(target)) == {TWO.path, MANIFEST}
    assert list(target.parent.iterdir()) == [target]


def test_of_two_that_replace_at_once_one_is_refused(target: Path) -> None:
    put(target, ONE, TWO)
    before = content(target)
    other = os.open(target, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(ExportError, match="another export is replacing it now"):
        put(target, ONE, replace=True)
    os.close(other)
    assert content(target) == before and list(target.parent.iterdir()) == [target]
    assert put(target, ONE, replace=True) is ExportResult.REPLACED


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="file"):
        put(tmp_path / "file" / "pose", ONE)
