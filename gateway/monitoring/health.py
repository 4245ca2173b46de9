"""Health: both brokers are watched in the background; ``/livez``, ``/readyz`` and ``/health`` tell what is known."""

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


@dataclass(slots=True)
class BrokerWatch:
    """What the gateway knows of its brokers, and the task that finds out.

    ``missing`` says in sentences what the system lacks; it is empty when captures can go all the way.
    ``complete`` is set as soon as nothing is missing for the first time.
    ``state.refusal`` says why no capture may be opened at all: a broker is not what its role needs.
    """

    state: GatewayState
    clock: Callable[[], float] = time.monotonic
    missing: tuple[str, ...] = ("The brokers have not been checked yet.",)
    checked_at: float | None = None
    complete: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _accepted: set[Role] = field(default_factory=set, init=False)

    async def run(self) -> None:
        """Check for ever: sooner while something is missing, else every two seconds.

        Raises:
            BrokerMisconfigured: a broker answers for the first time, and is not what its role needs. Later
                that is a refusal; if it is the frames broker, captures that are open are aborted: one that began
                to persist would write their frames to a disk.
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
        """Until the next look at what is missing. A broker that is away is asked less and less often; a part that has
        not begun yet is there within seconds, and with the same backoff was seen half a second late on average."""
        if self.state.refusal:
            return min(CHECK_EVERY_S, backoff_s(attempt))
        return STARTING_CHECK_S if attempt < STARTING_CHECKS else CHECK_EVERY_S

    async def check(self) -> None:
        """Look once at everything; see `run` for what it raises."""
        problems = await _all(self._problem(role) for role in _ROLES)
        self.state.refusal = next((str(problem) for problem in problems if problem), "")
        if not isinstance(problems[0], BrokerUnavailable | BrokerForbids):  # else it is not known
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
        """What is missing now; a check that is too old counts as missing."""
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
    """The results of all steps. With the first error the others end too: none still uses a broker that is about to be
    left."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        await cancel_all(tasks)


@contextmanager
def _refused_commands(role: Role) -> Iterator[None]:
    """A broker that does not know a command, or whose keys are not what they must be, is as good as away; why is in the
    log."""
    try:
        yield
    except (redis.exceptions.RedisError, UnreadableValue) as error:
        raise BrokerUnavailable(role, f"it refuses a command: {error}") from error


def _sentence(problem: A3CPError) -> str:
    if isinstance(problem, BrokerUnavailable):  # its cause names hosts and paths of the inside
        return f"The {problem.role} broker does not answer."
    if isinstance(problem, BrokerForbids):  # so does this one's text
        return f"The {problem.role} broker refuses the gateway."
    text = str(problem)
    return text[:1].upper() + text[1:] + "."


async def _frames_lack(frames: AsyncBroker) -> tuple[str, ...]:
    for queue in (keys.CAPTURES, keys.UPLOADS):
        await _group_stands(frames, "frames", queue, keys.EXTRACTOR_GROUP)
    return () if await heartbeats.count_extractors(frames) else ("No extractor is running.",)


async def _events_lack(events: AsyncBroker) -> tuple[str, ...]:
    await _group_stands(events, "events", keys.EVENTS, keys.RECORDER_GROUP)
    return () if await events.exists(keys.RECORDER_LEADER) else ("No recorder is active.",)


_PARTS = {"frames": _frames_lack, "events": _events_lack}


async def _group_stands(broker: AsyncBroker, role: Role, stream: str, group: str) -> None:
    """The group exists, or is created, also after a restart of its broker. Asking first writes nothing, so a
    broker that is full still passes."""
    try:
        groups: list[dict[str, Any]] = await broker.xinfo_groups(stream)
    except redis.exceptions.ResponseError as error:
        if "no such key" not in str(error):
            raise
        groups = []
    if group.encode() not in [known["name"] for known in groups]:
        await ensure_group(broker, role, stream, group)


async def livez(_request: Request) -> Response:
    """The process serves; nothing else is asked."""
    return json_response({"status": "alive"})


async def readyz(request: Request) -> Response:
    """200 when a capture can go all the way to its line in the log, else 503 and what is missing."""
    missing = request.app.state.brokers.report()
    if missing:
        return json_response({"status": "unready", "missing": list(missing)}, 503)
    return json_response({"status": "ready"})


ROUTES = [
    Route("/livez", livez, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/health", readyz, methods=["GET"]),
]
