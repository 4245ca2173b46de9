"""What `a3cp doctor` says of the brokers, and of what an embedded frames broker leaves or shows to others."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from contracts.broker.roles import Role, broker_errors, check_role, connect
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, BrokerMisconfigured, ConfigurationError, FatalError
from scripts.commands.findings import Finding
from scripts.stack.embedded import files_of_frames, server_path
from scripts.stack.running import running_urls

__all__ = ["examine_brokers", "judge_clock", "judge_debuggers", "judge_frames_on_disk"]

CLOCK_SLACK_S = 2.0


def examine_brokers(settings: Settings) -> Iterable[Finding]:
    """Look at the brokers that the settings name, or at those of the `a3cp up` that runs here."""
    try:
        settings = running_urls(settings)
    except ConfigurationError as error:
        if settings.frames_url is not None or settings.events_url is not None:
            return [Finding("brokers", "fail", str(error), "set both URLs, or neither")]
        return [_embedded()]
    frames_url, events_url = settings.broker_urls()
    return asyncio.run(_examine_brokers(frames_url, events_url, settings.assume_volatile))


def _embedded() -> Finding:
    try:
        return Finding("brokers", "ok", f"none named; `a3cp up` starts its own from {server_path().name}")
    except FatalError:
        mend = "set A3CP_FRAMES_URL and A3CP_EVENTS_URL to Redis 7.0 or newer, or Valkey 8"
        return Finding("brokers", "fail", "none named, and none for this machine", mend)


async def _examine_brokers(frames_url: str, events_url: str, assume_volatile: bool) -> list[Finding]:
    return [
        *await _examine_broker("frames", frames_url, assume_volatile),
        *await _examine_broker("events", events_url, False),
    ]


async def _examine_broker(role: Role, url: str, assume_volatile: bool) -> list[Finding]:
    variable = f"A3CP_{role.upper()}_URL"
    try:
        broker = connect(url)
    except ValueError:
        return [Finding(f"{role} broker", "fail", "the URL cannot be read", f"set {variable} to redis://host:6379")]
    try:
        advice = await check_role(broker, role, assume_volatile=assume_volatile)
        with broker_errors(role):
            seconds, microseconds = await broker.time()
    except BrokerMisconfigured as error:
        return [Finding(f"{role} broker", "fail", error.problem, error.fix)]
    except A3CPError as error:
        return [Finding(f"{role} broker", "fail", str(error), f"start it, or correct {variable}")]
    finally:
        await broker.aclose()
    found = Finding(f"{role} broker", "ok", "it is what its role needs")
    return [
        found if advice is None else Finding(f"{role} broker", "warn", advice.problem, advice.fix),
        judge_clock(role, seconds + microseconds / 1_000_000 - time.time()),
    ]


def judge_clock(role: str, ahead_s: float) -> Finding:
    """Whether the broker's clock agrees with this machine's: leases and heartbeats go by the broker's."""
    if abs(ahead_s) <= CLOCK_SLACK_S:
        return Finding(f"{role} broker's clock", "ok", f"within {CLOCK_SLACK_S:g} s of this machine's")
    detail = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    return Finding(f"{role} broker's clock", "warn", detail, "keep both machines' clocks with NTP")


def judge_frames_on_disk(state_dir: Path) -> list[Finding]:
    """Files of the embedded frames broker. It writes none; those of an older version hold pictures."""
    if not (files := files_of_frames(state_dir)):
        return []
    names = ", ".join(str(path) for path in files)
    detail = f"{names}: written by a frames broker, so there may be pictures of people in it"
    return [Finding("frames on a disk", "fail", detail, "delete it; the next `a3cp up` does so too")]


def judge_debuggers(scope: str, embedded: bool) -> list[Finding]:
    """Whether another program of this user may read an embedded broker's memory, in which frames are. Our own processes
    forbid it themselves; a server that is started loses that mark. ``scope`` is kernel.yama.ptrace_scope."""
    if not embedded or not sys.platform.startswith("linux"):
        return []
    if scope.strip() in ("1", "2", "3"):
        return [Finding("debuggers", "ok", "programs of this user cannot read the embedded brokers' memory")]
    detail = "any program of this user can read the embedded brokers' memory, and frames in it"
    return [Finding("debuggers", "warn", detail, "sysctl kernel.yama.ptrace_scope=1, or brokers of another user")]
