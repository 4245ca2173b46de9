"""The real-time lane in the frames role: which worker serves which session, and frames and answers in transit.

A worker has one inbox, a gateway one outbox. At most one frame of each session is on its way; a worker deletes it as it
answers, a gateway deletes the answers that it has read, so nothing is left. An entry that no process takes expires.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast, get_args

from contracts.broker.keys import LIVE_SESSIONS, LIVE_WORKERS, live_inbox, live_outbox
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.broker.script import Call
from contracts.messages.live import LiveCode
from contracts.rules import formats
from contracts.rules.ids import is_identifier, read_count
from contracts.state.traces import trace_of

__all__ = [
    "LIVE_LEASE_MS",
    "SILENT_MS",
    "Answer",
    "AnswerTo",
    "LiveFrame",
    "WorkerSlot",
    "alive",
    "drop",
    "join",
    "leave",
    "put_answer",
    "put_frame",
    "renew",
    "sender_of",
    "sessions_per_worker",
]

SILENT_MS = 5_000
"""A live worker without a heartbeat for so long gets no session, and its gateways move its sessions."""

LIVE_LEASE_MS = 10_000
"""How long a session keeps its slot at its worker after its gateway stopped renewing it."""

FORGET_MS = 60_000
"""How long a live worker that is silent stays listed."""

ENTRY_TTL_MS = 15_000
"""How long a frame or an answer is kept if no process reads it."""


MAX_NAME = 512


class WorkerSlot(NamedTuple):
    """A session's slot at a worker."""

    worker: str
    live_id: str

    @property
    def member(self) -> str:
        """Its member in the zset of sessions."""
        return f"{self.worker}/{self.live_id}"

    @classmethod
    def read(cls, member: bytes) -> WorkerSlot:
        """Read the form that `member` writes."""
        worker, _, live_id = member.decode().rpartition("/")
        return cls(worker, live_id)


def _name(text: bytes) -> str:
    name = text.decode("ascii")
    if not is_identifier(name):
        raise ValueError("not a name of the live lane")
    return name


def _process(text: bytes) -> str:
    """A gateway's name contains its host's name, which may have any printable characters."""
    name = text.decode("ascii")
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError("not the name of a process")
    return name


@dataclass(frozen=True, slots=True, repr=False)
class LiveFrame:
    """One frame on its way to a worker. Its ``repr`` never shows the payload. It has a ``traceparent`` only if it is
    traced."""

    live_id: str
    frame_index: int
    pipeline_id: str
    gateway: str
    payload: bytes
    traceparent: str = ""

    def __repr__(self) -> str:
        return f"LiveFrame(live_id={self.live_id!r}, frame_index={self.frame_index}, bytes={len(self.payload)})"

    def encode(self) -> list[str | bytes]:
        """Field, value, field, value …, as ``XADD`` takes them. Only ``payload`` is binary."""
        return [
            "live_id", self.live_id,
            "frame_index", str(self.frame_index),
            "pipeline_id", self.pipeline_id,
            "gateway", self.gateway,
            "payload", self.payload,
            *(("traceparent", self.traceparent) if self.traceparent else ()),
            formats.FIELD, formats.written("live"),
        ]  # fmt: skip

    @classmethod
    def decode(cls, fields: Mapping[bytes, bytes]) -> LiveFrame:
        """Read one inbox entry. Raises ``ValueError`` or ``KeyError`` if it is not one, and ``OtherFormat`` if this
        release does not read it."""
        formats.check_format("live", fields.get(formats.FIELD.encode()))
        return cls(
            live_id=_name(fields[b"live_id"]),
            frame_index=read_count(fields[b"frame_index"]),
            pipeline_id=_name(fields[b"pipeline_id"]),
            gateway=_process(fields[b"gateway"]),
            payload=fields[b"payload"],
            traceparent=trace_of(fields),
        )


class AnswerTo(NamedTuple):
    """Who waits for the answer to a frame."""

    live_id: str
    frame_index: int
    gateway: str


def sender_of(fields: Mapping[bytes, bytes]) -> AnswerTo | None:
    """Who waits for the answer to an inbox entry, whatever its format is; None if it does not say."""
    try:
        return AnswerTo(_name(fields[b"live_id"]), read_count(fields[b"frame_index"]), _process(fields[b"gateway"]))
    except (ValueError, KeyError):
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer on its way to a gateway.

    If ``error`` is empty, ``text`` is the result as JSON (`contracts.messages.live.PipelineResult`). Otherwise
    ``error`` is a code, and ``text`` is a sentence for the client.
    """

    live_id: str
    frame_index: int
    text: bytes
    error: LiveCode | None = None

    def encode(self) -> list[str | bytes]:
        """Field, value, field, value …, as ``XADD`` takes them."""
        return [
            "live_id", self.live_id,
            "frame_index", str(self.frame_index),
            "error", self.error or "",
            "text", self.text,
            formats.FIELD, formats.written("live"),
        ]  # fmt: skip

    @classmethod
    def decode(cls, fields: Mapping[bytes, bytes]) -> Answer:
        """Read one outbox entry. Raises ``ValueError`` or ``KeyError`` if it is not one, and ``OtherFormat`` if this
        release does not read it."""
        formats.check_format("live", fields.get(formats.FIELD.encode()))
        error = fields[b"error"].decode()
        if error and error not in get_args(LiveCode):
            raise ValueError(f"{error} is not a code of the live lane")
        fields[b"text"].decode()  # it goes to a client as text
        return cls(
            live_id=_name(fields[b"live_id"]),
            frame_index=read_count(fields[b"frame_index"]),
            text=fields[b"text"],
            error=cast(LiveCode, error) if error else None,
        )


_BOTH = (LIVE_WORKERS, LIVE_SESSIONS)


def join(live_id: str) -> Call[WorkerSlot | None]:
    """Take a slot at the live worker with the fewest sessions, or keep the session's slot if its worker is alive; None
    if no worker is alive."""

    def read(answer: bytes) -> WorkerSlot | None:
        return WorkerSlot(answer.decode(), live_id) if answer else None

    return Call("frames", "live_join", _BOTH, [live_id, SILENT_MS, LIVE_LEASE_MS], read)


def renew(slots: Sequence[WorkerSlot]) -> Call[list[WorkerSlot]]:
    """Renew these slots; returns those whose worker is gone. A slot expires ``LIVE_LEASE_MS`` after a renewal."""

    def read(answer: Any) -> list[WorkerSlot]:
        return [WorkerSlot.read(member) for member in answer]

    members = [slot.member for slot in slots]
    return Call("frames", "live_renew", _BOTH, [SILENT_MS, LIVE_LEASE_MS, *members], read)


async def leave(broker: AsyncBroker, slot: WorkerSlot) -> None:
    """Give a session's slot up.

    Raises:
        BrokerUnavailable: the frames broker did not answer; the slot expires by itself.
    """
    with broker_errors("frames"):
        await broker.zrem(LIVE_SESSIONS, slot.member)


def sessions_per_worker(broker: Broker) -> Counter[bytes]:
    """How many sessions each live worker has, by the worker's name.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the key does not hold a zset.
    """
    with broker_errors("frames"):
        members: Any = broker.zrange(LIVE_SESSIONS, 0, -1)
    return Counter(member.rpartition(b"/")[0] for member in members)


def alive(worker: str) -> Call[set[str]]:
    """Write this worker's heartbeat; returns the ``live_id`` of each of its sessions."""
    return Call("frames", "live_alive", _BOTH, [worker, FORGET_MS], lambda answer: {name.decode() for name in answer})


def put_frame(worker: str, frame: LiveFrame) -> Call[bytes]:
    """Put a frame into a worker's inbox; returns its entry ID."""
    return Call("frames", "live_put", [live_inbox(worker)], [ENTRY_TTL_MS, *frame.encode()], bytes)


def put_answer(gateway: str, answer: Answer) -> Call[bytes]:
    """Put an answer into a gateway's outbox; returns its entry ID."""
    return Call("frames", "live_put", [live_outbox(gateway)], [ENTRY_TTL_MS, *answer.encode()], bytes)


def drop(stream: str, entry_ids: Sequence[bytes]) -> Call[int]:
    """Delete entries that were read or are obsolete, and the stream with its last entry. Returns how many existed."""
    return Call("frames", "live_drop", [stream], list(entry_ids), int)
