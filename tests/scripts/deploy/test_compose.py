"""compose.yaml: brokers configured for their roles, processes that scale, and one port on this machine alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from contracts.broker.acl import User, acl_file, password_hash
from contracts.broker.roles import Role, check_role, connect
from contracts.process.pool import STOP_GRACE_S
from contracts.process.settings import load_settings
from gateway.server.uvicorn_server import STOP_WITHIN_S
from scripts.deploy.prepare import hand_over, provide
from tests.scripts.deploy.manifests import IMAGES, ROOT, compose, environment, pods, stages
from tests.support.guarded import ADMIN, GuardedBroker, write_rules

ROLES: list[Role] = ["frames", "events"]
PROCESSES = ("gateway", "extractor", "live", "recorder")
SERVICES = compose()["services"]


def options_in_kubernetes(role: Role) -> Sequence[str]:
    """What the broker's pod runs, after ``exec valkey-server``; its shell's quotes are of empty texts only."""
    shell = dict(pods())[role]["containers"][0]["command"][-1]
    return [word.replace('""', "") for word in shell.partition("exec valkey-server ")[2].split()]


@pytest.fixture(params=["compose", "kubernetes"])
def started(request: pytest.FixtureRequest, role: Role) -> Iterator[GuardedBroker]:
    """A server with exactly the options of one of the files."""
    given = SERVICES[role]["command"][1:] if request.param == "compose" else options_in_kubernetes(role)
    broker = GuardedBroker("valkey", role=role)
    here = {"--dir": str(broker.folder), "--aclfile": str(write_rules(broker.folder / "users.acl", role))}
    assert given[given.index("--aclfile") + 1] == f"/keys/{role}.acl"
    broker.options = [here.get(before, str(word)) for before, word in zip(["", *given], given, strict=False)]
    yield broker.start()
    broker.stop()


@pytest.mark.parametrize("role", ROLES)
async def test_a_broker_with_these_options_is_what_its_role_needs(started: GuardedBroker, role: Role) -> None:
    broker = connect(started.url_of("gateway"))
    assert await check_role(broker, role) is None, "it has a bound"
    await broker.aclose()
    with started.client() as client:
        assert client.config_get("appendfsync")["appendfsync"] == "always" or role == "frames"
        client.set("written", "1")
        client.shutdown()
    files = {path.name for path in started.folder.iterdir()} - {"broker.sock", "users.acl"}
    assert files == (set() if role == "frames" else {"appendonlydir"})


def test_frames_reach_no_disk() -> None:
    frames = SERVICES["frames"]
    assert frames["volumes"] == ["keys-brokers:/keys:ro"]
    assert [mount.partition(":")[0] for mount in frames["tmpfs"]] == ["/data"]
    assert frames["read_only"] is True
    for name in ("frames", *PROCESSES):
        assert SERVICES[name]["memswap_limit"] == SERVICES[name]["mem_limit"], f"{name} could be swapped out"
        assert SERVICES[name]["ulimits"] == {"core": 0}
        assert SERVICES[name]["read_only"] is True


def test_extractors_can_be_scaled() -> None:
    for name in ("extractor", "live", "recorder", "prepare"):
        assert not {"container_name", "ports", "hostname"} & set(SERVICES[name])


def test_the_gateway_alone_is_published_and_on_this_machine_only() -> None:
    assert {name for name in SERVICES if "ports" in SERVICES[name]} == {"gateway"}
    assert SERVICES["gateway"]["ports"] == ["127.0.0.1:8000:8000"]
    assert compose()["networks"]["inside"] == {"internal": True}
    assert {name for name in SERVICES if "outside" in SERVICES[name].get("networks", [])} == {"gateway"}
    assert SERVICES["prepare"]["network_mode"] == "none"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_has_settings_that_it_takes(name: str, tmp_path: Path) -> None:
    service = SERVICES[name]
    image = service["build"]["dockerfile"].partition("/")[0]
    provide(tmp_path)
    urls = dict(line.split("=", 1) for line in (tmp_path / name / "urls").read_text().splitlines())
    given = {key: value or "" for key, value in service["environment"].items()}
    assert {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"} <= given.keys()
    settings = load_settings(environment(stages(image)[-1]) | given | urls)
    for url, role in zip(settings.broker_urls(), ROLES, strict=True):
        assert re.fullmatch(rf"redis://{name}:[0-9a-f]{{48}}@{role}:6379", url)
    assert service["command"] == ["sh", "-ec", f"set -a; . /keys/urls; exec python -m {image}"]
    assert json.loads(stages(image)[-1].last("CMD").rest) == ["python", "-m", image]
    assert settings.lanes == {"extractor": {"capture"}, "live": {"live"}}.get(name, settings.lanes)
    mounts = set(service["volumes"])
    data, logs = "./data:/data", "./logs:/logs"
    text = "./gateway/consent/default.md:/consent.md:ro"
    gateway = {data, logs, text, "studies:/studies:ro", "access:/access:ro", "catalog:/state"}
    folders = {"gateway": gateway, "extractor": {data}, "recorder": {logs}}.get(name, set())
    assert mounts == folders | {f"keys-{name}:/keys:ro"}, "its own password, and no other"
    assert service["user"] == stages(image)[-1].last("USER").rest


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_waits_for_its_brokers_and_is_given_time_to_stop(name: str) -> None:
    service = SERVICES[name]
    assert service["depends_on"] == {role: {"condition": "service_healthy"} for role in ROLES}
    assert int(service["stop_grace_period"].removesuffix("s")) > max(STOP_WITHIN_S, STOP_GRACE_S)
    assert service["restart"] == "unless-stopped"


def test_every_image_is_used_and_no_token_is_written_down() -> None:
    built = {SERVICES[name]["build"]["dockerfile"] for name in PROCESSES}
    assert built == {f"{image}/Dockerfile" for image in IMAGES}
    assert "A3CP_API_TOKEN: ${A3CP_API_TOKEN:-}" in (ROOT / "compose.yaml").read_text()
    assert SERVICES["gateway"]["environment"]["A3CP_API_TOKEN"] in (None, "")
    text = (ROOT / "compose.yaml").read_text()
    assert text.count("A3CP_API_TOKEN: ${A3CP_METRICS_TOKEN:-}") == 1, "what guards the gateway is the gateway's alone"


def test_each_process_has_few_rights() -> None:
    for name, service in SERVICES.items():
        held: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
        assert {key: service[key] for key in held} == held
        assert not {"privileged", "pid"} & set(service)
        assert name == "prepare" or not {"cap_add", "network_mode"} & set(service)


# --- setup services ---------------------------------------------------------------------------------------


def files_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_passwords_are_made_once_and_the_brokers_get_their_hashes(tmp_path: Path) -> None:
    provide(tmp_path)
    first = files_in(tmp_path)
    provide(tmp_path)
    assert files_in(tmp_path) == first
    passwords = {user: first[f"{user}/password"].strip() for user in get_args(User)}
    assert len(set(passwords.values())) == len(passwords) and min(map(len, passwords.values())) == 48
    for role in ROLES:
        rules = first[f"brokers/{role}.acl"]
        assert rules == acl_file(role, {user: password_hash(password) for user, password in passwords.items()})
        assert not [password for password in passwords.values() if password in rules]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o444}


def test_no_passwords_are_in_the_repository() -> None:
    assert not re.search(r"redis://\w+:[^$@]+@", (ROOT / "compose.yaml").read_text())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_that_the_engine_made_belongs_to_the_processes_and_its_group_may_read(tmp_path: Path) -> None:
    made, used, mine = tmp_path / "made", tmp_path / "used", tmp_path / "mine"
    for folder in (made, used, mine):
        folder.mkdir()
    (used / "users").mkdir()
    os.chown(mine, 10001, 7)
    assert [hand_over(folder, 10001, 1000) for folder in (made, mine)] == ["", ""]
    assert (made.stat().st_uid, made.stat().st_gid, made.stat().st_mode & 0o7777) == (10001, 1000, 0o2770)
    assert (mine.stat().st_uid, mine.stat().st_gid) == (10001, 7)
    assert f"set A3CP_USER=0:{used.stat().st_gid}" in hand_over(used, 10001, 1000)
    assert used.stat().st_uid == 0, "files that are there keep their owner"


def test_the_brokers_health_check_asks_as_the_monitor(tmp_path: Path) -> None:
    client = shutil.which("redis-cli")
    if client is None:
        pytest.skip("apt-get install redis-tools")
    provide(tmp_path)
    broker = GuardedBroker("valkey")
    broker.options = ("--save", "", "--aclfile", str(tmp_path / "brokers" / "frames.acl"))
    (tmp_path / "brokers" / "frames.acl").chmod(0o644)
    with (tmp_path / "brokers" / "frames.acl").open("a") as rules:
        rules.write(ADMIN)
    broker.start()
    for role in ROLES:
        (kind, check) = SERVICES[role]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        here = check.replace("$$", "$").replace("/keys/", f"{tmp_path}/brokers/")
        here = here.replace("valkey-cli", f"{client} -s {broker.folder}/broker.sock")
        assert subprocess.run(["sh", "-c", here], timeout=300).returncode == 0
        (tmp_path / "brokers" / "monitor").chmod(0o644)
        assert subprocess.run(["sh", "-c", here.replace("monitor)", "frames.acl)")], timeout=300).returncode != 0
    broker.stop()
