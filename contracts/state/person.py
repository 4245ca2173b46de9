"""What the brokers keep of one person: find it, and remove it.

Only `a3cp forget` uses this, while no gateway, worker or recorder runs. Every step may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis

from contracts.broker import keys
from contracts.broker.roles import Broker, Role, broker_errors
from contracts.rules.ids import is_identifier, is_session_id

__all__ = ["Person", "Trace", "find_in_events", "find_in_frames", "remove_traces", "word"]

_BATCH = 500

_Fields = Mapping[bytes, bytes]


@dataclass(slots=True)
class Person:
    """A person, and the sessions and captures that are known to be theirs; a search adds those that it finds."""

    user_id: str
    sessions: set[str] = field(default_factory=set)
    captures: set[str] = field(default_factory=set)


class Trace(NamedTuple):
    """Something of a person in a broker: a key; with ``entry`` one entry of a stream, with ``member`` one of a zset."""

    key: str
    entry: str = ""
    member: bytes = b""


def word(user_id: str) -> re.Pattern[bytes]:
    """Finds an identifier in bytes, where it is not a part of a longer one."""
    return re.compile(rb"(?<![A-Za-z0-9._-])" + re.escape(user_id.encode()) + rb"(?![A-Za-z0-9._-])")


def find_in_events(broker: Broker, person: Person) -> list[Trace]:
    """The person's sessions, durable records, queued events and dead letters.

    Raises:
        BrokerUnavailable: the events broker did not answer.
    """
    with broker_errors("events"):
        return list(_in_events(broker, person))


def _in_events(broker: Broker, person: Person) -> Iterator[Trace]:
    for name, (user_id, session_id) in _hashes(broker, keys.session("*"), "user_id", "session_id"):
        if user_id == person.user_id:
            person.sessions |= {session_id} if is_session_id(session_id) else set()
            yield Trace(name)
    for name, (user_id, session_id, capture_id) in _hashes(
        broker, keys.capture_record("*"), "user_id", "session_id", "capture_id"
    ):
        if user_id == person.user_id or session_id in person.sessions:
            person.captures |= {capture_id} if is_identifier(capture_id) else set()
            yield Trace(name)
    named = word(person.user_id)
    for name, (event,) in _hashes(broker, keys.erasure("*"), "event"):
        if named.search(event.encode()):  # the note may outlive the record and the log
            yield Trace(name)
    for session_id in person.sessions:
        yield from map(Trace, _names(broker, keys.window(session_id, "*")))
    for capture_id in person.captures:
        if broker.exists(keys.erasure(capture_id)):
            yield Trace(keys.erasure(capture_id))
        if broker.zscore(keys.UNFINISHED, capture_id) is not None:
            yield Trace(keys.UNFINISHED, member=capture_id.encode())
    if broker.exists(keys.user_captures(person.user_id)):
        yield Trace(keys.user_captures(person.user_id))
    for entry_id in _entries(broker, keys.EVENTS, lambda entry: _is_of(entry, person)):
        yield Trace(keys.EVENTS, entry_id)
    log = f"users/{person.user_id}/"
    for entry_id in _entries(
        broker, keys.DEAD_EVENTS, lambda entry: _is_of(entry, person) or _text(entry, b"log").startswith(log)
    ):
        yield Trace(keys.DEAD_EVENTS, entry_id)


def find_in_frames(broker: Broker, person: Person) -> list[Trace]:
    """The person's captures that are under way, and their videos.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
    """
    with broker_errors("frames"):
        return list(_in_frames(broker, person))


def _in_frames(broker: Broker, person: Person) -> Iterator[Trace]:
    named = word(person.user_id)
    for name, (opened,) in _hashes(broker, keys.capture_keys("*").state, "open"):
        if named.search(opened.encode()):
            person.captures.add(name.partition("{")[2].partition("}")[0])
    for capture_id in filter(is_identifier, person.captures):
        yield from (Trace(name) for name in keys.capture_keys(capture_id) if broker.exists(name))
    for stream in (keys.CAPTURES, keys.UPLOADS, keys.ERASURES):
        for entry_id in _entries(broker, stream, lambda entry: _is_of(entry, person)):
            yield Trace(stream, entry_id)
    kept: Any = broker.zrange(keys.FAILED, 0, -1)
    for member in kept:
        if member.decode(errors="replace").rpartition("/")[2] == person.user_id:
            yield Trace(keys.FAILED, member=member)
    members: Any = broker.zrange(keys.UPLOAD_PLACES, 0, -1)
    for member in members:
        upload_id, *_, user_id = member.decode(errors="replace").split("/")
        if user_id == person.user_id:
            yield Trace(keys.UPLOAD_PLACES, member=member)
            yield from (Trace(name) for name in (keys.uploaded_video(upload_id),) if broker.exists(name))


def remove_traces(broker: Broker, role: Role, traces: Iterable[Trace]) -> None:
    """Remove what was found. It may be gone already.

    Raises:
        BrokerUnavailable: the broker did not answer.
    """
    with broker_errors(role):
        for trace in traces:
            if trace.member:
                broker.zrem(trace.key, trace.member)
            elif trace.entry:
                groups: Any = broker.xinfo_groups(trace.key)
                for group in groups:
                    broker.xack(trace.key, group["name"], trace.entry)
                broker.xdel(trace.key, trace.entry)
                if trace.key == keys.EVENTS:
                    broker.delete(keys.receipt(trace.entry))
            else:
                broker.delete(trace.key)


def _names(broker: Broker, pattern: str) -> list[str]:
    return sorted(name.decode(errors="replace") for name in broker.scan_iter(match=pattern, count=_BATCH))


def _hashes(broker: Broker, pattern: str, *fields: str) -> Iterator[tuple[str, list[str]]]:
    """The names of the hashes of a pattern, with the values of these fields. A key of another type is skipped."""
    for name in _names(broker, pattern):
        try:
            values: Any = broker.hmget(name, list(fields))
        except redis.exceptions.ResponseError:
            continue
        yield name, [(value or b"").decode(errors="replace") for value in values]


def _entries(broker: Broker, stream: str, is_theirs: Callable[[_Fields], bool]) -> Iterator[str]:
    """The ids of the entries of a stream that are the person's."""
    if broker.type(stream) != b"stream":
        return
    after = "-"
    while True:
        entries: Any = broker.xrange(stream, min=after, count=_BATCH)
        yield from (entry_id.decode() for entry_id, entry in entries if is_theirs(entry))
        if len(entries) < _BATCH:
            return
        after = "(" + entries[-1][0].decode()


def _is_of(entry: _Fields, person: Person) -> bool:
    return (
        _text(entry, b"user_id") == person.user_id
        or _text(entry, b"session_id") in person.sessions
        or _text(entry, b"capture_id") in person.captures
    )


def _text(entry: _Fields, name: bytes) -> str:
    return entry.get(name, b"").decode(errors="replace")
