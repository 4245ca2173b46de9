"""The last use of each entry of the access file: to the minute, by any number of processes, without tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.process.access_uses import AccessUses, read_uses, uses_path

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def note(uses: AccessUses, name: str, seconds: float) -> bool:
    """Note a use so many seconds after noon; returns whether it was written."""
    writer = uses.note(name, NOON + timedelta(seconds=seconds))
    if writer is not None:
        writer.join()
    return writer is not None


def test_a_use_is_written_once_a_minute_for_each_entry(tmp_path: Path) -> None:
    path = uses_path(tmp_path / "state")
    uses = AccessUses(path)
    assert [note(uses, "ana", each) for each in (0, 59, 60)] == [True, False, True]
    assert note(uses, "ben", 61)
    assert note(uses, "ana", 0)  # the clock was set back
    assert read_uses(path) == {"ana": NOON + timedelta(seconds=60), "ben": NOON + timedelta(seconds=61)}
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_processes_add_to_one_file_and_what_is_old_goes(tmp_path: Path) -> None:
    path = uses_path(tmp_path)
    one, two = AccessUses(path), AccessUses(path)
    note(one, "gone", 0)
    note(one, "ana", 300 * 24 * 3600)
    note(two, "ben", 401 * 24 * 3600)
    assert set(read_uses(path)) == {"ana", "ben"}


def test_a_damaged_file_and_a_folder_that_cannot_be_written_only_lack_times(tmp_path: Path) -> None:
    path = uses_path(tmp_path)
    for text in (b"", b"[]", b'{"ana": 1}', b"\xff"):
        path.write_bytes(text)
        assert read_uses(path) == {}
    note(AccessUses(path), "ana", 0)
    assert read_uses(path) == {"ana": NOON}
    (tmp_path / "file").write_text("")
    note(AccessUses(uses_path(tmp_path / "file")), "ana", 0)
