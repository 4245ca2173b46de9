"""The Lua scripts: each is one rule, in ``contracts/state/lua/*/<name>.lua``, run by its SHA.

A `Call` is a script with its keys, its arguments and how to read its answer; making one does no I/O.
The modules of `contracts.state` make the calls.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any, Generic, Literal, TypeVar

import redis

from contracts.broker.pool import SharingClient
from contracts.broker.roles import AsyncBroker, Broker, Role, broker_errors
from contracts.rules.errors import BrokerUnavailable, UnreadableValue

__all__ = [
    "UNREADABLE",
    "Argument",
    "Call",
    "ScriptName",
    "T",
    "command",
    "prepare",
    "read_answer",
    "run",
    "run_each",
    "run_sync",
]

ScriptName = Literal[
    "open", "push", "watch", "end_stream", "claim", "row", "heartbeat", "hand_back", "finish_capture", "acknowledge",
    "alive", "measure",
    "upload_slot", "upload_put",
    "live_join", "live_renew", "live_alive", "live_put", "live_drop",
    "reserve", "recheck", "mark_closed", "publish", "abort", "acknowledge_events", "dead_letter",
    "session_start", "session_end", "acquire_leadership", "release_leadership",
]  # fmt: skip

OFTEN: frozenset[ScriptName] = frozenset({"push", "watch", "live_put"})
"""Scripts that run for every frame, or every second for each capture: they use the shared connection, if any."""

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
    """One run of a script. ``read`` turns the broker's answer into what the caller wants."""

    role: Role
    name: ScriptName
    keys: Sequence[str]
    arguments: Sequence[Argument]
    read: Callable[[Any], T]


UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""The errors of a `Call.read` that was given something else than the script's answer."""


def read_answer(call: Call[T], answer: Any) -> T:
    """Read a script's reply.

    Raises:
        UnreadableValue: the reply was made from a value that this system does not write.
    """
    try:
        return call.read(answer)
    except UNREADABLE as error:
        raise UnreadableValue(call.role, f"{call.name}: {call.keys[0][:200]}", type(error).__name__) from error


async def run(broker: AsyncBroker, call: Call[T]) -> T:
    """Run a script.

    Every script may be repeated: after `BrokerUnavailable` the script may have run, and running it
    again is safe. What is there stands, and the answer is that of the first run, or says that it is done
    already (``hand_back`` and ``release_leadership``: no longer the caller's; ``publish`` and ``abort``: not new). Only
    ``claim`` does more, a new generation and one delivery more, and ``live_put``: the entry may be there twice.

    Raises:
        BrokerUnavailable: the broker is away, or (`BrokerFull`) out of memory.
        UnreadableValue: the script met a value that this system does not write.
    """
    text, sha = _source(call.name)
    words = *call.keys, *call.arguments
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


def prepare(broker: AsyncBroker, name: ScriptName, keys: Sequence[str]) -> Callable[..., asyncio.Future[Any] | None]:
    """Prepare a script that runs for every frame: call the result with the script's arguments to send them at once.

    It returns a future for the broker's raw reply, or None if there is no open connection to send over. Do not cancel
    the future: replies are matched by order. If the reply is an error of any kind, use `run`, which also loads a
    script that the broker does not know.
    """
    if name in OFTEN and isinstance(broker, SharingClient):
        return partial(broker.shared.begin, "EVALSHA", _source(name)[1], len(keys), *keys)
    return _cannot_send


def _cannot_send(*_: Argument) -> None:
    return None


def command(call: Call[Any]) -> tuple[Argument, ...]:
    """The words that run a script by its SHA, for a connection that sends them itself."""
    return "EVALSHA", _source(call.name)[1], len(call.keys), *call.keys, *call.arguments


def run_sync(broker: Broker, call: Call[T]) -> T:
    """`run` for a process that blocks."""
    text, sha = _source(call.name)
    with broker_errors(call.role):
        try:
            answer = broker.evalsha(sha, len(call.keys), *call.keys, *call.arguments)
        except redis.exceptions.NoScriptError:
            answer = broker.eval(text, len(call.keys), *call.keys, *call.arguments)
    return read_answer(call, answer)


def run_each(broker: Broker, *calls: Call[Any]) -> None:
    """Run several scripts, each even if one before it failed.

    Raises:
        BrokerUnavailable: of the first that failed; the broker is away, or (`BrokerFull`) out of memory.
    """
    errors = []
    for call in calls:
        try:
            run_sync(broker, call)
        except BrokerUnavailable as error:
            errors.append(error)
    if errors:
        raise errors[0]
