"""What a manifest says, and what may be missing in a newer copy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from scripts.backups.rules import (
    BackupError,
    CopiedFile,
    Manifest,
    aof_files,
    changes,
    lost_logs,
    other_folder,
    read_manifest,
    registered,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
FILE = CopiedFile(size=3, sha256="0" * 64)
LOG, ARTIFACT = "logs/users/u/sessions/sess_0123456789abcdef.jsonl", "data/users/u/sessions/s/features/r.npz"


def manifest(*files: str, **changed: Any) -> Manifest:
    made: dict[str, Any] = {
        "version": "1", "began_at": NOON, "completed_at": NOON, "folder": "copy-a", "sessions": 1, "captures": 1,
        "queued_events": 0, "artifact_url": None, "findings": 0, "files": dict.fromkeys(files, FILE),
    }  # fmt: skip
    return Manifest(**made | changed)


def test_a_manifest_is_read_back_and_counts_its_artifacts() -> None:
    made = manifest(LOG, ARTIFACT, "state/events/appendonlydir/appendonly.aof.manifest")
    assert read_manifest(made.model_dump_json().encode()) == made
    assert (made.artifacts, made.byte_length) == (1, 9)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "data/../../x", "data//x", "logs/./x", "state/lock", "other", "data/\0"]
)
def test_a_manifest_that_leads_out_of_its_folder_is_refused(path: str) -> None:
    with pytest.raises(BackupError, match="none of a backup"):
        read_manifest(manifest(path).model_dump_json().encode())


@pytest.mark.parametrize(
    ("data", "why"), [(b"", "read"), (b"[]", "read"), (b'{"format":2}', "format 2"), (b'{"format":1}', "read")]
)
def test_what_is_no_manifest_of_this_format_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BackupError, match=why):
        read_manifest(data)


def test_the_next_copy_is_never_made_in_the_complete_one() -> None:
    assert [other_folder(each) for each in (None, "copy-a", "copy-b")] == ["copy-a", "copy-b", "copy-a"]


def test_a_log_may_be_missing_only_as_far_as_the_register_explains_it() -> None:
    second = LOG.replace("cdef", "0000")
    before = [LOG, second, ARTIFACT]
    assert lost_logs(before, [LOG, second], 0) == []
    assert lost_logs(before, [LOG], 1) == []
    assert lost_logs(before, [LOG], 0) == [second]
    assert lost_logs(before, [], 1) == sorted([LOG, second])


def test_the_register_counts_what_was_removed_since() -> None:
    lines = [orjson.dumps({"removal_id": name, "sessions": count}) + b"\n" for name, count in (("a", 2), ("b", 3))]
    assert registered(b"", b"".join(lines)) == 5
    assert registered(lines[0], b"".join(lines)) == 3
    assert registered(lines[0], lines[0] + b'{"torn\n[]\n') == 0


def test_changes_are_counted() -> None:
    before, now = manifest(LOG, ARTIFACT), manifest(ARTIFACT.replace("r.", "q."))
    assert changes(before.files, now.files).model_dump() == {
        "new_artifacts": 1, "removed_artifacts": 1, "removed_logs": 1,
    }  # fmt: skip


def test_the_files_of_an_append_only_file_are_those_that_a_server_loads() -> None:
    text = (
        b"file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\n"
        b"file appendonly.aof.2.incr.aof seq 2 type i startoffset 5\n"
    )
    assert aof_files(text) == ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"]
    for wrong in (b"file ../x seq 1 type b\n", b'file "a b" seq 1 type b\n', b"nonsense\n"):
        with pytest.raises(BackupError):
            aof_files(wrong)
