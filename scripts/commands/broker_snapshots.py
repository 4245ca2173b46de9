"""What the two brokers hold now: captures, videos, workers, events. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from contracts.broker import keys
from contracts.broker.roles import Broker, broker_errors
from contracts.messages.capture import Found
from contracts.process.line_writer import printable
from contracts.rules.errors import UnreadableValue
from contracts.state import heartbeats, live, readers, uploads
from contracts.state.dispatch import DispatchEntry
from contracts.state.readers import StateSummary
from contracts.state.video import VideoSlot

__all__ = [
    "ErasuresSnapshot",
    "EventsSnapshot",
    "FramesSnapshot",
    "LiveWorkerSnapshot",
    "OpenCapture",
    "QueueSnapshot",
    "read_events",
    "read_frames",
]

MAX_CAPTURES = 100
MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class OpenCapture:
    """A dispatched capture.

    Attributes:
        accepted: how many frames the gateway accepted; of a video that is not read to its end, about how many it has,
            or 0 while that is unknown.
        backlog_frames: how many frames in the broker wait for extraction.
        owner: the extractor that has the capture; empty while it waits for one.
        idle_s: seconds since the owner last renewed its lease.
        deliveries: how often the capture was delivered to an extractor.
    """

    capture_id: str
    status: str
    accepted: int
    extracted: int
    backlog_frames: int
    owner: str = ""
    idle_s: float = 0.0
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """One stream of dispatched captures: the number of entries, of those not delivered yet (``lag``; None if the broker
    does not know it), and of those that an extractor has (``pending``)."""

    dispatched: int
    lag: int | None
    pending: int
    captures: Sequence[OpenCapture]


@dataclass(frozen=True, slots=True)
class ErasuresSnapshot:
    """The stream of requests to erase: the number of requests, of those not delivered yet (``lag``; None if the broker
    does not know it), and of those that an extractor has or that wait for another try (``pending``)."""

    waiting: int
    lag: int | None
    pending: int


@dataclass(frozen=True, slots=True)
class LiveWorkerSnapshot:
    """One worker of the real-time lane: seconds since its last heartbeat, its sessions, and the frames in its inbox, at
    most one for each session."""

    age_s: float
    sessions: int
    waiting_frames: int


@dataclass(frozen=True, slots=True)
class FramesSnapshot:
    """The frames broker.

    Attributes:
        memory: the fields of ``INFO memory``; empty for a cluster.
        cameras, videos: the streams of captures, by where their frames come from.
        slots: the slots of videos that are stored or being uploaded.
        erasures: the requests to erase.
        extractors: for each running extractor the seconds since its last heartbeat.
        live_workers: the running workers of the real-time lane, by name.
    """

    memory: Mapping[str, Any]
    cameras: QueueSnapshot
    videos: QueueSnapshot
    slots: Sequence[VideoSlot]
    erasures: ErasuresSnapshot
    extractors: Mapping[str, float]
    live_workers: Mapping[str, LiveWorkerSnapshot]


@dataclass(frozen=True, slots=True)
class EventsSnapshot:
    """The events broker.

    Attributes:
        memory: the fields of ``INFO memory``; empty for a cluster.
        waiting: how many events the stream has: those that are not recorded yet.
        lag: how many of them are not delivered to a recorder yet; None if the broker does not know it.
        pending: how many of them a recorder has.
        oldest: the ID of the first of them; empty if there is none.
        dead, oldest_dead_s: how many dead letters there are, and the age of the first one in seconds, 0 if none.
        unfinished: how many captures have no outcome yet.
        leader: the name of the active recorder; empty if there is none.
    """

    memory: Mapping[str, Any]
    waiting: int
    lag: int | None
    pending: int
    oldest: str
    dead: int
    unfinished: int
    leader: str
    oldest_dead_s: float


def _text(value: Any) -> str:
    """Make a broker's value safe to show on a terminal: control characters escaped, 200 characters at most."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return printable(text[:MAX_SHOWN]) + ("…" if len(text) > MAX_SHOWN else "")


def _readable(step: Callable[[], Any], otherwise: Any) -> Any:
    """Return the result of ``step``, or ``otherwise`` if the key is of another type or has a value that A3CP never
    writes."""
    try:
        return step()
    except UnreadableValue:
        return otherwise
    except (redis.exceptions.ResponseError, ValueError) as error:
        if isinstance(error, redis.exceptions.ResponseError) and not str(error).startswith("WRONGTYPE"):
            raise
        return otherwise


def _group(broker: Broker, shown_stream: str, group: str) -> tuple[int | None, int]:
    """Return a group's lag and the number of its pending entries; None and 0 if there is no such group."""
    try:
        groups: Any = broker.xinfo_groups(shown_stream)
    except redis.exceptions.ResponseError:
        return None, 0
    for known in groups:
        if _text(known["name"]) == group:
            return known.get("lag"), known["pending"]
    return None, 0


def read_frames(broker: Broker) -> FramesSnapshot:
    """Read the frames broker.

    Raises:
        BrokerUnavailable: the broker does not answer.
    """
    with broker_errors("frames"):
        empty = QueueSnapshot(0, None, 0, ())
        return FramesSnapshot(
            memory=_memory(broker),
            cameras=_readable(lambda: _read_queue(broker, keys.CAPTURES), empty),
            videos=_readable(lambda: _read_queue(broker, keys.UPLOADS), empty),
            slots=_readable(lambda: uploads.read_slots_sync(broker), []),
            erasures=_readable(lambda: _read_erasures(broker), ErasuresSnapshot(0, None, 0)),
            extractors=_readable(lambda: _extractors_alive(broker), {}),
            live_workers=_readable(lambda: _live_workers(broker), {}),
        )


def _read_queue(broker: Broker, queue: str) -> QueueSnapshot:
    lag, pending = _group(broker, queue, keys.EXTRACTOR_GROUP)
    leases = _leases(broker, queue) if pending else {}
    entries: Any = broker.xrange(queue, count=MAX_CAPTURES)
    captures = [_capture(broker, entry_id, fields, leases) for entry_id, fields in entries]
    return QueueSnapshot(int(broker.xlen(queue)), lag, pending, captures)


def _read_erasures(broker: Broker) -> ErasuresSnapshot:
    lag, pending = _group(broker, keys.ERASURES, keys.EXTRACTOR_GROUP)
    return ErasuresSnapshot(_length(broker, keys.ERASURES), lag, pending)


def _extractors_alive(broker: Broker) -> dict[str, float]:
    return {_text(name): age_s for name, age_s in heartbeats.extractor_ages(broker).items()}


def _live_workers(broker: Broker) -> dict[str, LiveWorkerSnapshot]:
    sessions = live.sessions_per_worker(broker)
    return {
        _text(name): LiveWorkerSnapshot(age_s, sessions[name], _length(broker, keys.live_inbox(_text(name))))
        for name, age_s in heartbeats.live_worker_ages(broker).items()
    }


def _length(broker: Broker, shown_stream: str) -> int:
    return int(_readable(lambda: broker.xlen(shown_stream), 0))


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
    length = _length(broker, keys.capture_keys(capture_id).frames)
    lease = leases.get(entry_id)
    return OpenCapture(
        capture_id=capture_id,
        status=_text(state.status),
        accepted=state.accepted or state.expected,
        extracted=state.extracted,
        # the stream of a capture that is not open ends with an entry that is no frame
        backlog_frames=length - (state.status != "open" and length > 0),
        owner=_text(lease["consumer"]) if lease else "",
        idle_s=lease["time_since_delivered"] / 1000 if lease else 0.0,
        deliveries=state.deliveries,
    )


def read_events(broker: Broker) -> EventsSnapshot:
    """Read the events broker.

    Raises:
        BrokerUnavailable: the broker does not answer.
    """
    with broker_errors("events"):
        lag, pending = _group(broker, keys.EVENTS, keys.RECORDER_GROUP)
        first: Any = _readable(lambda: broker.xrange(keys.EVENTS, count=1), [])
        leader: Any = _readable(lambda: broker.get(keys.RECORDER_LEADER), b"unreadable")
        return EventsSnapshot(
            memory=_memory(broker),
            waiting=_length(broker, keys.EVENTS),
            lag=lag,
            pending=pending,
            oldest=_text(first[0][0]) if first else "",
            dead=int(_readable(lambda: broker.xlen(keys.DEAD_EVENTS), 0)),
            unfinished=_readable(lambda: int(broker.zcard(keys.UNFINISHED)), 0),
            leader=_text(leader) if leader else "",
            oldest_dead_s=_readable(lambda: _oldest_dead_s(broker), 0.0),
        )


def _oldest_dead_s(broker: Broker) -> float:
    """The age of the first dead letter in seconds, by the broker's clock; 0 if there is none."""
    entries: Any = broker.xrange(keys.DEAD_EVENTS, count=1)
    return max(0.0, broker.time()[0] - int(entries[0][0].split(b"-")[0]) / 1000) if entries else 0.0


def _memory(broker: Broker) -> Mapping[str, Any]:
    info: Any = broker.info("memory")
    return info if "used_memory" in info else {}  # a cluster answers with one dict for each node
