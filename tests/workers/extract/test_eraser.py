"""The eraser: what it removes, what it says, and that every step may be cut off and repeated."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fakeredis
import orjson
import pytest
import redis

from contracts.broker import keys
from contracts.broker.roles import ensure_group_sync
from contracts.broker.script import run_sync
from contracts.messages.erasure import CaptureErased
from contracts.rules.errors import BrokerUnavailable
from contracts.rules.ids import is_record_id
from contracts.state import erasures
from contracts.state.erasures import ErasureRequest
from contracts.state.event_entries import read_entry
from tests.support.releases import newer_release
from workers.extract import eraser as eraser_module
from workers.extract.eraser import Eraser
from workers.metrics import ExtractorMetrics
from workers.vision.artifact import ArtifactStore, erase_artifact
from workers.vision.local_store import LocalStore

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
USER, SESSION = "u1", "sess_0123456789abcdef"


class Case:
    """An eraser on fake brokers, with artifacts in a folder. Its clock is a second later each time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.frames, self.events = (fakeredis.FakeRedis(server=fakeredis.FakeServer()) for _ in range(2))
        self.store: ArtifactStore = LocalStore(root)
        self.metrics = ExtractorMetrics()
        self.ticks = 0
        self.stop = threading.Event()
        ensure_group_sync(self.frames, "frames", keys.ERASURES, keys.EXTRACTOR_GROUP)

    def clock(self) -> datetime:
        self.ticks += 1
        return NOON + timedelta(seconds=self.ticks)

    def eraser(self, name: str = "one", **options: Any) -> Eraser:
        return Eraser(
            self.frames, self.events, name, [self.store], self.metrics, self.stop, clock=self.clock, **options
        )

    def request(self, capture_id: str = "c", **changes: str) -> ErasureRequest:
        """A request for an artifact that is there, as a gateway makes it; with ``changes`` it is another's."""
        record_id = str(uuid4())
        uri = f"users/{USER}/sessions/{SESSION}/features/{record_id}.npz"
        path = self.root / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"landmarks")
        digest = "sha256:" + hashlib.sha256(b"landmarks").hexdigest()
        made = ErasureRequest(capture_id, USER, SESSION, record_id, uri, digest)
        changed = replace(made, **changes)
        run_sync(self.events, erasures.allow(changed))
        self.frames.xadd(keys.ERASURES, changed.encode())  # type: ignore[arg-type]
        return made

    def files(self) -> list[str]:
        return sorted(path.name for path in self.root.rglob("*") if path.is_file())

    def said(self) -> list[CaptureErased]:
        """Every different event that was published, as the recorder would write it."""
        entries: Any = self.events.xrange(keys.EVENTS)
        lines = dict.fromkeys(read_entry(fields).event for _, fields in entries)
        return [CaptureErased.model_validate_json(line) for line in lines]

    def waiting(self) -> int:
        return int(self.frames.xlen(keys.ERASURES))

    def count(self, outcome: str) -> float:
        return float(self.metrics.erasures.labels(outcome)._value.get())


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(eraser_module, "POLL_MS", 1)
    monkeypatch.setattr(eraser_module, "AGAIN_MS", 0)
    return Case(tmp_path)


def test_an_artifact_is_removed_and_its_event_says_which_it_was(case: Case) -> None:
    request = case.request()
    case.eraser().turn()
    (event,) = case.said()
    assert case.files() == []
    assert case.waiting() == 0
    assert (event.user_id, event.session_id, event.capture_id) == (USER, SESSION, "c")
    assert event.hash == request.hash
    assert event.erased_at == event.timestamp == NOON + timedelta(seconds=1)
    assert (event.source, event.performer_id) == ("landmark_extractor", "system")
    assert is_record_id(event.record_id)
    assert (case.count("erased"), case.count("failed")) == (1, 0)


def test_what_writers_left_goes_too_and_other_files_stay(case: Case) -> None:
    request = case.request()
    folder = (case.root / request.uri).parent
    (folder / f".{request.record_id}.abc.tmp").write_bytes(b"half")
    (folder / "other.npz").write_bytes(b"another capture's")
    case.eraser().turn()
    assert case.files() == ["other.npz"]


def test_an_artifact_that_is_gone_already_is_said_to_be_gone(case: Case) -> None:
    request = case.request()
    (case.root / request.uri).unlink()
    case.eraser().turn()
    assert len(case.said()) == 1
    assert case.waiting() == 0


def test_an_artifact_with_other_bytes_is_the_person_s_too(case: Case) -> None:
    request = case.request()
    (case.root / request.uri).write_bytes(b"damaged")
    case.eraser().turn()
    assert case.files() == []
    assert case.said()[0].hash == request.hash


STEPS: dict[str, tuple[str, str]] = {
    "before it is known to be allowed": ("workers.extract.eraser.erasures", "is_allowed"),
    "before the removal": ("workers.extract.eraser", "erase_artifact"),
    "after the removal": ("tests.workers.extract.test_eraser.Case", "clock"),
    "before the event": ("workers.extract.eraser.erasures", "publish"),
    "before the acknowledgement": ("workers.extract.eraser.captures", "acknowledge"),
}


@pytest.mark.parametrize(("module", "name"), STEPS.values(), ids=STEPS)
def test_an_erasure_that_is_cut_off_is_done_again_and_is_one_line(
    case: Case, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any) -> Any:
        raise Killed

    case.request()
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.{name}", kill)
        with pytest.raises(Killed):
            case.eraser("one").turn()
    assert case.waiting() == 1
    case.eraser("two").turn()
    assert case.files() == []
    assert case.waiting() == 0
    assert len(case.said()) == 1


def test_a_repeat_has_the_time_at_which_it_was_gone_first(case: Case) -> None:
    request = case.request()
    case.eraser().turn()
    case.frames.xadd(keys.ERASURES, request.encode())  # type: ignore[arg-type]
    case.eraser("two").turn()
    assert case.events.xlen(keys.EVENTS) == 2
    assert [event.erased_at for event in case.said()] == [NOON + timedelta(seconds=1)]


def _hide_the_disk(case: Case) -> None:
    (case.root / "users").rename(case.root / "elsewhere")


def _a_folder_in_its_place(case: Case) -> None:
    for path in case.root.rglob("*.npz"):
        path.unlink()
        path.mkdir()


FAILURES: dict[str, Callable[[Case], object]] = {
    "a disk that is not mounted": _hide_the_disk,
    "a folder in its place": _a_folder_in_its_place,
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_removed_or_looked_at_is_not_said_to_be_gone(case: Case, fail: Callable[[Case], object]) -> None:
    case.request()
    fail(case)
    for _ in range(2):
        case.eraser().turn()
    assert case.said() == []
    assert case.waiting() == 1
    assert (case.count("erased"), case.count("failed")) == (0, 2)


def test_one_that_cannot_be_erased_holds_up_no_other(case: Case) -> None:
    case.request("elsewhere", uri="s3://another/bucket.npz")
    case.eraser().turn()
    case.request("here")
    case.eraser().turn()
    assert [event.capture_id for event in case.said()] == ["here"]
    assert case.waiting() == 1


def test_a_session_without_its_folder_has_no_artifact(case: Case) -> None:
    request = case.request()
    (case.root / request.uri).unlink()
    (case.root / request.uri).parent.rmdir()
    case.eraser().turn()
    assert len(case.said()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"capture_id": ""}, {"user_id": "../u1"}, {"session_id": "s"}, {"record_id": "x"}, {"uri": ""}, {"hash": "md5"},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_a_request_that_cannot_be_read_is_dropped(case: Case, changes: dict[str, str]) -> None:
    case.request(**changes)
    case.eraser().turn()
    assert (case.waiting(), case.said(), len(case.files())) == (0, [], 1)


@pytest.mark.parametrize(
    "uri",
    [
        "users/u2/sessions/sess_0123456789abcdef/features/x.npz", "../x.npz", "/etc/passwd",
        f"users/{USER}/sessions/{SESSION}/features/00000000-0000-4000-8000-000000000000.npz",
    ],
)  # fmt: skip
def test_no_other_file_is_removed_whatever_a_request_names(case: Case, uri: str) -> None:
    case.request(uri=uri)
    case.eraser().turn()
    assert len(case.files()) == 1
    assert case.said() == []


@pytest.mark.parametrize("broker", ["frames", "events"])
def test_a_broker_that_is_away_only_delays_it(case: Case, broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise redis.exceptions.ConnectionError

    case.request()
    with monkeypatch.context() as patch:
        patch.setattr(getattr(case, broker), "execute_command", away)
        with pytest.raises(BrokerUnavailable):
            case.eraser().turn()
    assert case.said() == []
    case.eraser().turn()
    assert len(case.said()) == 1


def test_a_group_that_is_gone_is_made_again(case: Case) -> None:
    case.frames.delete(keys.ERASURES)
    case.request()
    case.eraser().turn()
    case.eraser().turn()
    assert len(case.said()) == 1


def test_an_entry_that_no_gateway_noted_removes_nothing_and_is_dropped(case: Case) -> None:
    request = case.request()
    case.events.flushall()
    case.eraser().turn()
    assert (case.waiting(), case.said(), len(case.files())) == (0, [], 1)
    other = replace(request, record_id=str(uuid4()))
    run_sync(case.events, erasures.allow(other))  # what is noted is another artifact
    case.frames.xadd(keys.ERASURES, request.encode())  # type: ignore[arg-type]
    case.eraser().turn()
    assert (case.waiting(), case.said(), len(case.files())) == (0, [], 1)
    assert (case.count("erased"), case.count("failed")) == (0, 0)


def test_a_note_that_is_none_is_an_error_that_holds_up_no_other(case: Case) -> None:
    case.request("c")
    case.events.delete(keys.erasure("c"))
    case.events.lpush(keys.erasure("c"), "x")
    case.eraser().turn()
    case.request("d")
    case.eraser().turn()
    assert [event.capture_id for event in case.said()] == ["d"]


def test_it_runs_until_it_is_stopped_and_outlives_errors(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    errors: list[Exception] = [RuntimeError("unexpected"), BrokerUnavailable("frames", "away")]

    def erase(*arguments: Any) -> None:
        if errors:
            raise errors.pop()
        erase_artifact(*arguments)
        done.set()

    monkeypatch.setattr(eraser_module, "erase_artifact", erase)
    eraser = case.eraser()
    eraser.start()
    case.request()
    assert done.wait(300)
    case.stop.set()
    eraser.join(300)
    assert not eraser.is_alive()
    assert len(case.said()) == 1


def test_the_event_is_a_function_of_the_request_and_the_time(case: Case) -> None:
    request = case.request()
    first, again = (erasures.erasure_event(request, NOON) for _ in range(2))
    assert first == again
    assert orjson.loads(first.model_dump_json())["erased_at"] == "2026-01-31T12:00:00.000Z"
    assert erasures.erasure_event(replace(request, capture_id="d"), NOON).record_id != first.record_id


def test_an_erasure_of_a_newer_release_is_left_and_its_own_eraser_takes_it(
    case: Case,
) -> None:
    with newer_release():
        case.request("newer")
    case.request("mine")
    eraser = case.eraser()
    for _ in range(3):
        eraser.turn()
    assert [one.capture_id for one in case.said()] == ["mine"]
    assert len(case.files()) == 1
    assert case.frames.xlen(keys.ERASURES) == 1
    assert case.metrics.left.labels("erasure")._value.get() == 1
    with newer_release():
        case.eraser("two").turn()
    assert not case.files()
    assert not case.frames.xlen(keys.ERASURES)
