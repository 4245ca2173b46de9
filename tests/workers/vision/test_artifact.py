from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.rules.errors import (
    ArtifactError,
    ArtifactStoreError,
    ArtifactTaken,
    ConfigurationError,
    FolderMissing,
    LeaseLost,
)
from contracts.rules.paths import artifact_uri
from contracts.storage.files import sync_folder
from tests.workers.broker_capture import BrokerCapture
from tests.workers.vision.test_matrix import rows
from workers.vision import local_store
from workers.vision.artifact import artifact_exists, remove_artifact, write_artifact
from workers.vision.local_store import LocalStore
from workers.vision.matrix import FeatureMatrix

MATRIX = FeatureMatrix.of(rows(3), [])
OTHER = FeatureMatrix.of(rows(2), [])


def test_the_reference_describes_the_file_that_is_there(capture: BrokerCapture) -> None:
    ref = write_artifact(capture.store, capture.window, MATRIX)
    window = capture.window
    assert ref.uri == f"users/{window.user_id}/sessions/{window.session_id}/features/{window.record_id}.npz"
    assert ref.hash == "sha256:" + hashlib.sha256(capture.path.read_bytes()).hexdigest()
    assert (ref.format, ref.dims, ref.shape, ref.dtype) == ("npz", 1662, [3, 1662], "float32")
    assert ref.encoding.startswith("holistic_landmarks_v1;fps=10;max_window_s=120;extractor_tag=")
    assert capture.files() == [capture.path.name]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_the_mode_is_0640_whatever_the_umask(capture: BrokerCapture, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_artifact(capture.store, capture.window, MATRIX)
    finally:
        os.umask(before)
    assert stat.S_IMODE(capture.path.stat().st_mode) == 0o640


def test_a_repeat_uses_the_file_that_is_there(capture: BrokerCapture) -> None:
    first = write_artifact(capture.store, capture.window, MATRIX)
    inode = capture.path.stat().st_ino
    assert write_artifact(capture.store, capture.window, MATRIX) == first
    assert capture.path.stat().st_ino == inode


def test_the_hash_is_of_the_linked_file_even_if_another_build_wrote_it(capture: BrokerCapture) -> None:
    capture.path.write_bytes(MATRIX.npz('{"extractor":"older"}'))
    ref = write_artifact(capture.store, capture.window, MATRIX)
    assert ref.hash == "sha256:" + hashlib.sha256(MATRIX.npz('{"extractor":"older"}')).hexdigest()


def test_an_artifact_that_reads_back_differently_is_an_error(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(capture.store), "get", lambda store, name: b"a page of a proxy's")
    with pytest.raises(ArtifactError, match="is not what was written"):
        write_artifact(capture.store, capture.window, MATRIX)
    monkeypatch.undo()
    ref = write_artifact(capture.store, capture.window, MATRIX)
    assert ref.hash == "sha256:" + hashlib.sha256(capture.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("there", [OTHER.npz("{}"), b"", b"text"])
def test_another_captures_file_is_never_touched(capture: BrokerCapture, there: bytes) -> None:
    capture.path.write_bytes(there)
    with pytest.raises(ArtifactTaken):
        write_artifact(capture.store, capture.window, MATRIX)
    assert not remove_artifact(capture.store, capture.window, MATRIX)
    assert capture.path.read_bytes() == there
    assert capture.files() == [capture.path.name]


def test_no_directory_is_ever_created(capture: BrokerCapture) -> None:
    capture.features_dir.rmdir()
    with pytest.raises(FolderMissing, match="folder is missing"):
        write_artifact(capture.store, capture.window, MATRIX)
    assert not capture.features_dir.exists()
    assert not remove_artifact(capture.store, capture.window, MATRIX)


@pytest.mark.parametrize("step", ["fsync", "fchmod", "link"])
def test_a_failure_leaves_no_temporary_file_and_no_artifact(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(ArtifactError, match="No space left"):
        write_artifact(capture.store, capture.window, MATRIX)
    assert capture.files() == []


def test_file_and_folder_are_synced_before_the_reference_is_returned(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_fsync(descriptor)

    def link(source: Any, target: Any) -> None:
        steps.append("link")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    write_artifact(capture.store, capture.window, MATRIX)
    assert steps == ["sync file", "link", "sync folder"]


def raising(error: int) -> Callable[..., None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(error, os.strerror(error))

    return refuse


def test_the_check_of_a_good_folder_leaves_no_file(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "to" / "be made"):
        LocalStore(root).check()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_a_file_system_without_hard_links_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    monkeypatch.setattr(os, "link", raising(error))
    with pytest.raises(ConfigurationError, match=rf"^DATA_ROOT: the file system of {tmp_path} has no hard links"):
        LocalStore(tmp_path).check()
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_lets_two_files_have_one_name_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", lambda *_: None)
    with pytest.raises(ConfigurationError, match=r"^DATA_ROOT: .* gives a name twice"):
        LocalStore(tmp_path).check()


@pytest.mark.parametrize("step", ["open", "link", "fsync"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_an_error_that_may_pass_is_a_store_error_that_names_data_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: int
) -> None:
    monkeypatch.setattr(os, step, raising(error))
    with pytest.raises(ArtifactStoreError, match=rf"^DATA_ROOT: {tmp_path} .*{os.strerror(error)}$"):
        LocalStore(tmp_path).check()
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_folders_is_accepted(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    real = os.fsync

    def files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(error, os.strerror(error))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    capture.store.check()
    write_artifact(capture.store, capture.window, MATRIX)
    assert remove_artifact(capture.store, capture.window, MATRIX)


def test_a_folder_that_cannot_be_synced_for_another_reason_is_an_error(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", raising(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(capture.features_dir)


def test_the_next_writer_of_a_record_removes_the_temporary_file_of_a_killed_one(capture: BrokerCapture) -> None:
    leftover = capture.features_dir / local_store._temporary(capture.path, "0123")
    other_record = capture.features_dir / local_store._temporary(Path("another.npz"), "0123")
    for path in (leftover, other_record):
        path.write_bytes(b"half")
    write_artifact(capture.store, capture.window, MATRIX)
    assert not leftover.exists()
    assert other_record.exists()


def test_an_unpublished_artifact_is_removed(capture: BrokerCapture) -> None:
    write_artifact(capture.store, capture.window, MATRIX)
    assert artifact_exists(capture.store, capture.window)
    assert remove_artifact(capture.store, capture.window, MATRIX)
    assert not artifact_exists(capture.store, capture.window)
    assert not remove_artifact(capture.store, capture.window, MATRIX)


def test_a_check_that_fails_gives_no_name_and_leaves_no_file(capture: BrokerCapture) -> None:
    there: list[list[str]] = []

    def check() -> None:
        there.append(capture.files())
        raise LeaseLost

    with pytest.raises(LeaseLost):
        write_artifact(capture.store, capture.window, MATRIX, check)
    assert len(there) == 1 and there[0][0].endswith(".tmp"), "it comes after the temporary file"
    assert capture.files() == []


def test_erasing_removes_file_and_leftovers_syncs_the_folder_and_may_be_repeated(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr(local_store, "sync_folder", lambda folder: synced.append(capture.files()))
    write_artifact(capture.store, capture.window, MATRIX)
    synced.clear()
    capture.path.with_name(f".{capture.record_id}.x.tmp").write_bytes(b"half")
    capture.path.with_name("other.npz").write_bytes(b"another's")
    for _ in range(2):
        capture.store.erase(artifact_uri(capture.window.user_id, capture.session_id, capture.record_id))
    assert synced == [["other.npz"], ["other.npz"]]


def test_a_file_that_cannot_be_removed_is_not_said_to_be_gone(
    capture: BrokerCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_artifact(capture.store, capture.window, MATRIX)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(ArtifactError, match="still there"):
        capture.store.erase(artifact_uri(capture.window.user_id, capture.session_id, capture.record_id))
