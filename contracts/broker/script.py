"""Run the Lua scripts in ``contracts/state/lua/*/<name>.lua`` by their SHA-1 (EVALSHA).

A `Call` is a script with its keys, its arguments and the function that reads its answer; creating one does no I/O. The
modules of `contracts.state` create the calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, Literal, TypeVar

import redis

from contracts.broker.pool import SharingClient
from contracts.broker.roles import AsyncBroker, Broker, Role, broker_errors
from contracts.broker.shared_connection import Changes, Template
from contracts.rules.errors import UnreadableValue

__all__ = [
    "UNREADABLE",
    "Argument",
    "Call",
    "ScriptName",
    "T",
    "prepare",
    "read_answer",
    "run",
    "run_sync",
]

ScriptName = Literal[
    "open", "push", "watch", "end_stream", "claim", "row", "heartbeat", "hand_back", "finish_capture", "acknowledge",
    "alive", "measure", "failed_slot", "keep_failed", "revive", "drop_failed", "release_failed",
    "upload_slot", "upload_put",
    "live_join", "live_renew", "live_alive", "live_put", "live_drop",
    "reserve", "recheck", "mark_closed", "publish", "abort", "append_events", "acknowledge_events",
    "dead_letter", "retry_letter", "drop_letter", "take_back", "allow_erasure", "publish_erasure",
    "watch_retention",
    "session_start", "session_end", "acquire_leadership", "release_leadership",
]  # fmt: skip

OFTEN: frozenset[ScriptName] = frozenset({"push", "watch", "live_put"})
"""Scripts that run for every frame, or every second for each capture. They use the client's shared connection."""

Argument = str | bytes | int | float

T = TypeVar("T")


@cache
def _source(name: ScriptName) -> tuple[str, str]:
    folders = files("contracts").joinpath("state", "lua").iterdir()
    (path,) = (path for folder in folders if (path := folder.joinpath(f"{name}.lua")).is_file())
    text = path.read_text(encoding="utf-8")
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One run of a script. ``read`` converts the broker's answer into the result."""

    role: Role
    name: ScriptName
    keys: Sequence[str]
    arguments: Sequence[Argument]
    read: Callable[[Any], T]


UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""The errors that `Call.read` raises if the broker's answer has an unexpected form."""


def read_answer(call: Call[T], answer: Any) -> T:
    """Read a script's answer.

    Raises:
        UnreadableValue: the script read a value that this system does not write, so its answer cannot be read.
    """
    try:
        return call.read(answer)
    except UNREADABLE as error:
        raise UnreadableValue(call.role, f"{call.name}: {call.keys[0][:200]}", type(error).__name__) from error


async def run(broker: AsyncBroker, call: Call[T]) -> T:
    """Run a script and return its result.

    After `BrokerUnavailable` the script may have run, and it is safe to run it again. The second run changes nothing;
    it returns the result of the first, or says that the work is done (``hand_back``, ``release_leadership``: no longer
    the caller's; ``publish`` and ``abort``: not new; ``retry_letter`` and ``drop_letter``: gone, with a note). There
    are two exceptions: ``claim`` starts another generation and counts another delivery, and ``live_put`` may add the
    entry twice.

    Raises:
        BrokerUnavailable: the broker is unreachable, or (`BrokerFull`) out of memory.
        UnreadableValue: the script read a value that this system does not write.
    """
    text, sha = _source(call.name)
    words = *call.keys, *call.arguments  # EVALSHA first: the broker has the script, except the first time after a start
    with broker_errors(call.role):
        if call.name in OFTEN and isinstance(broker, SharingClient):
            try:
                answer = await broker.shared.ask("EVALSHA", sha, len(call.keys), *words)
            except redis.exceptions.NoScriptError:
                answer = await broker.shared.ask("EVAL", text, len(call.keys), *words)
        else:
            try:
                answer = await broker.evalsha(sha, len(call.keys), *words)
            except redis.exceptions.NoScriptError:
                answer = await broker.eval(text, len(call.keys), *words)
    return read_answer(call, answer)


def prepare(
    broker: AsyncBroker, call: Call[T], changing: Sequence[int]
) -> Callable[[Changes, Callable[[Any], None]], bool]:
    """Return a function that sends a script at once, without waiting. The places ``changing`` in the arguments of
    ``call`` are left open; one of them is bytes.

    Call the function with their values, as `Template.encode` takes them, and with a function that gets the broker's raw
    answer or an error of redis-py. It returns False if no connection is open. If the answer is an error of any kind,
    use `run`, which also loads a script that the broker does not have.
    """
    if call.name not in OFTEN or not isinstance(broker, SharingClient):
        return lambda _changes, _on_answer: False
    begin = broker.shared.begin
    arguments = [None if place in changing else argument for place, argument in enumerate(call.arguments)]
    head: list[Argument | None] = ["EVALSHA", _source(call.name)[1], len(call.keys), *call.keys]
    bytes_at = next(place for place in changing if isinstance(call.arguments[place], bytes))
    template = Template([*head, *arguments], len(head) + bytes_at)
    return lambda changes, on_answer: begin(template.encode(*changes), on_answer)


def run_sync(broker: Broker, call: Call[T]) -> T:
    """`run` for blocking code."""
    text, sha = _source(call.name)
    with broker_errors(call.role):
        try:
            answer = broker.evalsha(sha, len(call.keys), *call.keys, *call.arguments)
        except redis.exceptions.NoScriptError:
            answer = broker.eval(text, len(call.keys), *call.keys, *call.arguments)
    return read_answer(call, answer)
