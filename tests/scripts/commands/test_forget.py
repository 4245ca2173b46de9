"""``a3cp forget USER``: nothing of the person is in any file, wherever it was killed; all else is untouched."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.roles import Broker, connect_sync
from contracts.broker.script import run_sync
from contracts.process.folder_lock import FolderInUse, lock_alone
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError
from contracts.rules.paths import artifact_path, removal_register, session_log_path
from contracts.state import dead_letters, erasures, heartbeats, recording, records, sessions
from contracts.state.captures import CaptureWindow
from contracts.state.events import EventEntry, Receipt
from contracts.storage.object_store import ObjectStore
from gateway.library.catalog import Catalog
from gateway.library.library import catalog_folder
from scripts.commands.forget import ForgetError, forget
from scripts.commands.offline import InUse
from scripts.stack.embedded import EmbeddedBrokers, StateInUse
from scripts.stack.offline import offline_events
from tests.conftest import BrokerPair
from tests.contracts.scripting import erasure_request
from tests.contracts.storage.session_lines import line_bytes, record_id, recorded, start
from tests.contracts.storage.test_object_store import versioned
from tests.gateway.capture.test_report import START
from tests.gateway.reached import reaching
from tests.support.s3 import VERSIONED, S3Server

__all__ = ["versioned"]

ANNA, OTHER = "anna-1", "anna-12"
SESSIONS = {ANNA: "sess_00000000000000aa", OTHER: "sess_00000000000000bb"}
STEPS = ("events", "frames", "artifacts", "catalog", "logs")


def folders(root: Path, **changes: Any) -> Settings:
    return Settings(data_root=root / "data", log_root=root / "logs", state_dir=root / "state", **changes)


def fill_files(settings: Settings) -> None:
    """Two people with a session each, of two captures with artifacts; and the catalog of all."""
    for number, (user_id, session_id) in enumerate(SESSIONS.items(), start=1):
        ids = {"user_id": user_id, "session_id": session_id}
        log = session_log_path(settings.log_root, user_id, session_id)
        log.parent.mkdir(parents=True)
        lines = [line_bytes(start(**ids))]
        for each in range(2):
            record = record_id(10 * number + each)
            event = recorded(f"capture-{number}-{each}", 10 * number + each, user_id=user_id)
            lines.append(line_bytes({**event, **ids}))
            artifact = artifact_path(settings.data_root, user_id, session_id, record)
            artifact.parent.mkdir(parents=True, exist_ok=True)
            artifact.write_bytes(b"an artifact")
            artifact.with_name(f".{record}.left.tmp").write_bytes(b"a killed writer's")
        log.write_bytes(b"".join(lines))
    catalog = Catalog(catalog_folder(settings), settings.log_root)
    catalog.rebuild()
    catalog.close()


def fill_events(broker: Broker) -> None:
    """What the events broker has of two people: sessions, a record, an erasure, events that wait, dead letters."""
    for number, (user_id, session_id) in enumerate(SESSIONS.items(), start=1):
        event = orjson.dumps({"user_id": user_id, "session_id": session_id})
        entry = EventEntry(event, user_id, session_id, record_id(number))
        run_sync(broker, sessions.start_session("request", event, entry))
        window = CaptureWindow(
            capture_id=f"capture-{number}-0", user_id=user_id, session_id=session_id, record_id=record_id(10 * number),
            timestamp_start=START, fps_target=15, width=64, height=48, max_duration_s=120,
        )  # fmt: skip
        assert run_sync(broker, records.reserve(window, "connection", 4, START)) == "OK"
        receipt = Receipt(error="invalid_event", detail="no")
        run_sync(
            broker, dead_letters.dead_letter("1-1", receipt, {b"user_id": user_id.encode(), b"event": event}, START)
        )
        request = erasure_request(f"gone-{number}", user_id, session_id)  # no log and no record has it any more
        run_sync(broker, erasures.allow(request))
        run_sync(broker, erasures.publish(request, START))
        tail = dead_letters.dead_letter_tail(f"users/{user_id}/sessions/x.jsonl", b"torn", "torn", "torn", START)
        run_sync(broker, tail)


async def _with_embedded(settings: Settings, act: Callable[[Broker], None]) -> None:
    embedded = EmbeddedBrokers.prepare(settings.state_dir)
    try:
        async with offline_events(embedded) as broker:
            act(broker)
    finally:
        embedded.release()


def filled(root: Path) -> Settings:
    settings = folders(root)
    fill_files(settings)
    asyncio.run(_with_embedded(settings, fill_events))
    return settings


def files_with(root: Path, user_id: str) -> list[str]:
    """Every file and folder below ``root`` that has these bytes in its path or in its content, as a whole word."""
    others = OTHER.encode()
    found = []
    for path in sorted(root.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if user_id.encode() in str(path.relative_to(root)).encode().replace(others, b"") + content.replace(others, b""):
            found.append(str(path))
    return found


def register(settings: Settings) -> list[dict[str, Any]]:
    path = removal_register(settings.log_root)
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def the_other_one_is_whole(settings: Settings) -> None:
    lines = session_log_path(settings.log_root, OTHER, SESSIONS[OTHER]).read_bytes().splitlines()
    assert len(lines) == 3
    assert len(list((settings.data_root / "users" / OTHER).rglob("*.npz"))) == 2

    def look(broker: Broker) -> None:
        assert broker.hget(keys.session(SESSIONS[OTHER]), "user_id") == OTHER.encode()
        kept = [keys.capture_record("capture-2-0"), keys.window(SESSIONS[OTHER], record_id(20)), keys.erasure("gone-2")]
        assert broker.exists(*kept) == len(kept)
        assert (broker.xlen(keys.EVENTS), broker.xlen(keys.DEAD_EVENTS)) == (2, 2)
        assert broker.zrange(keys.UNFINISHED, 0, -1) == [b"capture-2-0"]

    asyncio.run(_with_embedded(settings, look))


def test_no_byte_of_the_name_is_left_on_the_disk_and_others_are_untouched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = filled(tmp_path)
    assert files_with(tmp_path, ANNA)
    assert forget(settings, ANNA, yes=True) == 0
    assert files_with(tmp_path, ANNA) == []
    the_other_one_is_whole(settings)
    [line] = register(settings)
    assert set(line) == {"removed_at", "removal_id", "sessions", "captures", "artifacts"}
    assert (line["sessions"], line["captures"], line["artifacts"]) == (1, 2, 2)
    said = capsys.readouterr().out
    assert "1 session log, 2 captures, 2 artifacts" in said and "backups" in said
    assert forget(settings, ANNA, yes=True) == 0
    assert "There is nothing of anna-1." in capsys.readouterr().out
    assert len(register(settings)) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from contracts.process.settings import Settings
from scripts.commands import forget as module

root, last = Path(sys.argv[1]), int(sys.argv[2])
steps = module._steps

def some(*arguments):
    for number, step in enumerate(steps(*arguments)):
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)
        yield step
    if last == number + 1:
        os.kill(os.getpid(), signal.SIGKILL)

module._steps = some
if last > 5:
    end = module.end_removal
    def killed(*arguments):
        if last == 7:
            (arguments[0] / "forgotten.jsonl").open("ab").write(b'{"torn')
        os.kill(os.getpid(), signal.SIGKILL)
    module.end_removal = killed
settings = Settings(data_root=root / "data", log_root=root / "logs", state_dir=root / "state")
module.forget(settings, "anna-1", yes=True)
"""


@pytest.mark.parametrize("last", range(len(STEPS) + 3))
def test_a_kill_at_any_step_is_made_good_by_a_repetition(tmp_path: Path, last: int) -> None:
    settings = filled(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(last)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with pytest.raises(ForgetError, match=ANNA):  # the note says whose removal was begun
        forget(settings, OTHER, yes=True)
    assert forget(settings, ANNA, yes=True) == 0
    assert files_with(tmp_path, ANNA) == []
    the_other_one_is_whole(settings)
    lines = [
        line for line in removal_register(settings.log_root).read_bytes().splitlines() if not line.endswith(b"torn")
    ]
    [line] = [orjson.loads(line) for line in lines]
    assert (line["sessions"], line["captures"], line["artifacts"]) == (1, 2, 2)


@pytest.mark.parametrize("typed", ["", "anna", "anna-12", EOFError])
def test_without_the_typed_id_nothing_is_removed(tmp_path: Path, typed: Any) -> None:
    settings = filled(tmp_path)
    before = files_with(tmp_path / "logs", ANNA), files_with(tmp_path / "data", ANNA)

    def ask() -> str:
        if typed is EOFError:
            raise EOFError
        return str(typed)

    assert forget(settings, ANNA, yes=False, ask=ask) == 1
    assert (files_with(tmp_path / "logs", ANNA), files_with(tmp_path / "data", ANNA)) == before
    assert register(settings) == []


def test_the_typed_id_confirms(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    assert forget(settings, ANNA, yes=False, ask=lambda: f"{ANNA}\n") == 0
    assert files_with(tmp_path, ANNA) == []


def test_a_person_of_whom_there_is_nothing_is_not_registered(tmp_path: Path) -> None:
    settings = folders(tmp_path)
    assert forget(settings, "nemo", yes=True) == 0
    assert register(settings) == []


def test_what_has_lapsed_leaves_the_broker_s_file_and_the_catalog_too(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    shutil.rmtree(settings.log_root / "users" / ANNA)
    shutil.rmtree(settings.data_root / "users" / ANNA)

    def lapse(broker: Broker) -> None:
        names = [name for name in broker.scan_iter() if name not in (keys.EVENTS.encode(), keys.DEAD_EVENTS.encode())]
        broker.delete(*[name for name in names if b"b" * 2 not in name and b"capture-2" not in name])
        for stream in (keys.EVENTS, keys.DEAD_EVENTS):
            for entry_id, entry in broker.xrange(stream):  # type: ignore[union-attr, misc]
                if OTHER.encode() not in b"".join(entry.values()):
                    broker.xdel(stream, entry_id)

    asyncio.run(_with_embedded(settings, lapse))
    assert files_with(tmp_path, ANNA)
    assert forget(settings, ANNA, yes=True) == 0
    assert files_with(tmp_path, ANNA) == []
    assert register(settings) == []


@pytest.mark.parametrize("user_id", ["../anna-1", "", ".x", "a/b", "a b"])
def test_an_id_that_is_none_is_refused(tmp_path: Path, user_id: str) -> None:
    with pytest.raises(ConfigurationError):
        forget(folders(tmp_path), user_id, yes=True)


def test_a_file_of_another_person_that_has_the_word_is_named_and_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = filled(tmp_path)
    log = session_log_path(settings.log_root, OTHER, SESSIONS[OTHER])
    with log.open("ab") as file:
        file.write(line_bytes({"user_id": OTHER, "session_id": SESSIONS[OTHER], "source": "x", "participant": ANNA}))
    before = log.read_bytes()
    assert forget(settings, ANNA, yes=True) == 0
    assert log.read_bytes() == before
    assert str(log) in capsys.readouterr().out


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    settings = folders(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    users = settings.data_root / "users"
    users.mkdir(parents=True)
    (users / ANNA).symlink_to(elsewhere)
    with pytest.raises(A3CPError, match="by hand"):
        forget(settings, ANNA, yes=True)
    assert (elsewhere / "kept").read_text() == "kept"


def test_it_is_refused_while_a_stack_or_a_gateway_runs(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    embedded = EmbeddedBrokers.prepare(settings.state_dir)
    with pytest.raises(StateInUse):
        forget(settings, ANNA, yes=True)
    embedded.release()
    in_use = FolderInUse(settings.log_root)
    in_use.hold()
    with pytest.raises(InUse, match="gateway"):
        forget(settings, ANNA, yes=True)
    in_use.close()
    assert forget(settings, ANNA, yes=True) == 0


def external(root: Path, pair: BrokerPair) -> Settings:
    return folders(root, frames_url=SecretStr(pair.frames.url), events_url=SecretStr(pair.events.url))


def test_it_is_refused_while_a_recorder_or_a_worker_runs_on_the_brokers(
    tmp_path: Path, own_brokers: BrokerPair
) -> None:
    settings = external(tmp_path, own_brokers)
    fill_files(settings)
    frames, events = connect_sync(own_brokers.frames.url), connect_sync(own_brokers.events.url)
    assert run_sync(events, recording.acquire_leadership("another"))
    with pytest.raises(InUse, match="recorder"):
        forget(settings, ANNA, yes=True)
    run_sync(events, recording.release_leadership("another"))
    run_sync(frames, heartbeats.alive("worker"))
    with pytest.raises(InUse, match="worker"):
        forget(settings, ANNA, yes=True)
    heartbeats.deregister_extractor(frames, "worker")
    assert forget(settings, ANNA, yes=True) == 0
    assert files_with(tmp_path, ANNA) == []


def test_of_brokers_of_their_own_only_the_person_s_keys_are_removed(tmp_path: Path, own_brokers: BrokerPair) -> None:
    settings = external(tmp_path, own_brokers)
    fill_files(settings)
    events, frames = connect_sync(own_brokers.events.url), connect_sync(own_brokers.frames.url)
    fill_events(events)
    frames.zadd(keys.FAILED, {f"capture-1-0/8/{ANNA}": 1, f"capture-2-0/8/{OTHER}": 1})
    frames.zadd(keys.UPLOAD_PLACES, {f"up/8/{ANNA}": 1, f"up2/8/{OTHER}": 1})
    for user_id, session_id in SESSIONS.items():
        frames.xadd(keys.CAPTURES, {"capture_id": f"c-{user_id}", "user_id": user_id, "session_id": session_id})
        frames.hset(keys.capture_keys(f"c-{user_id}").state, "open", orjson.dumps({"user_id": user_id}).decode())
    assert forget(settings, ANNA, yes=True) == 0
    left = {name for broker in (events, frames) for name in broker.scan_iter()}
    assert not [name for name in left if ANNA.encode() in name.replace(OTHER.encode(), b"")]
    assert {keys.session(SESSIONS[OTHER]).encode(), keys.capture_keys(f"c-{OTHER}").state.encode()} <= left
    assert keys.session(SESSIONS[ANNA]).encode() not in left
    assert frames.zrange(keys.FAILED, 0, -1) == [f"capture-2-0/8/{OTHER}".encode()]
    assert frames.zrange(keys.UPLOAD_PLACES, 0, -1) == [f"up2/8/{OTHER}".encode()]
    assert (frames.xlen(keys.CAPTURES), events.xlen(keys.EVENTS), events.xlen(keys.DEAD_EVENTS)) == (1, 2, 2)


def test_objects_are_removed_with_every_version(
    tmp_path: Path, s3: S3Server, unique: str, versioned: ObjectStore
) -> None:
    settings = folders(tmp_path, artifact_url=f"s3://{VERSIONED}/{unique}")
    fill_files(settings)
    names = [f"users/{user_id}/sessions/s/features/{name}.npz" for user_id in (ANNA, OTHER) for name in ("x", "y")]
    for name in names:
        assert versioned.put_once(name, b"landmarks")
    assert versioned.remove_if(names[1], lambda _: True)  # an older version and a delete marker are left
    assert s3.versions(unique) == 5
    assert forget(settings, ANNA, yes=True) == 0
    assert versioned.all_names("users") == names[2:]
    assert s3.versions(unique) == 2
    assert register(settings)[0]["artifacts"] == 4


async def test_a_running_gateway_holds_the_logs(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        running = asyncio.create_task(gateway.app.state.library.run(lambda _: None))
        settings = gateway.state.settings
        assert (await gateway.client.get("/library/summary")).status_code == 200
        settings.log_root.mkdir()  # the first session is started
        while (lock := lock_alone(settings.log_root)) is not None:
            os.close(lock)
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
    lock = lock_alone(settings.log_root)
    assert lock is not None
    os.close(lock)
