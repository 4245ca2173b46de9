"""``a3cp inspect``: what is in the brokers now. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

from contracts.broker import keys
from contracts.broker.roles import Broker, broker_errors, connect_sync
from contracts.messages.capture import Found
from contracts.process.line_writer import printable
from contracts.process.settings import Settings
from contracts.rules.errors import UnreadableValue
from contracts.state import heartbeats, live, readers, uploads
from contracts.state.dispatch import DispatchEntry
from contracts.state.readers import StateSummary
from contracts.state.video import VideoSlot
from scripts.stack.running import running_urls
from scripts.terminal import age_text, bytes_text

__all__ = ["EventsSnapshot", "FramesSnapshot", "LiveWorker", "inspect", "read_events", "read_frames"]

MAX_CAPTURES = 100
MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class OpenCapture:
    """A dispatched capture; ``owner`` and ``idle_s`` are its lease's, empty while it waits for an extractor. Of a video
    that is not read to its end, ``accepted`` is about how many frames it has, 0 while that is unknown."""

    capture_id: str
    status: str
    accepted: int
    extracted: int
    backlog_frames: int
    owner: str = ""
    idle_s: float = 0.0
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """One stream of dispatched captures. ``lag`` is None where the broker cannot tell."""

    dispatched: int
    lag: int | None
    pending: int
    captures: Sequence[OpenCapture]


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """One worker of the real-time lane. ``waiting_frames`` are in its inbox, at most one of each session."""

    age_s: float
    sessions: int
    waiting_frames: int


@dataclass(frozen=True, slots=True)
class FramesSnapshot:
    """The frames role. ``places`` are those of videos that are there, or on their way into it."""

    memory: Mapping[str, Any]
    cameras: Queue
    videos: Queue
    places: Sequence[VideoSlot] = ()
    extractors: Mapping[str, float] = field(default_factory=dict)
    """Live extractors, by the seconds since their last heartbeat."""
    live_workers: Mapping[str, LiveWorker] = field(default_factory=dict)
    """The live workers of the real-time lane by name."""


@dataclass(frozen=True, slots=True)
class EventsSnapshot:
    """The events role. ``oldest`` is the ID of the first event that is not recorded yet; ``oldest_dead_s`` how old the
    first dead letter is."""

    memory: Mapping[str, Any]
    waiting: int
    lag: int | None
    pending: int
    oldest: str
    dead: int
    unfinished: int
    leader: str
    oldest_dead_s: float = 0.0


def _text(value: Any) -> str:
    """What a broker holds, as it may be shown on a terminal."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return printable(text[:MAX_SHOWN]) + ("…" if len(text) > MAX_SHOWN else "")


def _readable(step: Callable[[], Any], otherwise: Any) -> Any:
    """What the step reads; ``otherwise`` if its key is of another type, or its value is not one that A3CP writes."""
    try:
        return step()
    except UnreadableValue:
        return otherwise
    except (redis.exceptions.ResponseError, ValueError) as error:
        if isinstance(error, redis.exceptions.ResponseError) and not str(error).startswith("WRONGTYPE"):
            raise
        return otherwise


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
        nothing, nobody = Queue(0, None, 0, ()), dict[str, float]()
        return FramesSnapshot(
            memory=_memory(broker),
            cameras=_readable(lambda: _queue(broker, keys.CAPTURES), nothing),
            videos=_readable(lambda: _queue(broker, keys.UPLOADS), nothing),
            places=_readable(lambda: uploads.read_slots_sync(broker), []),
            extractors=_readable(lambda: _extractors_alive(broker), nobody),
            live_workers=_readable(lambda: _live_workers(broker), {}),
        )


def _queue(broker: Broker, stream: str) -> Queue:
    lag, pending = _group(broker, stream, keys.EXTRACTOR_GROUP)
    leases = _leases(broker, stream) if pending else {}
    entries: Any = broker.xrange(stream, count=MAX_CAPTURES)
    captures = [_capture(broker, entry_id, fields, leases) for entry_id, fields in entries]
    return Queue(int(broker.xlen(stream)), lag, pending, captures)


def _extractors_alive(broker: Broker) -> dict[str, float]:
    return {_text(name): age_s for name, age_s in heartbeats.extractor_ages(broker).items()}


def _live_workers(broker: Broker) -> dict[str, LiveWorker]:
    sessions = live.sessions_per_worker(broker)
    return {
        _text(name): LiveWorker(age_s, sessions[name], _depth(broker, keys.live_inbox(_text(name))))
        for name, age_s in heartbeats.live_worker_ages(broker).items()
    }


def _depth(broker: Broker, stream: str) -> int:
    return int(_readable(lambda: broker.xlen(stream), 0))


def _leases(broker: Broker, queue: str) -> dict[bytes, Mapping[str, Any]]:
    pending: Any = broker.xpending_range(queue, keys.EXTRACTOR_GROUP, "-", "+", MAX_CAPTURES)
    return {lease["message_id"]: lease for lease in pending}


def _capture(
    broker: Broker, entry_id: bytes, fields: Mapping[bytes, bytes], leases: Mapping[bytes, Mapping[str, Any]]
) -> OpenCapture:
    capture_id = _text(DispatchEntry.decode(fields).capture_id or "?")
    unreadable = StateSummary("unreadable", False, 0, 0, 0, 0, Found())
    gone = StateSummary("gone", False, 0, 0, 0, 0, Found())
    state = _readable(lambda: readers.read_summary_sync(broker, capture_id), unreadable) or gone
    depth = _depth(broker, keys.capture_keys(capture_id).frames)
    lease = leases.get(entry_id)
    return OpenCapture(
        capture_id=capture_id,
        status=_text(state.status),
        accepted=state.accepted or state.expected,
        extracted=state.extracted,
        backlog_frames=depth - (state.status != "open" and depth > 0),
        owner=_text(lease["consumer"]) if lease else "",
        idle_s=lease["time_since_delivered"] / 1000 if lease else 0.0,
        deliveries=state.deliveries,
    )


def read_events(broker: Broker) -> EventsSnapshot:
    """Look at the events role.

    Raises:
        BrokerUnavailable: it does not answer.
    """
    with broker_errors("events"):
        lag, pending = _group(broker, keys.EVENTS, keys.RECORDER_GROUP)
        first: Any = _readable(lambda: broker.xrange(keys.EVENTS, count=1), [])
        leader: Any = _readable(lambda: broker.get(keys.RECORDER_LEADER), b"unreadable")
        return EventsSnapshot(
            memory=_memory(broker),
            waiting=_depth(broker, keys.EVENTS),
            lag=lag,
            pending=pending,
            oldest=_text(first[0][0]) if first else "",
            dead=int(_readable(lambda: broker.xlen(keys.DEAD_EVENTS), 0)),
            unfinished=_readable(lambda: int(broker.zcard(keys.UNFINISHED)), 0),
            leader=_text(leader) if leader else "",
            oldest_dead_s=_readable(lambda: _oldest_dead_s(broker), 0.0),
        )


def _oldest_dead_s(broker: Broker) -> float:
    """How old the first dead letter is by the broker's clock; 0 if there is none."""
    entries: Any = broker.xrange(keys.DEAD_EVENTS, count=1)
    return max(0.0, broker.time()[0] - int(entries[0][0].split(b"-")[0]) / 1000) if entries else 0.0


def _memory(broker: Broker) -> Mapping[str, Any]:
    info: Any = broker.info("memory")
    return info if "used_memory" in info else {}  # a cluster's answer is by node


def inspect(settings: Settings, console: Console | None = None) -> int:
    """Print what both roles hold.

    Raises:
        ConfigurationError: no broker is named, and no stack runs here.
        BrokerUnavailable: a broker does not answer.
    """
    console = console or Console()
    frames_url, events_url = running_urls(settings).broker_urls()
    with connect_sync(frames_url) as frames, connect_sync(events_url) as events:
        frames_seen, events_seen = read_frames(frames), read_events(events)
    console.print(_summary(frames_seen, events_seen), markup=False)
    cameras, videos = _captures("capture", frames_seen.cameras), _captures("video's capture", frames_seen.videos)
    for table in (cameras, videos, _extractors(frames_seen), _live(frames_seen)):
        if table.row_count:
            console.print()
            console.print(table, markup=False)  # a name may be anything
    return 0


def _summary(frames: FramesSnapshot, events: EventsSnapshot) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    table.add_row("frames broker", _memory_text(frames.memory))
    table.add_row("captures", _flight(frames.cameras))
    stored = f"; {len(frames.places)} take up {bytes_text(sum(place.byte_length for place in frames.places))}"
    table.add_row("videos", _flight(frames.videos) + (stored if frames.places else ""))
    table.add_row("extractors", f"{len(frames.extractors)} live")
    sessions = sum(worker.sessions for worker in frames.live_workers.values())
    table.add_row("live workers", f"{len(frames.live_workers)} live; sessions: {sessions}")
    oldest = f"; the oldest is {events.oldest}" if events.oldest else ""
    stream = (
        f"{events.waiting} to be recorded: {events.pending} with the recorder, {_lag(events.lag)} not delivered yet"
    )
    table.add_row("events broker", _memory_text(events.memory))
    table.add_row("events", stream + oldest)
    table.add_row("recorder", f"{events.leader} is active" if events.leader else "none is active")
    table.add_row("unfinished", f"{events.unfinished} captures without an outcome")
    age = f"; the oldest is {age_text(events.oldest_dead_s)} old" if events.dead else ""
    table.add_row("dead letters", f"{events.dead}{age}")
    return table


def _flight(queue: Queue) -> str:
    return f"{queue.dispatched} in flight: {queue.pending} with an extractor, {_lag(queue.lag)} not delivered yet"


def _captures(what: str, queue: Queue) -> Table:
    table = _table(what, "status", "done", "backlog", "owner, idle")
    for one in queue.captures:
        owner = f"{one.owner} {one.idle_s:.1f} s" if one.owner else "waiting"
        again = f" delivery {one.deliveries}" if one.deliveries > 1 else ""
        table.add_row(
            one.capture_id, one.status, f"{one.extracted}/{one.accepted}", str(one.backlog_frames), owner + again
        )
    return table


def _extractors(frames: FramesSnapshot) -> Table:
    table = _table("extractor", "last heartbeat")
    for name, age_s in frames.extractors.items():
        table.add_row(name, f"{max(0.0, age_s):.1f} s ago")
    return table


def _live(frames: FramesSnapshot) -> Table:
    table = _table("live worker", "sessions", "frames waiting", "last heartbeat")
    for name, worker in frames.live_workers.items():
        age = f"{max(0.0, worker.age_s):.1f} s ago"
        table.add_row(name, str(worker.sessions), str(worker.waiting_frames), age)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(columns[-1], overflow="fold")
    return table


def _lag(lag: int | None) -> str:
    return "an unknown number" if lag is None else str(lag)


def _memory_text(memory: Mapping[str, Any]) -> str:
    if not memory:
        return "a cluster; ask its nodes for their memory"
    limit = f" of {bytes_text(memory['maxmemory'])}" if memory["maxmemory"] else ""
    return f"{bytes_text(memory['used_memory'])}{limit} in use"
