"""What a session and a capture leave in the events broker expires: it does not grow with the years."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.broker import keys
from contracts.broker.roles import ensure_group_sync
from contracts.rules.retention import RetentionRule
from contracts.state import dead_letters, erasures, letters, recording, records, retention, sessions
from contracts.state.events import EventEntry, Receipt
from contracts.state.letters import DeadLetter
from tests.contracts.scripting import Backend, erasure_request, window

DAY_S = 24 * 3600
LASTING = {keys.EVENTS, keys.DEAD_EVENTS, keys.UNFINISHED}
"""Streams and a zset from which entries go when they are done, and dead letters after 30 days."""


def test_every_key_in_the_events_broker_has_an_end_but_those_whose_entries_go(backend: Backend, unique: str) -> None:
    session_id, user_id = f"sess_{unique[-8:]:0>16}".replace("-", "0"), f"user-{unique}"
    before = set(backend.events.scan_iter(count=1000))
    ensure_group_sync(backend.events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    entry = EventEntry(b"{}", user_id, session_id, "record-1", f"capture-{unique}")
    opened = window(entry.capture_id, user_id=user_id, session_id=session_id)
    backend.run(sessions.start_session("request", b"{}", entry))
    assert backend.run(records.reserve(opened, "socket", 4, datetime.now(UTC))) == "OK"
    backend.run(records.mark_closed(user_id, opened.capture_id))
    backend.run(records.publish(entry, records.CaptureCounts()))
    request = erasure_request(opened.capture_id, user_id, session_id)
    backend.run(erasures.allow(request))
    backend.run(erasures.publish(request, datetime.now(UTC)))
    [(entry_id, fields), *_] = backend.events.xrange(keys.EVENTS)  # type: ignore[misc]
    backend.run(dead_letters.dead_letter(entry_id.decode(), Receipt(error="invalid_event"), fields, datetime.now(UTC)))
    [(letter_id, letter), *_] = backend.events.xrange(keys.DEAD_EVENTS)  # type: ignore[misc]
    backend.run(letters.retry_letter(DeadLetter.decode(letter_id.decode(), letter), entry))
    done = [(entry_id.decode(), Receipt(recorded_at="x"), opened.capture_id)
            for entry_id, _ in backend.events.xrange(keys.EVENTS)]  # type: ignore[union-attr]  # fmt: skip
    backend.run(recording.acknowledge_events([recording.RecordedEntry(*each) for each in done]))
    backend.run(sessions.end_session("request", b"{}", entry))
    backend.run(recording.acquire_leadership("me"))
    backend.run(retention.watch("me", [RetentionRule(None, 1)]))

    left = {key.decode(): int(backend.events.ttl(key)) for key in backend.events.scan_iter(count=1000)}  # type: ignore[arg-type]
    ours = {name: ttl for name, ttl in left.items() if name.encode() not in before}
    kinds = {name.split(":")[1] for name in ours}
    assert kinds >= {"session", "capture", "window", "erasure", "receipt"}
    lasting = {name for name, ttl in ours.items() if ttl < 0}
    assert lasting <= LASTING, lasting
    assert max(ttl for ttl in ours.values()) <= 7 * DAY_S
    assert backend.events.zscore(keys.UNFINISHED, opened.capture_id) is None
