"""One of all processes that use a folder."""

from __future__ import annotations

from pathlib import Path

from contracts.process.folder_lock import FolderLeader


def test_one_of_all_is_chosen_and_another_one_follows_it(tmp_path: Path) -> None:
    first, second = FolderLeader(tmp_path), FolderLeader(tmp_path)
    assert first.is_this() and first.is_this()
    assert not second.is_this()
    first.close()
    assert second.is_this()
    assert not first.is_this()
    second.close()


def test_without_a_folder_every_process_is_chosen_until_there_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    first, second = FolderLeader(folder), FolderLeader(folder)
    assert first.is_this() and second.is_this()
    folder.mkdir()
    assert first.is_this() and not second.is_this()
    first.close()
