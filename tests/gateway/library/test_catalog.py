"""The catalog follows the logs, whatever happens to them and to itself, and equals one that is built from nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from gateway.library import catalog as catalog_module
from gateway.library import database as database_module
from gateway.library.catalog import Catalog
from gateway.library.database import newest_database
from scripts.measurements.library_logs import session_lines, write_logs
from tests.contracts.storage.session_lines import SESSION, erased, line_bytes, quality, recorded, said, start
from tests.gateway.library.catalogs import Library, damage_rows, rows_of
from tests.support.gateway import REPOSITORY

OTHER = "sess_fedcba9876543210"
REVIEW = said("capture.reviewed", capture_id="c", verdict="keep")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    yield made
    made.catalog.close()


def test_a_capture_is_listed_as_its_log_describes_it(library: Library) -> None:
    library.append(start(consent_given=True, training_intent_label="wave"))
    library.append(line_bytes(recorded(quality=quality("check", "hand_missing")), 5))
    library.catch_up()
    assert library.page() == {
        "captures": [
            {
                "capture_id": "c",
                "record_id": recorded()["record_id"],
                "session_id": SESSION,
                "user_id": "u1",
                "participant": "u1",
                "label": "wave",
                "recorded_at": "2026-01-31T12:00:05.000Z",
                "timestamp_start": "2026-01-31T12:00:00.000Z",
                "frames": 3,
                "duration_ms": 2000,
                "fps": 15,
                "found": {"pose": 3, "left_hand": 1, "right_hand": 0, "face": 3},
                "quality": quality("check", "hand_missing"),
                "review": None,
                "consent": "given",
                "state": "kept",
                "study": None,
                "prompt": None,
                "resend_of": None,
                "kept_until": None,
            }
        ],
        "next": None,
        "total": 1,
    }


def test_what_is_said_later_changes_the_row_and_stays_in_the_history(library: Library) -> None:
    library.append(start(), recorded())
    library.catch_up()
    library.append(REVIEW, said("capture.relabelled", 2, capture_id="c", intent="nod"))
    library.catch_up()
    library.append(said("capture.reassigned", 3, capture_id="c", participant="p7"), said("consent.withdrawn", 4))
    library.catch_up()
    library.append(erased())
    library.catch_up()
    capture = library.one()
    assert (capture["review"], capture["label"], capture["participant"]) == ("keep", "nod", "p7")
    assert (capture["consent"], capture["state"]) == ("withdrawn", "erased")
    assert [entry["event"] for entry in capture["history"]] == [
        "capture.recorded", "capture.reviewed", "capture.relabelled", "capture.reassigned", "consent.withdrawn",
        "capture.erased",
    ]  # fmt: skip
    assert [entry["whole_session"] for entry in capture["history"]] == [False] * 4 + [True, False]
    assert capture["history"][1]["details"] == {"verdict": "keep"}


def test_what_is_said_about_a_session_changes_all_its_captures_and_no_others(library: Library) -> None:
    library.append(start(), recorded("a", 1), recorded("b", 2))
    other = {"session_id": OTHER}
    library.append({**start(), **other}, {**recorded("d", 3), **other}, session_id=OTHER)
    library.catch_up()
    library.append({"consent_given": False})
    library.catch_up()
    assert set(library.ids(consent="refused")) == {"a", "b"}
    assert library.ids(consent="unknown") == ["d"]


def test_a_statement_before_the_capture_s_own_event_waits_for_it(library: Library) -> None:
    library.append({"capture_id": "c", "consent_given": False})
    library.catch_up()
    assert library.page()["total"] == 0
    library.append(recorded(consent_given=True))
    library.catch_up()
    assert library.ids(consent="refused") == ["c"]


HOSTILE = [
    b"\n", b"{}\n", b"torn\n", b"\xff\xfe\n", b'{"recorded_at":"x","event":{}}\n', b"null\n", b"[" * 5000 + b"\n",
    line_bytes(b'{"consent_given":' + b"[" * 300 + b"]" * 300 + b"}"),
    line_bytes(b'{"a":1e400,"capture_id":"\\ud800","consent_given":false}'),
    line_bytes(b'{"capture_id":"c\\u0000","consent_given":false}'),
    line_bytes(b'{"user_id":"u1","session_id":["x"],"event":{"a":1},"raw_features_ref":5}'),
    line_bytes(recorded("q", 77, quality={"verdict": "good", "x": 2**63})),
    line_bytes({**recorded("w", 78), "schema_version": "9.0.0"}),
]  # fmt: skip


def test_a_hostile_line_is_skipped_and_ends_nothing(library: Library) -> None:
    for number, line in enumerate(HOSTILE):
        library.append(line, recorded(f"after-{number}", 200 + number))
        library.catch_up()
    assert {f"after-{number}" for number in range(len(HOSTILE))} <= set(library.ids())
    assert library.catalog.skipped >= 7


def test_a_log_that_is_replaced_or_shortened_is_read_again(library: Library) -> None:
    library.append(start(), recorded("a", 1), recorded("b", 2))
    library.catch_up()
    library.log().write_bytes(line_bytes(recorded("a", 1)))
    library.catch_up()
    assert library.ids() == ["a"]
    library.log().with_name("new").write_bytes(line_bytes(recorded("z", 3)) * 1)
    library.log().with_name("new").replace(library.log())
    library.catch_up()
    assert library.ids() == ["z"]
    before = library.log().stat().st_mtime_ns
    library.log().write_bytes(line_bytes(recorded("y", 3)))
    os.utime(library.log(), ns=(before, before + 1_000_000))
    library.catch_up()
    assert library.ids() == ["y"]


def test_a_log_that_is_removed_takes_its_rows_along(library: Library) -> None:
    library.append(recorded())
    library.append({**recorded("d", 5), "session_id": OTHER}, session_id=OTHER)
    library.catch_up()
    library.log().unlink()
    library.catch_up()
    assert library.ids() == ["d"]
    assert library.rows() == _built_from_nothing(library)


@pytest.mark.parametrize("away", ["log_root", "users"])
def test_a_disk_that_is_missing_is_not_a_library_that_is_empty(
    library: Library, away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.append(recorded())
    library.catch_up()
    if away == "log_root":
        library.log_root.rename(library.log_root.with_name("away"))
    else:
        monkeypatch.setattr(os, "scandir", _refuse)
    library.catch_up()
    assert library.ids() == ["c"]


def _refuse(*_: Any) -> Any:
    raise PermissionError(13, "Permission denied")


def test_a_log_that_cannot_be_read_keeps_its_rows_and_hides_no_other(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.append(recorded())
    library.catch_up()
    library.append(recorded("d", 5))
    library.append({**recorded("e", 6), "session_id": OTHER}, session_id=OTHER)
    reading = catalog_module.read_addition
    monkeypatch.setattr(
        catalog_module, "read_addition", lambda path, *rest: _refuse() if SESSION in str(path) else reading(path, *rest)
    )
    library.catch_up()
    assert set(library.ids()) == {"c", "e"}
    monkeypatch.undo()
    library.catch_up()
    assert set(library.ids()) == {"c", "d", "e"}


def test_an_unchanged_log_is_not_read_again_even_after_a_restart(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.append(start(), recorded(), b"torn")
    library.catch_up()
    monkeypatch.setattr(catalog_module, "read_addition", lambda *_: pytest.fail("it is read"))
    library.catch_up()
    restarted = library.another()
    assert not list(restarted.turns())
    restarted.close()


def test_a_turn_is_bounded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "TURN_BYTES", 1)
    monkeypatch.setattr("contracts.storage.log_tail._CHUNK_BYTES", 2000)
    library.append(*(recorded(f"c{number}", number) for number in range(50)))
    assert library.catch_up() > 10
    assert library.page()["total"] == 50
    assert library.rows() == _built_from_nothing(library)


def test_one_session_is_refreshed_alone(library: Library) -> None:
    library.append(recorded())
    library.append({**recorded("d", 5), "session_id": OTHER}, session_id=OTHER)
    assert not list(library.catalog.refresh("u1", SESSION))
    assert library.ids() == ["c"]
    assert not list(library.catalog.refresh("u1", "sess_00000000000000ff"))


def test_two_processes_may_write_one_catalog(library: Library) -> None:
    library.append(*(recorded(f"c{number}", number) for number in range(20)))
    second = library.another()
    for _ in zip(library.catalog.turns(), second.turns(), strict=False):
        pass
    library.append(REVIEW, recorded("late", 99))
    for turns in (second.turns(), library.catalog.turns()):
        list(turns)
    second.close()
    assert library.page()["total"] == 21
    assert library.rows() == _built_from_nothing(library)


def test_another_version_is_built_again(library: Library) -> None:
    library.append(recorded())
    library.catch_up()
    library.catalog.close()
    database = sqlite3.connect(newest_database(library.folder))
    database.execute("DELETE FROM captures")
    database.execute("PRAGMA user_version=999")
    database.commit()
    database.close()
    library.catch_up()
    assert library.ids() == ["c"]


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b"", b"SQLite format 3\0" + b"\xff" * 8192])
def test_a_damaged_file_is_replaced(library: Library, damage: bytes) -> None:
    library.append(recorded())
    library.catch_up()
    library.catalog.close()
    newest_database(library.folder).write_bytes(damage)
    library.catch_up()
    assert library.ids() == ["c"]


def test_damage_that_shows_while_it_is_open_is_replaced_too(library: Library) -> None:
    library.append(*(recorded(f"c{number}", number) for number in range(200)))
    library.catch_up()
    library.catalog.close()
    path = newest_database(library.folder)
    with path.open("r+b") as file:  # the tables, but not the header
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    library.append(recorded("late", 999))
    for _ in range(3):
        try:
            library.catch_up()
        except sqlite3.DatabaseError:
            continue
    assert library.page()["total"] == 201
    assert not path.exists()


def test_a_rebuild_is_seen_whole_or_not_at_all(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.append(start(), recorded(), REVIEW)
    library.catch_up()
    before = library.rows()
    seen = []
    reading = catalog_module.read_addition
    monkeypatch.setattr(catalog_module, "read_addition", lambda *args: (seen.append(library.ids()), reading(*args))[1])
    assert library.another().rebuild() == 1
    assert seen == [["c"]]
    assert library.rows() == before


def test_a_rebuild_holds_up_no_gateway_and_takes_its_place(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.append(start(), recorded())
    library.catch_up()
    old = newest_database(library.folder)
    reading = catalog_module.read_addition

    def goes_on(*args: Any) -> Any:
        monkeypatch.setattr(catalog_module, "read_addition", reading)
        library.append(recorded("d", 5))
        monkeypatch.setattr(database_module, "BUSY_MS", 0)
        library.catalog.close()
        library.catch_up()
        assert set(library.ids()) == {"c", "d"}
        return reading(*args)

    monkeypatch.setattr(catalog_module, "read_addition", goes_on)
    library.another().rebuild()
    assert [path.name for path in library.folder.iterdir()] == [newest_database(library.folder).name] != [old.name]
    library.append(REVIEW)
    library.catch_up()
    assert (library.one()["review"], set(library.ids())) == ("keep", {"c", "d"})
    assert library.rows() == _built_from_nothing(library)


def test_a_rebuild_that_fails_leaves_the_catalog_as_it_was(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.append(recorded())
    library.catch_up()
    before = library.rows()
    (library.folder / "catalog-draft-killed").mkdir()
    rebuilding = library.another()

    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as context:
        context.setattr(catalog_module, "read_addition", full)
        with pytest.raises(sqlite3.OperationalError):
            rebuilding.rebuild()
    assert library.rows() == before
    assert not list(library.folder.glob("catalog-draft-*"))
    assert rebuilding.rebuild() == 1
    assert library.rows() == before


@pytest.mark.parametrize("how", ["removed", "damaged", "rebuilt"])
def test_a_file_in_the_place_of_the_old_one_is_complete_after_a_pass(library: Library, how: str) -> None:
    library.append(*(recorded(f"c{number}", number) for number in range(3)))
    turns = library.catalog.turns()
    while next(turns, turns) is None:
        assert not library.catalog.complete
    assert library.catalog.complete
    path = newest_database(library.folder)
    if how == "rebuilt":
        library.another().rebuild()
    elif how == "removed":
        path.unlink()
    else:
        library.catalog.close()
        path.write_bytes(b"damage" * 1000)
    list(library.catalog.refresh("u1", OTHER))
    assert not library.catalog.complete
    library.catch_up()
    assert library.catalog.complete
    assert library.page()["total"] == 3


def test_damage_that_only_a_reader_meets_is_found(library: Library) -> None:
    library.append(*(recorded(f"c{number}", number) for number in range(200)))
    library.catch_up()
    assert not library.catalog.repair()
    path = newest_database(library.folder)
    library.catalog.close()
    damage_rows(path)
    library.catch_up()  # it has nothing to write, and meets no damage
    assert path.exists()
    assert library.catalog.repair() and not library.catalog.complete
    library.catch_up()
    assert library.page()["total"] == 200


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(OSError):
        list(Catalog(tmp_path / "state" / "library", tmp_path).turns())


_KILLED = """
import sys
from pathlib import Path
from gateway.library.catalog import Catalog
for number, _ in enumerate(Catalog(Path(sys.argv[1]), Path(sys.argv[2])).turns()):
    print(number, flush=True)
"""


def test_a_killed_write_leaves_what_was_complete_and_is_continued(tmp_path: Path) -> None:
    library = Library(tmp_path)
    write_logs(library.log_root, 600, 5)
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(library.folder), str(library.log_root)],
        cwd=REPOSITORY, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(8):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()
    there = library.page()["total"]
    assert there > 0
    assert there % 20 == 0
    library.catch_up()
    assert library.page()["total"] == 600
    assert library.rows() == _built_from_nothing(library)


def _built_from_nothing(library: Library) -> Any:
    with TemporaryDirectory() as folder:
        fresh = Catalog(Path(folder), library.log_root)
        list(fresh.turns())
        fresh.close()
        return rows_of(Path(folder))


_EVENTS = [
    start(consent_given=True, training_intent_label="wave"),
    start(consent_given=False),
    recorded("c", 1, annotation={"intent": "nod"}, quality=quality("good")),
    recorded("d", 2, consent_given=True),
    REVIEW,
    said("capture.reviewed", 2, capture_id="c", verdict="redo"),
    said("capture.relabelled", 3, capture_id="d", intent="shake"),
    said("capture.reassigned", 4, capture_id="c", participant="p7"),
    said("consent.withdrawn", 5),
    said("consent.withdrawn", 6, capture_id="d", erase=True),
    {"consent_given": False, "capture_id": "d"},
    {"note": "harmless"},
    erased("d"),
]


class CatalogAndLogs(RuleBasedStateMachine):
    """Whatever happens to two logs, and whenever the catalog looks: it is as if it was built from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.library = Library(Path(self.folder.name))
        self.count = 0

    def teardown(self) -> None:
        self.library.catalog.close()
        self.folder.cleanup()

    @rule(session=st.sampled_from([SESSION, OTHER]), event=st.sampled_from(_EVENTS), by_client=st.booleans())
    def an_event_is_recorded(self, session: str, event: dict[str, Any], by_client: bool) -> None:
        self.count += 1
        event = {**event, "session_id": session} if "session_id" in event else event
        self.library.append(line_bytes(event, self.count, by_client=by_client), session_id=session)

    @rule(line=st.sampled_from(HOSTILE), session=st.sampled_from([SESSION, OTHER]))
    def a_line_is_hostile(self, line: bytes, session: str) -> None:
        self.library.append(line, session_id=session)

    @rule(session=st.sampled_from([SESSION, OTHER]))
    def a_line_is_torn(self, session: str) -> None:
        self.library.append(line_bytes(REVIEW)[:50], session_id=session)

    @rule(session=st.sampled_from([SESSION, OTHER]), share=st.floats(0, 1))
    def a_log_is_shortened(self, session: str, share: float) -> None:
        log = self.library.log(session)
        if log.exists():
            os.truncate(log, int(share * log.stat().st_size))

    @rule(session=st.sampled_from([SESSION, OTHER]))
    def a_log_is_written_again_in_another_order(self, session: str) -> None:
        log = self.library.log(session)
        if log.exists():
            before = log.stat().st_mtime_ns
            log.write_bytes(b"".join(reversed(log.read_bytes().splitlines(keepends=True))))
            os.utime(log, ns=(before, before + 1_000_000))  # the clock of some file systems is coarse

    @rule(session=st.sampled_from([SESSION, OTHER]))
    def a_log_is_removed(self, session: str) -> None:
        self.library.log(session).unlink(missing_ok=True)

    @rule()
    def the_gateway_is_restarted(self) -> None:
        self.library.catalog.close()
        self.library.catalog = self.library.another()

    @rule()
    def the_catalog_looks(self) -> None:
        self.library.catch_up()
        assert self.library.rows() == _built_from_nothing(self.library)


TestCatalogAndLogs = CatalogAndLogs.TestCase
TestCatalogAndLogs.settings = settings(max_examples=40, stateful_step_count=25)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 200), max_size=6))
def test_a_catalog_that_follows_a_log_is_one_that_read_it_at_once(seed: int, cuts: list[int]) -> None:
    lines = list(session_lines("u1", SESSION, 30, datetime(2026, 1, 1, tzinfo=UTC), random.Random(seed)))
    with TemporaryDirectory() as folder:
        library = Library(Path(folder))
        done = 0
        for cut in [*sorted(cuts), len(lines)]:
            library.append(*lines[done:cut])
            done = max(done, cut)
            library.catch_up()
        assert library.page()["total"] == 30
        assert library.rows() == _built_from_nothing(library)
        library.catalog.close()


def test_the_file_of_a_catalog_says_its_version(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.append(recorded())
    library.catch_up()
    older = newest_database(library.folder)
    monkeypatch.setattr(database_module, "CATALOG_VERSION", database_module.CATALOG_VERSION + 1)
    library.catch_up()
    assert newest_database(library.folder) != older
    assert library.ids() == ["c"]
