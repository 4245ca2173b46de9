"""The list of commands that the cases lose has every command that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from contracts.broker.roles import Role
from tests.conftest import BrokerPair, start_pair
from tests.integration.faults.harness import Fault, Plan, Rig, play, rig_on
from tests.integration.faults.lost_replies import COMMANDS, LOST, TIME_IS_UP, Sender, ask, senders, sent, slowly
from tests.integration.faults.proxy import Command
from tests.integration.faults.rig import REPOSITORY
from tests.integration.faults.upload_faults import LOST as LOST_OF_UPLOADS
from tests.integration.faults.uploads import Upload


@pytest.fixture
def pair() -> Iterator[BrokerPair]:
    yield from start_pair("valkey")


OPERATOR = {
    *("retry_letter", "drop_letter", "take_back", "revive"),
    *("keep_failed", "drop_failed", "release_failed", "failed_slot"),
    "watch_retention",
}
"""Steps of an operator, and those with failed captures and retention, which are off unless a setting says so.
test_failed_retry.py, tests/gateway/operate and tests/gateway/library/test_retention.py cut them off and lose replies.
"""


def test_some_case_loses_each_script() -> None:
    scripts = {path.stem for path in (REPOSITORY / "contracts" / "state" / "lua").rglob("*.lua")}
    of_captures = {name for name in scripts - OPERATOR if not name.startswith("live_")}  # this lane keeps nothing
    assert scripts > OPERATOR
    assert not of_captures - {sender.name for sender in LOST | LOST_OF_UPLOADS}


def asking(enough: Callable[[], bool]) -> Fault:
    """No fault: ask until there is enough of it. A machine that is too slow for that fails nothing here."""

    async def fault(rig: Rig, armed: asyncio.Event) -> None:
        armed.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(45.0):
                while not enough():
                    await ask(rig)
                    await asyncio.sleep(0.1)

    return fault


async def recorded(rig: Rig, plan: Plan, fault: Fault) -> None:
    """Play until a capture is recorded, which may take several plays on a slow machine."""
    for _ in range(3):
        report = await play(rig, plan, fault, TIME_IS_UP)
        assert report.ok, report.findings
        if report.recorded:
            return
    raise AssertionError("nothing was recorded in three plays")


PUBLISH = Sender("events", "extractor", "publish")


@dataclass
class Named:
    """Who sends commands that name one of these captures. What comes by the clock names none, so nothing depends on
    what a process did meanwhile."""

    captures: set[bytes] = field(default_factory=set)
    senders: set[Sender] = field(default_factory=set)

    def of_uploads(self, uploads: list[Upload]) -> list[Upload]:
        """Note these ones, before they start."""
        self.captures |= {upload.capture_id.encode() for upload in uploads}
        return uploads

    def watch(self, fault: Fault) -> Fault:
        """The fault, and note who sends what beside it."""

        async def watching(rig: Rig, armed: asyncio.Event) -> None:
            for role in get_args(Role):
                rig.proxy(role).trap("*", where=partial(self._note, role))
            await fault(rig, armed)

        return watching

    def _note(self, role: Role, command: Command) -> bool:
        if any(capture in argument for argument in command.arguments for capture in self.captures):
            self.senders.add(Sender(role, command.kind, command.name))
        return False


BY_QUESTIONS = set(senders("events", "gateway", "get hgetall"))
"""What the harness's own questions at ``/captures/<id>`` make the gateway send, about uploads too."""

BY_FAULTS_ALONE = LOST - set(COMMANDS)
"""What processes send when something is amiss, which a slow machine can be. What clients may be told then is no finding
here either (`TIME_IS_UP`): this is about what is sent."""

BY_AN_EARLY_GATEWAY = {*senders("frames", "gateway", "xgroup"), *senders("events", "gateway", "xgroup")}
"""A gateway that checks the brokers before the workers have started creates their groups. No case can bring that about,
so `tests.gateway.monitoring.test_health` loses these replies."""


BY_A_LATE_SWEEP = set(senders("events", "recorder", "xrange zrem"))
"""The sweep looks for the event of a capture that has no line 30 s after its open: on a slow machine only.
`tests.recorder.test_sweep` loses the reply to the look; to forget a capture twice is harmless."""


@pytest.mark.timeout(600)
async def test_some_case_loses_each_command_of_an_ordinary_load(pair: BrokerPair, tmp_path: Path) -> None:
    async with rig_on(pair, tmp_path, model="stand_in") as rig:
        named = Named()
        plan = Plan(captures=0, uploads=4, make_uploads=named.of_uploads)
        await recorded(rig, plan, named.watch(asking(lambda: PUBLISH in named.senders)))
        assert named.senders >= {Sender("frames", "gateway", "open"), PUBLISH}
        unlisted = named.senders - LOST_OF_UPLOADS - BY_QUESTIONS - BY_FAULTS_ALONE - BY_A_LATE_SWEEP
        assert not unlisted, sorted(map(str, unlisted))
        await recorded(rig, Plan(make=slowly), asking(lambda: set(COMMANDS) <= sent(rig)))
        every = LOST | LOST_OF_UPLOADS | BY_AN_EARLY_GATEWAY | BY_A_LATE_SWEEP
        assert not sent(rig) - every, sorted(map(str, sent(rig) - every))
