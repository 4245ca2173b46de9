"""What a hostile process writes into the brokers: into every key, field, member and entry, one value at a time.

The list of keys is that of `contracts.broker.keys`; `unknown_keys` says which of them nothing is written into.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Literal

from contracts.broker import keys
from contracts.broker.roles import Role
from contracts.rules.landmarks import PART_NAMES
from contracts.rules.paths import artifact_uri
from contracts.state.captures import CaptureWindow
from contracts.state.frame import ForwardItem, TerminalEntry
from contracts.state.video import StoredVideo
from tests.support.clips import face_clip

__all__ = ["TARGETS", "Item", "Target", "Victim", "items_of", "unknown_keys"]

Kind = Literal["zset", "hash", "stream", "string"]
Words = tuple[str | bytes | float, ...]

VALUES: tuple[bytes, ...] = (
    b"", b"\xff\xfe", b"abc", b"-1", b"0", b"9" * 40, b"9" * 5000, b"9223372036854775807", b"1e400", b"nan", b"inf",
    b"-inf", b"a/b", b"../../x", b"\x00", b"\x1b[2J[/nope]", b"[bold]", b"x" * 1_000_000, b"{}", b"[]", b"null",
    b'{"raw_features_ref":{"shape":[]}}', b"9999-12-31T23:59:59.999Z", b"0001-01-01T00:00:00Z", b"published",
    b"closed", b"1-0",
)  # fmt: skip
SCORES = (float("inf"), float("-inf"), -1.0, 0.0, 1e308, 2.0**62)


class Victim:
    """A finished capture of another user, with the records that a gateway writes. The fuzzer changes its fields; no
    client waits for it."""

    def __init__(self) -> None:
        self.capture_id, self.record_id = f"victim-{uuid.uuid4().hex}", str(uuid.uuid4())
        self.session_id, self.user_id = f"sess_{uuid.uuid4().hex[:16]}", "victim"
        self.upload_id = uuid.uuid4().hex

    def window(self, video: bool = False) -> CaptureWindow:
        stored = StoredVideo(upload_id=self.upload_id, byte_length=100, min_duration_s=2, max_frames=9)
        return CaptureWindow(
            capture_id=self.capture_id, user_id=self.user_id, session_id=self.session_id, record_id=self.record_id,
            timestamp_start=datetime.now(UTC), fps_target=15, width=640, height=480, max_duration_s=120,
            video=stored if video else None,
        )  # fmt: skip

    def state(self, video: bool = False) -> Mapping[str, str | bytes]:
        zero = dict.fromkeys(("bytes", "backlog_bytes", "extracted", "generation", "deliveries"), "0")
        found = {f"found_{part}": "0" for part in PART_NAMES}
        text = self.window(video).model_dump_json(exclude_none=True)
        return {
            **zero, **found, "status": "closed", "open": text, "accepted": "0" if video else "1", "error_code": "",
            "last_entry_ms": "1", "touched_ms": "1", "tracker_restarts": "", "expected": "1", "token": "x/1",
            "last_timestamp": "x", "last_byte_length": "1", "format": "2", "window": text,
        }  # fmt: skip

    def record(self) -> Mapping[str, str | bytes]:
        found = {f"found_{part}": "0" for part in PART_NAMES}
        return {
            **found, "capture_id": self.capture_id, "user_id": self.user_id, "session_id": self.session_id,
            "record_id": self.record_id, "connection": "x", "opened_at": "2026-01-01T00:00:00.000Z", "closed_ms": "1",
            "upload": f"{self.upload_id}/5/{self.user_id}", "outcome": "published", "event": "{}", "entry_id": "1-0",
            "accepted": "1", "extracted": "1", "error_code": "", "recorded_at": "", "ended_by": "gateway",
            "format": "2",
        }  # fmt: skip

    def session(self) -> Mapping[str, str | bytes]:
        return {
            "session_id": self.session_id, "user_id": self.user_id, "status": "active", "start_request": "x",
            "start_answer": "{}", "start_event": "{}", "end_request": "x", "end_answer": "{}", "end_event": "{}",
            "format": "2",
        }  # fmt: skip

    def frames(self) -> Iterator[tuple[str, list[str | bytes]]]:
        jpeg, now = _jpeg(), datetime.now(UTC)
        yield (
            "1-0",
            ForwardItem(self.capture_id, 1, now, jpeg, "jpeg", 640, 480, self.user_id, self.session_id).encode(),
        )
        yield "2-0", TerminalEntry("close", timestamp_end=now).encode()

    def event(self) -> Mapping[str, str | bytes]:
        return {
            "event": '{"user_id":"victim"}', "user_id": self.user_id, "session_id": self.session_id,
            "record_id": self.record_id, "capture_id": self.capture_id, "format": "2",
        }  # fmt: skip


@cache
def _jpeg() -> bytes:
    return face_clip(1)[0]


def _live(victim: Victim) -> Mapping[str, str | bytes]:
    payload: dict[str, str | bytes] = {
        "pipeline_id": "pose",
        "gateway": "g",
        "payload": b"x",
        "error": "",
        "text": "{}",
        "format": "2",
    }
    return {"live_id": victim.capture_id, "frame_index": "1", **payload}


def _pairs(fields: list[str | bytes]) -> Mapping[str, str | bytes]:
    return dict(zip([str(name) for name in fields[::2]], fields[1::2], strict=True))


def _frame(victim: Victim) -> Mapping[str, str | bytes]:
    return _pairs(next(victim.frames())[1])


def _dispatch(victim: Victim) -> Mapping[str, str | bytes]:
    ids = {"capture_id": victim.capture_id, "user_id": victim.user_id, "session_id": victim.session_id}
    return {**ids, "format": "2"}


def _erasure(victim: Victim) -> Mapping[str, str | bytes]:
    uri = artifact_uri(victim.user_id, victim.session_id, victim.record_id)
    return {**_dispatch(victim), "record_id": victim.record_id, "uri": uri, "hash": "sha256:" + "0" * 64}


@dataclass(frozen=True)
class Target:
    """One key of one role: of a victim, of a live process (``worker``, ``gateway``), or of all. ``fields`` are those
    of its hash or entries, ``member`` what a member looks like."""

    name: str
    role: Role
    kind: Kind
    key: Callable[[Victim, str, str], str]
    fields: Callable[[Victim], Mapping[str, str | bytes]] = lambda _: {}
    shared: bool = False


def _of(name: str, role: Role, kind: Kind, key: str, fields: Callable[[Victim], Mapping[str, str | bytes]] = lambda _: {}) -> Target:  # fmt: skip  # noqa: E501
    return Target(name, role, kind, lambda *_: key, fields, shared=True)


TARGETS: tuple[Target, ...] = (
    _of("CAPTURES", "frames", "stream", keys.CAPTURES, _dispatch),
    _of("UPLOADS", "frames", "stream", keys.UPLOADS, _dispatch),
    _of("ERASURES", "frames", "stream", keys.ERASURES, _erasure),
    _of("UPLOAD_PLACES", "frames", "zset", keys.UPLOAD_PLACES),
    _of("FAILED", "frames", "zset", keys.FAILED),
    _of("EXTRACTORS", "frames", "zset", keys.EXTRACTORS),
    _of("LIVE_WORKERS", "frames", "zset", keys.LIVE_WORKERS),
    _of("LIVE_SESSIONS", "frames", "zset", keys.LIVE_SESSIONS),
    Target("capture_keys.state", "frames", "hash", lambda v, *_: keys.capture_keys(v.capture_id).state, Victim.state),
    Target("capture_keys.frames", "frames", "stream", lambda v, *_: keys.capture_keys(v.capture_id).frames, _frame),
    Target(
        "capture_keys.rows", "frames", "hash", lambda v, *_: keys.capture_keys(v.capture_id).rows,
        lambda _: {"1": b"no row"},
    ),
    Target("live_inbox", "frames", "stream", lambda _v, worker, _g: keys.live_inbox(worker), _live),
    Target("live_outbox", "frames", "stream", lambda _v, _w, gateway: keys.live_outbox(gateway), _live),
    Target("uploaded_video", "frames", "hash", lambda v, *_: keys.uploaded_video(v.upload_id), lambda _: {"0": b"x" * 100}),  # noqa: E501
    _of("EVENTS", "events", "stream", keys.EVENTS, Victim.event),
    _of("DEAD_EVENTS", "events", "stream", keys.DEAD_EVENTS, lambda _: {"reason": "x", "entry_id": "1-0"}),
    _of("UNFINISHED", "events", "zset", keys.UNFINISHED),
    _of("RECORDER_LEADER", "events", "string", keys.RECORDER_LEADER),
    Target("capture_record", "events", "hash", lambda v, *_: keys.capture_record(v.capture_id), Victim.record),
    Target("session", "events", "hash", lambda v, *_: keys.session(v.session_id), Victim.session),
    Target(
        "erasure", "events", "hash", lambda v, *_: keys.erasure(v.capture_id),
        lambda _: {"request": "0" * 64, "event": b"{}", "entry_id": "1-0", "format": "2"},
    ),
    Target("window", "events", "string", lambda v, *_: keys.window(v.session_id, v.record_id)),
    Target("user_captures", "events", "zset", lambda v, *_: keys.user_captures(v.user_id)),
    Target(
        "RETENTION", "events", "hash", lambda *_: keys.RETENTION,
        lambda _: {"by": "another", "by_ms": "1", "since:1:": "1"},
    ),
    Target("dead_note", "events", "string", lambda *_: keys.dead_note("0-0")),
    Target("sign_in_code", "events", "string", lambda *_: keys.sign_in_code("0" * 64)),
    Target("receipt", "events", "string", lambda *_: keys.receipt("0-0")),  # the fuzzer knows which one is awaited
)  # fmt: skip

NO_KEYS = {"EXTRACTOR_GROUP", "RECORDER_GROUP", "RELEASED", "CaptureKeys", "NamedTuple"}
"""The names in `contracts.broker.keys` that are not keys."""


def unknown_keys() -> set[str]:
    """The keys of `contracts.broker.keys` that the fuzzer leaves out, and the targets that are no key of it."""
    known = {target.name for target in TARGETS}
    parts = {f"capture_keys.{part}" for part in keys.CaptureKeys._fields}
    # read from the module, not from __all__: a new key may be missing there until another module imports it
    names = {name for name, value in vars(keys).items() if isinstance(value, str) or callable(value)}
    names = {name for name in names if not name.startswith("_")} - NO_KEYS - {"capture_keys"}
    return (names | parts) ^ known


@dataclass(frozen=True)
class Item:
    """One hostile write: the key's state before it, and the command that writes the value."""

    target: Target
    what: str
    command: Words
    instead: bool = False
    """Whether it is written instead of what is there: the key is of another type then."""
    victim: Victim = field(default_factory=Victim)

    @property
    def blocks(self) -> bool:
        """Whether nothing more can be written into the key, until it is deleted."""
        return self.instead or str(self.command[2]).startswith(str(2**64 - 1))


def items_of(target: Target, worker: str, gateway: str) -> Iterator[Item]:
    """Every hostile write into one key."""
    for kind, words in _OTHER_TYPES.items():
        if kind != target.kind:
            victim = Victim()
            command = (words[0], target.key(victim, worker, gateway), *words[1:])
            yield Item(target, f"a {kind}", command, instead=True, victim=victim)
    yield from {"zset": _members, "hash": _fields, "stream": _entries, "string": _texts}[target.kind](
        target, worker, gateway
    )


_OTHER_TYPES: Mapping[str, tuple[str, ...]] = {
    "string": ("SET", "x"),
    "list": ("RPUSH", "x"),
    "hash": ("HSET", "x", "y"),
    "zset": ("ZADD", "1", "x"),
    "stream": ("XADD", "*", "x", "y"),
}


def _members(target: Target, *names: str) -> Iterator[Item]:
    shapes = (*VALUES, b"x/12/a/b", b"x/nan/u", b"x/1/\xff", b"/", b"w/s", b"w/s/t")
    for value, score in [*product(shapes, [9e12]), *product((b"x", b"\xff", b"a/1/b"), SCORES)]:
        victim = Victim()
        yield Item(target, f"{_show(value)} {score}", ("ZADD", target.key(victim, *names), score, value), victim=victim)


def _fields(target: Target, *names: str) -> Iterator[Item]:
    victim = Victim()
    for name, value in product([*target.fields(victim), "extra\xff"], VALUES):
        victim = Victim()
        yield Item(target, f"{name}={_show(value)}", ("HSET", target.key(victim, *names), name, value), victim=victim)
    for name in target.fields(victim):
        victim = Victim()
        yield Item(target, f"no {name}", ("HDEL", target.key(victim, *names), name), victim=victim)


def _entries(target: Target, *names: str) -> Iterator[Item]:
    entry_id = "1-0" if target.name == "capture_keys.frames" else "*"  # otherwise the entry would only be a gap
    for name, value in product(target.fields(Victim()), [*VALUES, None]):
        victim = Victim()
        entry = {**target.fields(victim), **({} if value is None else {name: value})}
        if value is None:
            del entry[name]
        words: Words = tuple(word for pair in entry.items() for word in pair) or ("nothing", "")
        yield Item(
            target, f"{name}={_show(value)}", ("XADD", target.key(victim, *names), entry_id, *words), victim=victim
        )
    victim = Victim()
    many: Words = tuple(f"field{n}" for n in range(2000))
    yield Item(target, "2000 words", ("XADD", target.key(victim, *names), entry_id, *many), victim=victim)
    last = f"{2**64 - 1}-{2**64 - 1}"
    yield Item(target, "the last ID", ("XADD", target.key(victim, *names), last, "x", "y"), victim=Victim())


def _texts(target: Target, *names: str) -> Iterator[Item]:
    receipts = (b'{"error":"\\u001b[2Jx","detail":"x"}', b'{"error":"","recorded_at":"0001-01-01T00:00:00Z"}')
    for value in (*VALUES, *receipts, b'{"recorded_at":"9999-12-31T23:59:59.999Z"}', b'{"error":"no_space"}'):
        victim = Victim()
        yield Item(target, _show(value), ("SET", target.key(victim, *names), value), victim=victim)


def _show(value: bytes | None) -> str:
    """The value; a long one by its beginning and its length, so that no two values of a key look the same."""
    if value is None or len(value) <= 24:
        return "none" if value is None else repr(value)
    return f"{value[:24]!r}… ({len(value)} bytes)"
