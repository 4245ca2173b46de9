"""``a3cp inspect``: print what the two brokers hold now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.broker.roles import connect_sync
from contracts.process.settings import Settings
from scripts.commands.broker_snapshots import EventsSnapshot, FramesSnapshot, QueueSnapshot, read_events, read_frames
from scripts.stack.running import running_urls
from scripts.terminal import age_text, bytes_text

__all__ = ["inspect"]


def inspect(settings: Settings, console: Console | None = None) -> int:
    """Print what both brokers hold; returns 0.

    Raises:
        ConfigurationError: the settings name no broker, and no `a3cp up` runs here.
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
            console.print(table, markup=False)  # a name may contain rich's markup
    return 0


def _summary(frames: FramesSnapshot, events: EventsSnapshot) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    table.add_row("frames broker", _memory_text(frames.memory))
    table.add_row("captures", _flight(frames.cameras))
    stored = f"; {len(frames.slots)} take up {bytes_text(sum(slot.byte_length for slot in frames.slots))}"
    table.add_row("videos", _flight(frames.videos) + (stored if frames.slots else ""))
    asked = frames.erasures
    waiting = f"{asked.waiting} to be erased: {asked.pending} with an extractor, {_lag(asked.lag)} not delivered yet"
    table.add_row("erasures", waiting)
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


def _flight(queue: QueueSnapshot) -> str:
    return f"{queue.dispatched} in flight: {queue.pending} with an extractor, {_lag(queue.lag)} not delivered yet"


def _captures(title: str, queue: QueueSnapshot) -> Table:
    table = _table(title, "status", "done", "backlog", "owner, idle")
    for one in queue.captures:
        owner = f"{one.owner} {one.idle_s:.1f} s" if one.owner else "waiting"
        again = f" delivery {one.deliveries}" if one.deliveries > 1 else ""
        table.add_row(
            one.capture_id, one.status, f"{one.extracted}/{one.accepted}", str(one.backlog_frames), owner + again
        )
    return table


def _extractors(frames: FramesSnapshot) -> Table:
    table = _table("extractor", "captures", "last heartbeat")
    owners = Counter(one.owner for queue in (frames.cameras, frames.videos) for one in queue.captures)
    for name, age_s in frames.extractors.items():
        table.add_row(name, str(owners[name]), f"{max(0.0, age_s):.1f} s ago")
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
