"""The checks of `a3cp doctor` about the brokers: their settings and clocks, and whether frames can leave the memory of
an embedded frames broker."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from contracts.broker.roles import Role, broker_errors, check_role, connect
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, BrokerMisconfigured, ConfigurationError, FatalError
from scripts.commands.check_result import CheckResult
from scripts.stack.embedded import files_of_frames, server_path
from scripts.stack.running import running_urls

__all__ = ["examine_brokers", "judge_clock", "judge_debuggers", "judge_frames_on_disk"]

CLOCK_SLACK_S = 2.0


def examine_brokers(settings: Settings) -> Iterable[CheckResult]:
    """Check the brokers that the settings name, or those of the `a3cp up` that runs here."""
    try:
        settings = running_urls(settings)
    except ConfigurationError as error:
        if settings.frames_url is not None or settings.events_url is not None:
            return [CheckResult("brokers", "fail", str(error), "set both URLs, or neither")]
        return [_embedded()]
    frames_url, events_url = settings.broker_urls()
    return asyncio.run(_examine_brokers(frames_url, events_url, settings.assume_volatile))


def _embedded() -> CheckResult:
    try:
        return CheckResult("brokers", "ok", f"no URL is set; `a3cp up` starts its own from {server_path().name}")
    except FatalError:
        fix = "set A3CP_FRAMES_URL and A3CP_EVENTS_URL to Redis 7.0 or newer, or Valkey 8"
        return CheckResult("brokers", "fail", "no URL is set, and there is no embedded one for this machine", fix)


async def _examine_brokers(frames_url: str, events_url: str, assume_volatile: bool) -> list[CheckResult]:
    return [
        *await _examine_broker("frames", frames_url, assume_volatile),
        *await _examine_broker("events", events_url, False),
    ]


async def _examine_broker(role: Role, url: str, assume_volatile: bool) -> list[CheckResult]:
    variable = f"A3CP_{role.upper()}_URL"
    try:
        broker = connect(url)
    except ValueError:
        return [CheckResult(f"{role} broker", "fail", "the URL cannot be read", f"set {variable} to redis://host:6379")]
    try:
        advice = await check_role(broker, role, assume_volatile=assume_volatile)
        with broker_errors(role):
            seconds, microseconds = await broker.time()
    except BrokerMisconfigured as error:
        return [CheckResult(f"{role} broker", "fail", error.problem, error.fix)]
    except A3CPError as error:
        return [CheckResult(f"{role} broker", "fail", str(error), f"start it, or correct {variable}")]
    finally:
        await broker.aclose()
    found = CheckResult(f"{role} broker", "ok", "its version and settings are right for its role")
    return [
        found if advice is None else CheckResult(f"{role} broker", "warn", advice.problem, advice.fix),
        judge_clock(role, seconds + microseconds / 1_000_000 - time.time()),
    ]


def judge_clock(role: str, ahead_s: float) -> CheckResult:
    """Check that the broker's clock is within 2 s of this machine's: leases and heartbeats use the broker's clock."""
    if abs(ahead_s) <= CLOCK_SLACK_S:
        return CheckResult(f"{role} broker's clock", "ok", f"within {CLOCK_SLACK_S:g} s of this machine's")
    detail = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    return CheckResult(f"{role} broker's clock", "warn", detail, "keep both machines' clocks with NTP")


def judge_frames_on_disk(state_dir: Path) -> list[CheckResult]:
    """Check that the embedded frames broker has no files. It writes none, but those of an older version hold
    pictures."""
    if not (files := files_of_frames(state_dir)):
        return []
    names = ", ".join(str(path) for path in files)
    detail = f"{names}: a frames broker wrote it, so it may hold pictures of people"
    return [CheckResult("frames on a disk", "fail", detail, "delete it; the next `a3cp up` does so too")]


def judge_debuggers(scope: str, embedded: bool) -> list[CheckResult]:
    """Check whether another program of this user can read an embedded broker's memory, which holds frames. A3CP's own
    processes forbid it (``PR_SET_DUMPABLE``), but a server cannot inherit that. ``scope`` is
    kernel.yama.ptrace_scope."""
    if not embedded or not sys.platform.startswith("linux"):
        return []
    if scope.strip() in ("1", "2", "3"):
        return [CheckResult("debuggers", "ok", "programs of this user cannot read the embedded brokers' memory")]
    detail = "any program of this user can read the embedded brokers' memory, and frames in it"
    return [CheckResult("debuggers", "warn", detail, "sysctl kernel.yama.ptrace_scope=1, or brokers of another user")]
