"""``a3cp backup`` and ``a3cp restore``: the copy verifies, wherever they are killed, and the source is as it was."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.roles import Broker
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.paths import artifact_uri, session_features_dir
from contracts.storage.object_store import ObjectStore
from scripts.backups.broker import copy_events
from scripts.backups.rules import BackupError, Manifest
from scripts.commands.backup import backup, complete_copy
from scripts.commands.forget import forget
from scripts.commands.offline import InUse
from scripts.commands.restore import restore
from scripts.commands.verify import verify_logs
from scripts.stack.embedded import EmbeddedBrokers, StateInUse
from scripts.stack.offline import offline_events
from scripts.stack.stack import Stack
from tests.contracts.storage.session_lines import line_bytes
from tests.recorder.samples import arrays, feature_ref, npz
from tests.scripts.exports.roots import Roots
from tests.support.s3 import BUCKET, S3Server

SECRET_NAME = "zoe-the-forgotten"


class Source:
    """The folders of a stack: two people with a session of two captures each, and the events broker's file."""

    def __init__(self, root: Path) -> None:
        self.roots = Roots(root)
        self.settings = self.roots.settings.model_copy(update={"state_dir": root / "state"})
        self.sessions = {user_id: self.roots.session(user_id) for user_id in ("u1", SECRET_NAME)}
        self.records = {
            user_id: [self.roots.capture(session, user_id=user_id) for _ in range(2)]
            for user_id, session in self.sessions.items()
        }
        self.broker(lambda events: events.hset(keys.session(self.sessions["u1"]), "user_id", "u1"))

    def broker(self, act: Callable[[Broker], object]) -> None:
        with_events(self.settings, act)

    def tree(self) -> dict[str, tuple[bytes, int]]:
        """Every file of the source, with its bytes and its time of change."""
        roots = (self.settings.data_root, self.settings.log_root, self.settings.state_dir / "events")
        files = [path for root in roots for path in root.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def with_events(settings: Settings, act: Callable[[Broker], object]) -> None:
    async def run() -> None:
        embedded = EmbeddedBrokers.prepare(settings.state_dir)
        try:
            async with offline_events(embedded) as broker:
                act(broker)
        finally:
            embedded.release()

    asyncio.run(run())


def elsewhere(root: Path) -> Settings:
    return Settings(data_root=root / "r/data", log_root=root / "r/logs", state_dir=root / "r/state")


def complete(target: Path) -> Manifest:
    manifest = complete_copy(target)
    assert manifest is not None
    return manifest


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def test_a_backup_is_complete_is_verified_and_changes_nothing(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = source.tree()
    assert backup(source.settings, tmp_path / "b") == 0
    assert source.tree() == before
    manifest = complete(tmp_path / "b")
    assert (manifest.sessions, manifest.captures, manifest.artifacts, manifest.findings) == (2, 4, 4, 0)
    copy = tmp_path / "b" / manifest.folder
    assert {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} == set(manifest.files)
    for path, (data, _) in before.items():
        if "/state/" not in path:
            copied = copy / Path(path).relative_to(tmp_path)
            assert (copied.read_bytes(), copied.stat().st_mode) == (data, Path(path).stat().st_mode)
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0
    out = capsys.readouterr().out
    assert "2 sessions, 4 good captures" in out and out.splitlines()[-1] == "complete and verified"


def test_the_next_one_copies_what_is_new_and_shares_the_rest(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup(source.settings, tmp_path / "b")
    first = complete(tmp_path / "b")
    [same] = {name for name in first.files if source.records["u1"][0] in name}
    inode = (tmp_path / "b" / first.folder / same).stat().st_ino
    source.roots.capture(source.sessions["u1"])
    assert backup(source.settings, tmp_path / "b") == 0
    second = complete(tmp_path / "b")
    assert second.folder != first.folder and not (tmp_path / "b" / first.folder).exists()
    assert (tmp_path / "b" / second.folder / same).stat().st_ino == inode
    assert second.captures == 5
    assert "1 new artifact;" in capsys.readouterr().out


def test_erasure_and_forgetting_reach_the_next_backup(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup(source.settings, tmp_path / "b")
    session, record = source.sessions["u1"], source.records["u1"][0]
    artifact = source.roots.artifact(session, record)
    erased = complete(tmp_path / "b").files[f"data/{artifact.relative_to(source.settings.data_root)}"]
    source.roots.tell(session, "consent.withdrawn", record, erase=True)
    source.roots.tell(
        session, "capture.erased", record, hash=f"sha256:{erased.sha256}", erased_at="2026-01-31T12:00:00.000Z"
    )
    artifact.unlink()
    assert forget(source.settings, SECRET_NAME, yes=True) == 0
    assert backup(source.settings, tmp_path / "b") == 0
    assert "removed 3 artifacts and 1 session log of forgotten persons" in capsys.readouterr().out
    assert complete(tmp_path / "b").artifacts == 1
    for path in (tmp_path / "b").rglob("*"):
        assert SECRET_NAME not in str(path) and not (path.is_file() and SECRET_NAME.encode() in path.read_bytes())


def test_a_log_that_is_gone_or_rewritten_without_a_reason_costs_the_backup_nothing(
    source: Source, tmp_path: Path
) -> None:
    backup(source.settings, tmp_path / "b")
    manifest = complete(tmp_path / "b")
    log = source.roots.log(source.sessions["u1"])
    whole = log.read_bytes()
    log.write_bytes(whole[: whole.index(b"\n") + 1])
    with pytest.raises(BackupError, match="shortened or rewritten"):
        backup(source.settings, tmp_path / "b")
    log.unlink()
    with pytest.raises(BackupError, match=r"lacks 1 session log .*no `a3cp forget` explains it"):
        backup(source.settings, tmp_path / "b")
    assert complete(tmp_path / "b") == manifest
    log.write_bytes(whole)
    assert backup(source.settings, tmp_path / "b") == 0
    assert restore(elsewhere(tmp_path), tmp_path / "b") == 0


def test_an_artifact_that_the_source_has_lost_is_kept_and_named(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup(source.settings, tmp_path / "b")
    lost, damaged = (source.roots.artifact(source.sessions["u1"], record) for record in source.records["u1"])
    lost.unlink()
    damaged.write_bytes(b"damaged")
    assert backup(source.settings, tmp_path / "b") == 1
    assert capsys.readouterr().out.count("kept users/u1/") == 2
    assert (complete(tmp_path / "b").captures, complete(tmp_path / "b").findings) == (4, 0)


def test_a_finding_of_the_source_is_told_and_the_rest_is_copied(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.roots.artifact(source.sessions["u1"], source.records["u1"][0]).write_bytes(b"damaged")
    assert backup(source.settings, tmp_path / "b") == 1
    out = capsys.readouterr().out
    assert "FAIL" in out and out.splitlines()[-1] == "complete, with 1 finding"
    assert complete(tmp_path / "b").captures == 3


def test_a_damaged_file_of_the_backup_is_replaced_by_the_next_one(source: Source, tmp_path: Path) -> None:
    backup(source.settings, tmp_path / "b")
    manifest = complete(tmp_path / "b")
    damaged = next(tmp_path / "b" / manifest.folder / name for name in manifest.files if name.startswith("data/"))
    status = damaged.stat()
    damaged.write_bytes(bytes(status.st_size))
    os.utime(damaged, ns=(status.st_mtime_ns, status.st_mtime_ns))
    with pytest.raises(BackupError, match="damaged"):
        restore(elsewhere(tmp_path), tmp_path / "b")
    assert backup(source.settings, tmp_path / "b") == 0
    shutil.rmtree(tmp_path / "r")
    assert restore(elsewhere(tmp_path), tmp_path / "b") == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from contracts.process.settings import Settings
from scripts.backups import copying
from scripts.commands import backup, restore

root, command, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done = 0

def count(name, function):
    def counted(*arguments, **options):
        global done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return counted

for module, names in ((os, ("fsync", "link", "sync", "replace", "unlink")), (Path, ("replace", "unlink", "mkdir"))):
    for name in names:
        setattr(module, name, count(name, getattr(module, name)))
settings = Settings(data_root=root / "data", log_root=root / "logs", state_dir=root / "state")
if command == "backup":
    code = backup.backup(settings, root / "b")
else:
    there = root / "r"
    code = restore.restore(
        Settings(data_root=there / "data", log_root=there / "logs", state_dir=there / "state"), root / "b"
    )
print(done)
sys.exit(code)
"""


def killed(root: Path, command: str, last: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(root), command, str(last)], capture_output=True, text=True, timeout=300
    )


def test_a_killed_backup_leaves_the_last_one_and_is_completed_by_a_repetition(source: Source, tmp_path: Path) -> None:
    assert backup(source.settings, tmp_path / "b") == 0
    older = complete(tmp_path / "b")
    source.roots.capture(source.sessions["u1"])
    before = source.tree()
    shutil.copytree(tmp_path / "b", tmp_path / "trial", copy_function=os.link)
    whole = killed(tmp_path, "backup", 0)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout.splitlines()[-1])
    for last in sorted({1 + step * (steps - 1) // 4 for step in range(5)}):
        shutil.rmtree(tmp_path / "b")
        shutil.copytree(tmp_path / "trial", tmp_path / "b", copy_function=os.link)
        for _ in range(2):  # a repetition may be killed as well
            assert killed(tmp_path, "backup", last).returncode in (-signal.SIGKILL, 0)
        assert source.tree() == before
        manifest = complete(tmp_path / "b")
        if manifest.captures == older.captures:
            assert manifest == older
        assert restore(elsewhere(tmp_path), tmp_path / "b") == 0
        shutil.rmtree(tmp_path / "r")
        assert backup(source.settings, tmp_path / "b") == 0
        assert complete(tmp_path / "b").captures == 5
        assert len([path for path in (tmp_path / "b").iterdir() if path.is_dir()]) == 1


def test_a_first_backup_that_was_killed_is_none(source: Source, tmp_path: Path) -> None:
    assert killed(tmp_path, "backup", 12).returncode == -signal.SIGKILL
    with pytest.raises(ConfigurationError, match="no complete backup"):
        restore(elsewhere(tmp_path), tmp_path / "b")
    assert backup(source.settings, tmp_path / "b") == 0


def test_a_killed_restore_starts_no_stack_and_is_completed_by_a_repetition(source: Source, tmp_path: Path) -> None:
    backup(source.settings, tmp_path / "b")
    assert killed(tmp_path, "restore", 14).returncode == -signal.SIGKILL
    there = elsewhere(tmp_path)
    with pytest.raises(ConfigurationError, match="restore"):
        asyncio.run(Stack(there).start())
    assert restore(there, tmp_path / "b") == 0
    assert verify_logs(there, []) == 0
    with_events(there, lambda events: _has_session(events, source.sessions["u1"]))
    assert session_features_dir(there.data_root, "u1", source.sessions["u1"]).is_dir()


def _has_session(events: Broker, session_id: str) -> None:
    assert events.hget(keys.session(session_id), "user_id") == b"u1"


def test_a_backup_is_restored_into_empty_folders_only(source: Source, tmp_path: Path) -> None:
    backup(source.settings, tmp_path / "b")
    before = source.tree()
    with pytest.raises(ConfigurationError, match=r"LOG_ROOT: .* exists"):
        restore(source.settings, tmp_path / "b")
    there = elsewhere(tmp_path)
    for place in (there.data_root / "users", there.state_dir / "events" / "appendonlydir"):
        place.mkdir(parents=True)
        with pytest.raises(ConfigurationError, match="exists"):
            restore(there, tmp_path / "b")
        place.rmdir()
    running = EmbeddedBrokers.prepare(there.state_dir)
    with pytest.raises(StateInUse):
        restore(there, tmp_path / "b")
    running.release()
    assert source.tree() == before
    assert restore(there, tmp_path / "b") == 0


def test_places_that_are_none_of_a_backup_are_refused(source: Source, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").touch()
    settings = source.settings
    nothing = settings.model_copy(update={"state_dir": tmp_path / "nothing"})
    for given, target, why in (
        (settings, other, "other files, such as thesis.tex"),
        (settings, settings.log_root / "b", "in one another"),
        (settings, tmp_path, "in one another"),
        (settings, other / "thesis.tex", "no folder"),
        (nothing, tmp_path / "b", "A3CP_STATE_DIR"),
        (settings.model_copy(update={"log_root": tmp_path / "nothing"}), tmp_path / "b", "LOG_ROOT"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            backup(given, target)


def test_of_brokers_and_a_bucket_of_an_operator_it_says_that_they_are_not_copied(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = SecretStr("redis://:a-password@127.0.0.1:1/0")
    own = source.settings.model_copy(update={"frames_url": url, "events_url": url})
    assert backup(own, tmp_path / "b") == 0
    assert complete(tmp_path / "b").queued_events is None
    assert not [name for name in complete(tmp_path / "b").files if name.startswith("state/")]
    out = capsys.readouterr().out
    assert "not copied: the events broker" in out and "a-password" not in out


def test_no_person_is_forgotten_while_a_backup_runs(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts.commands import backup as module

    def meanwhile(*_: object) -> None:
        with pytest.raises(InUse, match="backup"):
            forget(source.settings, SECRET_NAME, yes=True)
        with pytest.raises(BackupError, match="another backup"):
            backup(source.settings, tmp_path / "b")

    monkeypatch.setattr(module, "_say", meanwhile)
    assert backup(source.settings, tmp_path / "b") == 0


def test_a_line_that_is_being_written_is_left_out_and_copied_later(source: Source, tmp_path: Path) -> None:
    log = source.roots.log(source.sessions["u1"])
    whole = log.read_bytes()
    source.roots.say(source.sessions["u1"], event="later")
    longer = log.read_bytes()
    log.write_bytes(longer[:-5])
    assert backup(source.settings, tmp_path / "b") == 0
    manifest = complete(tmp_path / "b")
    [name] = [name for name in manifest.files if name.endswith(log.name)]
    assert (tmp_path / "b" / manifest.folder / name).read_bytes() == whole
    log.write_bytes(longer)
    assert backup(source.settings, tmp_path / "b") == 0
    assert (tmp_path / "b" / complete(tmp_path / "b").folder / name).read_bytes() == longer


def test_nothing_of_an_unfinished_copy_and_of_deleted_entries_is_in_the_complete_one(
    source: Source, tmp_path: Path
) -> None:
    left = tmp_path / "b" / "copy-a" / "data" / "users" / "gone-user" / "sessions" / "s" / "features"
    left.mkdir(parents=True)
    (left / "x.npz").write_bytes(b"gone-user")
    source.broker(lambda events: (events.set("key", "gone-user"), events.delete("key")))
    assert b"gone-user" in b"".join(data for data, _ in source.tree().values())
    assert backup(source.settings, tmp_path / "b") == 0
    for path in (tmp_path / "b").rglob("*"):
        assert "gone-user" not in str(path) and not (path.is_file() and b"gone-user" in path.read_bytes())


def test_what_the_broker_answered_is_in_the_copy_while_it_rewrites_its_file(source: Source, tmp_path: Path) -> None:
    found: list[tuple[int, int]] = []

    def copy_while_rewriting(events: Broker) -> None:
        answered, ended = [0], threading.Event()

        def write() -> None:
            while not ended.is_set():
                events.xadd(keys.EVENTS, {"event": "{}"})
                answered[0] += 1
                if not events.info("persistence")["aof_rewrite_in_progress"]:  # type: ignore[index]
                    events.bgrewriteaof()

        def copy() -> None:
            for _ in range(4):
                least = answered[0]
                found.append((least, asyncio.run(copy_events(source.settings.state_dir, tmp_path / "copied"))))

        with ThreadPoolExecutor(2) as threads:
            writing, copying = threads.submit(write), threads.submit(copy)
            copying.exception()
            ended.set()
            writing.result()
            copying.result()

    source.broker(copy_while_rewriting)
    assert [least for least, _ in found] == sorted(least for least, _ in found) and found[-1][0] > 0
    assert all(least <= copied for least, copied in found)


def test_objects_are_verified_where_they_are_and_not_copied(
    source: Source, tmp_path: Path, s3: S3Server, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"s3://{BUCKET}/{unique}"
    settings = source.settings.model_copy(update={"artifact_url": url})
    session = source.sessions["u1"]
    data = npz(arrays())
    record_id = str(uuid4())
    name = artifact_uri("u1", session, record_id)
    assert ObjectStore(url).put_once(name, data)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    named = feature_ref(session, "c-object", record_id, uri=f"{url}/{name}", hash=digest)
    with source.roots.log(session).open("ab") as log:
        log.write(line_bytes(named))
    assert backup(settings, tmp_path / "b") == 0
    assert (complete(tmp_path / "b").captures, complete(tmp_path / "b").artifacts) == (5, 4)
    assert f"not copied: objects in {url}" in capsys.readouterr().out
