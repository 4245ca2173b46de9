"""``a3cp inspect``: its lines about both brokers."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from pydantic import SecretStr
from rich.console import Console

from contracts.broker import keys
from contracts.broker.roles import ensure_group_sync
from contracts.broker.script import run_sync
from contracts.process.settings import Settings
from contracts.state import captures, heartbeats, uploads
from contracts.state.captures import CaptureWindow
from contracts.state.video import StoredVideo
from scripts.commands.inspect import inspect
from tests.conftest import BrokerPair


def test_videos_are_seen_waiting_with_their_extractor_and_by_their_size(own_brokers: BrokerPair, unique: str) -> None:
    settings = Settings(frames_url=SecretStr(own_brokers.frames.url), events_url=SecretStr(own_brokers.events.url))
    out = io.StringIO()
    with own_brokers.frames.client() as frames:
        ensure_group_sync(frames, "frames", keys.UPLOADS, keys.EXTRACTOR_GROUP)
        for name in ("taken", "waits"):
            window = video_window(f"{unique}-{name}")
            assert window.slot is not None
            run_sync(frames, uploads.take(window.slot, settings, complete=True))
            run_sync(frames, captures.open_capture(window))
            frames.xadd(keys.UPLOADS, {"capture_id": window.capture_id})
        ((_, ((dispatch_id, _),)),) = cast(
            "list[tuple[bytes, list[tuple[bytes, object]]]]",
            frames.xreadgroup(keys.EXTRACTOR_GROUP, "extractor-7", {keys.UPLOADS: ">"}, count=1),
        )
        state = run_sync(frames, captures.claim(f"{unique}-taken", dispatch_id.decode()))
        assert state is not None
        run_sync(frames, captures.measure(f"{unique}-taken", state.token, expected=40, accepted=0))
        for extractor in ("extractor-7", "extractor-8"):
            run_sync(frames, heartbeats.alive(extractor))
    assert inspect(settings, Console(file=out, width=160)) == 0
    lines = {words[0]: line for line in out.getvalue().splitlines() if (words := line.split())}
    assert "2 in flight: 1 with an extractor, 1 not delivered yet; 2 take up 3.0 MB" in lines["videos"]
    assert "0/40" in lines[f"{unique}-taken"] and "extractor-7" in lines[f"{unique}-taken"]
    assert [lines[name].split()[1] for name in ("extractor-7", "extractor-8")] == ["1", "0"]
    assert "0/0" in lines[f"{unique}-waits"] and "waiting" in lines[f"{unique}-waits"]


def test_dead_letters_are_counted_with_the_age_of_the_oldest(own_brokers: BrokerPair) -> None:
    settings = Settings(frames_url=SecretStr(own_brokers.frames.url), events_url=SecretStr(own_brokers.events.url))
    with own_brokers.events.client() as events:
        now_s = events.time()[0]  # type: ignore[index]
        for age_s in (3 * 86400, 10):
            events.xadd(keys.DEAD_EVENTS, {"reason": "x"}, id=f"{(now_s - age_s) * 1000}-0")
    out = io.StringIO()
    assert inspect(settings, Console(file=out, width=160)) == 0
    [line] = [line for line in out.getvalue().splitlines() if line.startswith("dead letters")]
    assert line.split(maxsplit=2)[2].strip() == "2; the oldest is 3 days old"


def video_window(capture_id: str) -> CaptureWindow:
    """A capture whose frames come from a video of 1.5 MB."""
    return CaptureWindow(
        capture_id=capture_id,
        user_id="u",
        session_id="sess_0123456789abcdef",
        record_id=str(uuid4()),
        timestamp_start=datetime(2026, 1, 31, tzinfo=UTC),
        fps_target=15,
        width=640,
        height=480,
        max_duration_s=120,
        video=StoredVideo(upload_id=uuid4().hex, byte_length=1_500_000, min_duration_s=2, max_frames=1815),
    )


def test_hostile_names_are_shown_as_text_and_an_unreadable_entry_hides_no_other(own_brokers: BrokerPair) -> None:
    settings = Settings(frames_url=SecretStr(own_brokers.frames.url), events_url=SecretStr(own_brokers.events.url))
    page = io.StringIO()
    with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
        seconds, _ = frames.time()  # type: ignore[misc]
        for name in (b"\x1b[2J", b"[/nope]", b"[bold]x", b"\xff", b"a/b/c"):
            frames.xadd(keys.CAPTURES, {"capture_id": name})
            frames.zadd(keys.EXTRACTORS, {name: seconds * 1000})
            frames.zadd(keys.LIVE_WORKERS, {name: seconds * 1000})
        frames.zadd(keys.UPLOAD_PLACES, {"x/12/a/b": 1, b"\xff": 2, "good/7/u": 3})
        frames.zadd(keys.LIVE_SESSIONS, {b"\xff": 1, "": 2})
        frames.hset(keys.capture_keys("[bold]x").state, "accepted", "many")
        frames.set(keys.capture_keys("[/nope]").state, "no hash")
        frames.set(keys.UPLOADS, "no stream")
        events.rpush(keys.RECORDER_LEADER, "no string")
        events.set(keys.UNFINISHED, "no zset")
        assert inspect(settings, Console(file=page, width=160, force_terminal=False)) == 0
    shown = page.getvalue()
    assert "\x1b" not in shown
    assert {r"\x1b[2J", "[/nope]", "[bold]x", "a/b/c"} <= set(shown.split())
    assert "1 take up 0.0 MB" in shown
