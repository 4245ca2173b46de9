"""``a3cp inspect``: what is in the brokers now. It only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

from contracts import keys
from contracts.broker import Broker, broker_errors, connect_sync
from contracts.settings import Settings
from scripts.stack import running_urls

__all__ = ["EventsSnapshot", "FramesSnapshot", "inspect", "read_events", "read_frames"]

MAX_CAPTURES = 100
EXTRACTOR_LIVE_S = 10.0


@dataclass(frozen=True, slots=True)
class OpenCapture:
    """A dispatched capture; ``owner`` and ``idle_s`` are its lease's, empty while it waits for an extractor."""

    capture_id: str
    status: str
    accepted: int
    extracted: int
    backlog_frames: int
    backlog_bytes: int
    owner: str = ""
    idle_s: float = 0.0
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class FramesSnapshot:
    """The frames role. ``lag`` is None where the broker cannot tell."""

    memory: Mapping[str, Any]
    dispatched: int
    lag: int | None
    pending: int
    captures: Sequence[OpenCapture] = ()
    extractors: Mapping[str, float] = field(default_factory=dict)
    """Live extractors, by the seconds since their last sign of life."""


@dataclass(frozen=True, slots=True)
class EventsSnapshot:
    """The events role. ``oldest`` is the ID of the first event that is not recorded yet."""

    memory: Mapping[str, Any]
    waiting: int
    lag: int | None
    pending: int
    oldest: str
    dead: int
    unfinished: int
    leader: str


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _group(broker: Broker, stream: str, group: str) -> tuple[int | None, int]:
    """A group's lag and its pending entries; a group that is not there has none."""
    try:
        groups: Any = broker.xinfo_groups(stream)
    except redis.exceptions.ResponseError:
        return None, 0
    for known in groups:
        if _text(known["name"]) == group:
            return known.get("lag"), known["pending"]
    return None, 0


def read_frames(broker: Broker) -> FramesSnapshot:
    """Look at the frames role.

    Raises:
        BrokerUnavailable: it does not answer.
    """
    with broker_errors("frames"):
        lag, pending = _group(broker, keys.CAPTURES, keys.EXTRACTOR_GROUP)
        leases = _leases(broker) if pending else {}
        entries: Any = broker.xrange(keys.CAPTURES, count=MAX_CAPTURES)
        now: Any = broker.time()
        seen: Any = broker.zrange(keys.EXTRACTORS, 0, -1, withscores=True)
        return FramesSnapshot(
            memory=_memory(broker),
            dispatched=int(broker.xlen(keys.CAPTURES)),
            lag=lag,
            pending=pending,
            captures=[_capture(broker, entry_id, fields, leases) for entry_id, fields in entries],
            extractors={
                _text(name): age_s
                for name, at_ms in seen
                if (age_s := now[0] + now[1] / 1_000_000 - at_ms / 1000) < EXTRACTOR_LIVE_S
            },
        )


def _leases(broker: Broker) -> dict[bytes, Mapping[str, Any]]:
    pending: Any = broker.xpending_range(keys.CAPTURES, keys.EXTRACTOR_GROUP, "-", "+", MAX_CAPTURES)
    return {lease["message_id"]: lease for lease in pending}


def _capture(
    broker: Broker, entry_id: bytes, fields: Mapping[bytes, bytes], leases: Mapping[bytes, Mapping[str, Any]]
) -> OpenCapture:
    capture_id = _text(fields.get(b"capture_id", b"?"))
    names = keys.capture_keys(capture_id)
    state: Any = broker.hmget(names.state, ["status", "accepted", "extracted", "backlog_bytes", "deliveries"])
    status, accepted, extracted, backlog_bytes, deliveries = state
    depth: Any = broker.xlen(names.frames)
    lease = leases.get(entry_id)
    return OpenCapture(
        capture_id=capture_id,
        status=_text(status or b"gone"),
        accepted=int(accepted or 0),
        extracted=int(extracted or 0),
        backlog_frames=depth - (status != b"open" and depth > 0),
        backlog_bytes=int(backlog_bytes or 0),
        owner=_text(lease["consumer"]) if lease else "",
        idle_s=lease["time_since_delivered"] / 1000 if lease else 0.0,
        deliveries=int(deliveries or 0),
    )


def read_events(broker: Broker) -> EventsSnapshot:
    """Look at the events role.

    Raises:
        BrokerUnavailable: it does not answer.
    """
    with broker_errors("events"):
        lag, pending = _group(broker, keys.EVENTS, keys.RECORDER_GROUP)
        first: Any = broker.xrange(keys.EVENTS, count=1)
        leader: Any = broker.get(keys.RECORDER_LEADER)
        return EventsSnapshot(
            memory=_memory(broker),
            waiting=int(broker.xlen(keys.EVENTS)),
            lag=lag,
            pending=pending,
            oldest=_text(first[0][0]) if first else "",
            dead=int(broker.xlen(keys.DEAD_EVENTS)),
            unfinished=int(broker.zcard(keys.UNFINISHED)),
            leader=_text(leader) if leader else "",
        )


def _memory(broker: Broker) -> Mapping[str, Any]:
    info: Any = broker.info("memory")
    return info if "used_memory" in info else {}  # a cluster's answer is by node


def inspect(settings: Settings, console: Console | None = None) -> int:
    """Print both roles as tables.

    Raises:
        ConfigurationError: no broker is named, and no stack runs here.
        BrokerUnavailable: a broker does not answer.
    """
    console = console or Console()
    frames_url, events_url = running_urls(settings).broker_urls()
    with connect_sync(frames_url) as frames, connect_sync(events_url) as events:
        frames_seen, events_seen = read_frames(frames), read_events(events)
    for table in _tables(frames_seen, events_seen):
        console.print(table)
    return 0


def _tables(frames: FramesSnapshot, events: EventsSnapshot) -> list[Table]:
    brokers = _table("brokers", "role", "memory", "of", "waiting", "lag", "pending", "also")
    brokers.add_row(
        *("frames", *_memory_cells(frames.memory), f"{frames.dispatched} captures", _lag(frames.lag)),
        *(str(frames.pending), f"{len(frames.extractors)} live extractors"),
    )
    also = f"recorder {events.leader or 'none'}; {events.unfinished} unfinished captures; {events.dead} dead letters"
    oldest = f", oldest {events.oldest}" if events.oldest else ""
    brokers.add_row(
        *("events", *_memory_cells(events.memory), f"{events.waiting} events{oldest}", _lag(events.lag)),
        *(str(events.pending), also),
    )
    captures = _table(
        "captures in flight", "capture", "status", "accepted", "extracted", "backlog", "owner", "idle", "deliveries"
    )
    for one in frames.captures:
        captures.add_row(
            *(one.capture_id, one.status, str(one.accepted), str(one.extracted)),
            *(f"{one.backlog_frames} ({_bytes(one.backlog_bytes)})", one.owner or "waiting"),
            *(f"{one.idle_s:.1f} s" if one.owner else "", str(one.deliveries)),
        )
    extractors = _table("live extractors", "extractor", "last sign of life")
    for name, age_s in frames.extractors.items():
        extractors.add_row(name, f"{max(0.0, age_s):.1f} s ago")
    return [table for table in (brokers, captures, extractors) if table.row_count]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _lag(lag: int | None) -> str:
    return "?" if lag is None else str(lag)


def _memory_cells(memory: Mapping[str, Any]) -> tuple[str, str]:
    if not memory:
        return "?", "?"
    return _bytes(memory["used_memory"]), _bytes(memory["maxmemory"]) if memory["maxmemory"] else "no limit"


def _bytes(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB"
