"""Health: a background task checks both brokers; ``/livez``, ``/readyz`` and ``/health`` report its last result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.broker import keys
from contracts.broker.roles import (
    AsyncBroker,
    BrokerForbids,
    Role,
    broker_errors,
    check_role,
    ensure_group,
)
from contracts.process.logs import get_logger
from contracts.process.retry import backoff_s, retry
from contracts.rules.errors import A3CPError, BrokerMisconfigured, BrokerUnavailable, UnreadableValue
from contracts.state import heartbeats
from gateway.http.refusals import json_response
from gateway.monitoring.disks import lack_of_room
from gateway.monitoring.gauges import set_gauges
from gateway.state import GatewayState
from gateway.tasks import cancel_all

__all__ = ["BrokerWatch", "ROUTES"]

T = TypeVar("T")

log = get_logger()

CHECK_EVERY_S = 2.0
STARTING_CHECK_S, STARTING_CHECKS = 0.1, 100
FRESH_S = 10.0
"""How old the last check may be before ``/readyz`` answers 503, in seconds."""


@dataclass(slots=True)
class BrokerWatch:
    """The task that checks the brokers and the other processes, and its last result.

    Attributes:
        missing: sentences that say what is missing; empty if a capture can be recorded.
        checked_at: the time of the last finished check by ``clock``, in seconds; None before the first.
        complete: set when nothing is missing for the first time.
    """

    state: GatewayState
    clock: Callable[[], float] = time.monotonic
    missing: tuple[str, ...] = ("The brokers have not been checked yet.",)
    checked_at: float | None = None
    complete: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _accepted: set[Role] = field(default_factory=set, init=False)

    async def run(self) -> None:
        """Check in a loop until cancelled: every two seconds, and more often while something is missing.

        Raises:
            BrokerMisconfigured: a broker is not configured for its role at its first check. If that happens at a later
                check, the gateway refuses new captures instead. If it is the frames broker, it also aborts the open
                captures, because a broker that has begun to persist would write their frames to a disk.
        """
        attempt = 0
        while True:
            try:
                await self.check()
            except Exception as error:
                self.state.metrics.background.note("broker_watch", error)
                self.missing = ("The brokers could not be checked; the gateway's log says why.",)
            await asyncio.sleep(self._pause_s(attempt) if self.missing else CHECK_EVERY_S)
            attempt = attempt + 1 if self.missing else 0

    def _pause_s(self, attempt: int) -> float:
        """How long to wait before the next check while something is missing, in seconds.

        A broker that is unreachable is checked with backoff. A part that is still starting is ready within seconds, so
        it is checked every 0.1 s; with the backoff it was noticed half a second late on average."""
        if self.state.refusal:
            return min(CHECK_EVERY_S, backoff_s(attempt))
        return STARTING_CHECK_S if attempt < STARTING_CHECKS else CHECK_EVERY_S

    async def check(self) -> None:
        """Check everything once. Raises as `run`."""
        problems = await _all(self._problem(role) for role in _ROLES)
        self.state.refusal = next((str(problem) for problem in problems if problem), "")
        if not isinstance(problems[0], BrokerUnavailable | BrokerForbids):  # these say nothing about its configuration
            self.state.frames_unfit = str(problems[0] or "")
        lacks = await _all(self._lacks(role) for role, problem in zip(_ROLES, problems, strict=True) if problem is None)
        await _all(
            set_gauges(self.state.metrics, role, None if problem else self._broker(role))
            for role, problem in zip(_ROLES, problems, strict=True)
        )
        full = await asyncio.to_thread(lambda: tuple(lack_of_room(self.state.settings)))
        self.missing = tuple(_sentence(problem) for problem in problems if problem) + sum(lacks, ()) + full
        self.checked_at = self.clock()
        if not self.missing:
            self.complete.set()

    def report(self) -> tuple[str, ...]:
        """Sentences that say what is missing now. One of them says so if the last check is older than `FRESH_S`."""
        if self.state.draining.is_set():
            return ("The gateway is shutting down.",)
        if self.checked_at is not None and self.clock() - self.checked_at > FRESH_S:
            return (*self.missing, f"No check of the brokers was finished in the last {FRESH_S:g} s.")
        return self.missing

    async def _problem(self, role: Role) -> A3CPError | None:
        assume_volatile = self.state.settings.assume_volatile
        try:
            with _refused_commands(role):
                await retry(lambda: check_role(self._broker(role), role, assume_volatile=assume_volatile))
        except BrokerMisconfigured as error:
            if role not in self._accepted:
                raise
            log.error("broker refused", exc_info=error)
            return error
        except BrokerUnavailable as error:
            log.warning("waiting for a broker", exc_info=error)
            return error
        return None

    async def _lacks(self, role: Role) -> tuple[str, ...]:
        try:
            with _refused_commands(role), broker_errors(role):
                lacks = await _PARTS[role](self._broker(role))
        except BrokerForbids as error:
            if role not in self._accepted:
                raise
            log.error("broker refused", exc_info=error)
            return (_sentence(error),)
        except BrokerUnavailable as error:
            log.warning("waiting for a broker", exc_info=error)
            return (_sentence(error),)
        self._accepted.add(role)
        return lacks

    def _broker(self, role: Role) -> AsyncBroker:
        return self.state.frames if role == "frames" else self.state.events


_ROLES: tuple[Role, Role] = ("frames", "events")


async def _all(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all steps at once and return their results. After the first error, cancel the others and wait for their end:
    the caller may close the brokers next."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        await cancel_all(tasks)


@contextmanager
def _refused_commands(role: Role) -> Iterator[None]:
    """Treat a broker that refuses a command, or whose keys cannot be read, as unreachable. The log has the reason."""
    try:
        yield
    except (redis.exceptions.RedisError, UnreadableValue) as error:
        raise BrokerUnavailable(role, f"it refuses a command: {error}") from error


def _sentence(problem: A3CPError) -> str:
    if isinstance(problem, BrokerUnavailable):  # not its text, which names internal hosts and paths
        return f"The {problem.role} broker does not answer."
    if isinstance(problem, BrokerForbids):  # the same
        return f"The {problem.role} broker refuses the gateway."
    text = str(problem)
    return text[:1].upper() + text[1:] + "."


async def _frames_lack(frames: AsyncBroker) -> tuple[str, ...]:
    for queue in (keys.CAPTURES, keys.UPLOADS):
        await _create_missing_group(frames, "frames", queue, keys.EXTRACTOR_GROUP)
    return () if await heartbeats.count_extractors(frames) else ("No extractor is running.",)


async def _events_lack(events: AsyncBroker) -> tuple[str, ...]:
    await _create_missing_group(events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    return () if await events.exists(keys.RECORDER_LEADER) else ("No recorder is active.",)


_PARTS = {"frames": _frames_lack, "events": _events_lack}


async def _create_missing_group(broker: AsyncBroker, role: Role, stream: str, group: str) -> None:
    """Create the group if it is missing, for example after a restart of the broker. Look for it first, because a broker
    that is out of memory refuses XGROUP CREATE even if the group exists."""
    try:
        groups: list[dict[str, Any]] = await broker.xinfo_groups(stream)
    except redis.exceptions.ResponseError as error:
        if "no such key" not in str(error):
            raise
        groups = []
    if group.encode() not in [known["name"] for known in groups]:
        await ensure_group(broker, role, stream, group)


async def livez(_request: Request) -> Response:
    """Answer 200: the process serves requests. Nothing else is checked."""
    return json_response({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Answer 200 if a capture can be opened, extracted and recorded; else 503 with what is missing."""
    missing = request.app.state.brokers.report()
    if missing:
        return json_response({"status": "unready", "missing": list(missing)}, 503)
    return json_response({"status": "ready"})


ROUTES = [
    Route("/livez", livez, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/health", readyz, methods=["GET"]),
]
