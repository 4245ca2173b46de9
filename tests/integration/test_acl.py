"""Every process under a user of its own that may do no more than it needs: all that a user of the system does works,
and no broker refused anything; who has less, or a wrong password, ends with one line."""

from __future__ import annotations

import asyncio
import re
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import redis
from pydantic import SecretStr
from rich.console import Console

from contracts.broker.acl import User, acl_file, password_hash
from contracts.broker.roles import Role
from contracts.process.settings import Settings
from contracts.rules.paths import session_log_path
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import verify_log
from scripts.client import CaptureClient
from scripts.clips.stream import stream_capture
from scripts.commands.doctor import doctor
from scripts.commands.inspect import inspect
from scripts.stack.stack import Stack
from scripts.stack.supervision import PartSpec
from tests.integration.faults.clusters import BrokerCluster
from tests.integration.stacks import USER, FaceClip, answered_live, jpegs
from tests.integration.test_refusals import PROCESSES, command, environ
from tests.support.clips import face_video
from tests.support.guarded import (
    OPTIONS,
    GuardedBroker,
    denials,
    encoded_password_of,
    guarded,
    password_of,
    write_rules,
)
from tests.support.waiting import DEADLINE_S, until

FRAMES = 32
ROLES: tuple[Role, ...] = get_args(Role)
UrlOf = Callable[[str], dict[Role, str]]
"""A process's URLs by role."""


class Guarded:
    """Both roles, known to each process by a URL of its own."""

    def __init__(self, url_of: UrlOf, clients: list[redis.Redis]) -> None:
        self.url_of = url_of
        self._clients = clients

    def environ_of(self, user: str) -> dict[str, str]:
        return {f"A3CP_{role.upper()}_URL": url for role, url in self.url_of(user).items()}

    def denials(self) -> list[tuple[str, ...]]:
        return [entry for client in self._clients for entry in denials(client)]


@contextmanager
def two_brokers() -> Iterator[Guarded]:
    """Valkey."""
    brokers = {role: guarded("valkey", role) for role in ROLES}
    try:
        yield Guarded(
            lambda user: {role: broker.url_of(user) for role, broker in brokers.items()},
            [broker.client() for broker in brokers.values()],
        )
    finally:
        for broker in brokers.values():
            broker.stop()


@contextmanager
def two_clusters(folder: Path) -> Iterator[Guarded]:
    """Three masters of Redis 7.0 for each role."""
    everything = "user default on nopass ~* &* +@all\n"  # is the test's own, and the one that makes the cluster
    clusters: dict[Role, BrokerCluster] = {}
    try:
        for role in ROLES:
            rules = write_rules(folder / f"{role}.acl", role)
            rules.write_text(rules.read_text().replace("user default reset off\n", everything))
            clusters[role] = BrokerCluster("redis", (*OPTIONS[role], "--aclfile", str(rules)))
            clusters[role].start()
        yield Guarded(
            lambda user: {
                role: cluster.url.replace("://", f"://{user}:{encoded_password_of(user)}@")
                for role, cluster in clusters.items()
            },
            [master.client() for cluster in clusters.values() for master in cluster.masters],
        )
    finally:
        for cluster in clusters.values():
            cluster.stop()


class GuardedStack(Stack):
    """A stack of which each part has the URLs of its own user."""

    def __init__(self, guarded: Guarded, settings: Settings, **options: Any) -> None:
        super().__init__(settings, **options)
        self._guarded = guarded

    def _launch(self, spec: PartSpec, after: Callable[[], Awaitable[None]] | None = None) -> None:
        user = spec.name.rpartition("-")[0] or spec.name
        super()._launch(replace(spec, environ={**spec.environ, **self._guarded.environ_of(user)}), after)


def settings_of(guarded: Guarded, user: str, folder: Path) -> Settings:
    urls = {f"{role}_url": SecretStr(url) for role, url in guarded.url_of(user).items()}
    folders = {"data_root": folder / "data", "log_root": folder / "logs", "state_dir": folder / "state"}
    return Settings(**folders, **urls, port=0)


async def upload(address: str, session_id: str) -> dict[str, Any]:
    names = {"user_id": USER, "session_id": session_id, "record_id": str(uuid.uuid4()), "capture_id": str(uuid.uuid4())}
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S, trust_env=False) as http:
        answer = await http.post("/video/submit", data=names, files={"file": ("a.mp4", face_video(FRAMES))})
        assert answer.status_code == 202, answer.text

        async def over() -> Any:
            told = (await http.get(f"/video/status/{names['capture_id']}")).json()
            return told if told["status"] in ("done", "failed") else None

        return dict(await until(over, "the upload is over"))


async def use(stack: Stack, settings: Settings, whole_lane: bool) -> None:
    """Do what a user does, and run every command of the operator meanwhile."""
    async with CaptureClient(stack.address) as gateway:
        session_id = await gateway.start_session(USER)
        assert (await stream_capture(gateway, FaceClip(FRAMES), user_id=USER, session_id=session_id)).recorded
        async with answered_live(gateway, "pose", jpegs(1)[0]) as (_, answer):
            assert answer.pipeline == "pose"
            page = StringIO()
            assert await asyncio.to_thread(inspect, settings, Console(file=page, width=120)) == 0
            assert "1 live; sessions: 1" in page.getvalue()
        if whole_lane:
            assert (await upload(stack.address, session_id))["status"] == "done"
        assert await asyncio.to_thread(doctor, settings, Console(file=page, width=120)) == 0, page.getvalue()
        await gateway.end_session(USER, session_id)
    report = verify_log(session_log_path(settings.log_root, USER, session_id), ArtifactSource.of(settings))
    assert report.ok and len(report.captures) == 1 + whole_lane


def run_whole(guarded: Guarded, folder: Path, *, whole_lane: bool) -> None:
    said: list[str] = []
    operator = settings_of(guarded, "operator", folder)

    async def main() -> None:
        stack = GuardedStack(guarded, operator, live=1, show=lambda name, line: said.append(f"{name} | {line}"))
        try:
            async with stack:
                await stack.ready(DEADLINE_S)
                await use(stack, operator, whole_lane)
        finally:
            print("\n".join(said))

    try:
        asyncio.run(main())
    finally:
        refused = guarded.denials()
    assert refused == []  # the stop of a process sends commands too
    assert "p/" not in "".join(said) and "secret" not in "".join(said), "no password in a log"


def test_everything_works_with_no_more_than_the_rights_of_each_process(tmp_path: Path) -> None:
    with two_brokers() as guarded:
        run_whole(guarded, tmp_path, whole_lane=True)


def test_the_same_rights_are_enough_on_clusters(tmp_path: Path) -> None:
    with two_clusters(tmp_path) as guarded:
        run_whole(guarded, tmp_path, whole_lane=False)


@pytest.fixture(scope="module")
def brokers() -> Iterator[dict[Role, GuardedBroker]]:
    pair = {role: guarded("valkey", role) for role in ROLES}
    yield pair
    for broker in pair.values():
        broker.stop()


def ended(process: str, brokers: dict[Role, GuardedBroker], folder: Path, password: str) -> str:
    """The last line of a process that must end by itself."""
    urls = [f"unix://{process}:{password}@{brokers[role].folder}/broker.sock" for role in ROLES]
    done = subprocess.run(command(process), env=environ(*urls, folder), capture_output=True, text=True, timeout=300)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr and password not in done.stderr and password_of(process) not in done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_wrong_password_is_one_line_that_names_its_variable(
    process: str, brokers: dict[Role, GuardedBroker], tmp_path: Path
) -> None:
    line = ended(process, brokers, tmp_path, "wrong-one")
    assert line.startswith(f"a3cp {process}: the ")
    assert "it does not accept the user and the password in A3CP_" in line


@pytest.mark.parametrize(
    ("process", "role", "right"),
    [
        ("gateway", "events", "+xinfo|groups"),
        ("extractor", "frames", "+xgroup|create"),
        ("recorder", "events", "+xreadgroup"),  # the process needs this right in the middle of its work
    ],
)
def test_a_missing_right_is_one_line_that_says_where_the_rights_are(
    process: User, role: Role, right: str, brokers: dict[Role, GuardedBroker], tmp_path: Path
) -> None:
    rules = acl_file(role, {process: password_hash(password_of(process))}).splitlines()[1]
    words = re.findall(r"\([^)]*\)|\S+", rules)[2:]
    with brokers[role].client() as admin:
        admin.execute_command("ACL", "SETUSER", process, *(word.replace(f"{right} ", "") for word in words))
        try:
            line = ended(process, brokers, tmp_path, encoded_password_of(process))
        finally:
            admin.execute_command("ACL", "SETUSER", process, *words)
        assert (process, right.strip("+")) in {(entry[0], entry[3]) for entry in denials(admin)}
    assert line.startswith(f"a3cp {process}: the {role} broker is refused: it forbids a command (")
    assert f"`a3cp acl {role}`" in line
