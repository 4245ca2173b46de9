"""Every command for ``redis-cli`` that a document shows may be run by the operator, and shows no picture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
import redis

from contracts.broker import keys
from contracts.broker.roles import Role, ensure_group_sync
from contracts.broker.script import run_sync
from contracts.state import dead_letters
from contracts.state.events import Receipt
from tests.scripts.stack.test_embedded import ROLES, Running
from tests.scripts.stack.test_embedded import running as running_embedded
from tests.support.brokers import Flavour, server_path
from tests.support.documented import documented_commands
from tests.support.guarded import GuardedBroker, guarded

__all__ = ["running_embedded"]

PICTURE = b"\xff\xd8\xff\xe0 a picture of a person \xff\xd9"
COMMANDS = documented_commands()


def role_of(words: list[str]) -> Role:
    return "events" if any(word.startswith("{a3cp}") for word in words) else "frames"


def fill(frames: redis.Redis, events: redis.Redis) -> None:
    """Write every key that the commands name, with a picture wherever one is possible."""
    for stream in (keys.CAPTURES, keys.UPLOADS):
        ensure_group_sync(frames, "frames", stream, keys.EXTRACTOR_GROUP)
        frames.xadd(stream, {"capture_id": "x"})
        frames.xreadgroup(keys.EXTRACTOR_GROUP, "extractor-1", {stream: ">"}, count=1)
    ensure_group_sync(events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    named = {word for _, words in COMMANDS for word in words if word.startswith(("a3cp:{", "{a3cp}:capture:"))}
    for name in named:
        if name.startswith("{a3cp}"):
            events.hset(name, mapping={"capture_id": "x", "event": "{}"})
        elif name.endswith(":state"):
            frames.hset(name, mapping={"status": "open", "accepted": 3, "open": "{}"})
        elif name.endswith((":frames", ":in", ":out")):
            frames.xadd(name, {"payload": PICTURE})
    for name in (keys.EXTRACTORS, keys.LIVE_WORKERS, keys.LIVE_SESSIONS):
        frames.zadd(name, {"extractor-1": 1})
    events.zadd(keys.UNFINISHED, {"x": 1})
    events.set(keys.RECORDER_LEADER, "recorder-1")
    refused = Receipt(error="invalid_event", detail="why")
    run_sync(events, dead_letters.dead_letter("1-0", refused, {b"event": b"{}"}, datetime.now(UTC)))


def assert_shows_no_picture(client: redis.Redis, words: list[str]) -> None:
    client.response_callbacks.clear()  # the broker's raw answer
    answer: Any = client.execute_command(*words)
    text = repr(answer).encode()
    assert b"xff\\xd8" not in text and b"picture" not in text, f"{words} shows a picture"
    assert answer not in (None, [], {}), f"{words} shows nothing; does the key exist?"


@pytest.fixture(params=get_args(Flavour))
def pair(request: pytest.FixtureRequest) -> Iterator[dict[Role, GuardedBroker]]:
    if server_path(request.param) is None:
        pytest.skip("no server on this machine: apt-get install redis-server")
    brokers = {role: guarded(request.param, role) for role in ROLES}
    yield brokers
    for broker in brokers.values():
        broker.stop()


def test_the_documents_show_commands() -> None:
    assert {path for path, _ in COMMANDS} >= {"README.md", "recorder/README.md", "workers/README.md"}
    assert len(COMMANDS) > 12


def test_the_operator_may_run_every_documented_command_and_none_shows_a_picture(
    pair: dict[Role, GuardedBroker],
) -> None:
    with pair["frames"].client() as frames, pair["events"].client() as events:
        fill(frames, events)
    for _, words in COMMANDS:
        if words != ["SCRIPT", "KILL"]:
            with pair[role_of(words)].client_of("operator") as client:
                assert_shows_no_picture(client, words)


def test_every_documented_command_works_on_embedded_brokers_and_none_shows_a_picture(
    running_embedded: Running,
) -> None:
    with running_embedded.client("frames") as frames, running_embedded.client("events") as events:
        fill(frames, events)
        for _, words in COMMANDS:
            if words != ["SCRIPT", "KILL"]:
                assert_shows_no_picture(events if role_of(words) == "events" else frames, words)


def test_the_operator_is_refused_the_entries_of_a_stream_of_frames(pair: dict[Role, GuardedBroker]) -> None:
    name = keys.capture_keys("x").frames
    with pair["frames"].client() as frames, pair["frames"].client_of("operator") as operator:
        frames.xadd(name, {"payload": PICTURE})
        for words in (["XINFO", "STREAM", name], ["XINFO", "STREAM", name, "FULL"], ["XRANGE", name, "-", "+"]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                operator.execute_command(*words)
