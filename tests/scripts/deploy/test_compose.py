"""compose.yaml: two brokers as their roles must be, processes that can be scaled, nothing open to others by default."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from contracts.broker import Role, check_role, connect
from contracts.settings import load_settings
from gateway.server import STOP_WITHIN_S
from tests.brokers import BrokerProcess
from tests.scripts.deploy.manifests import IMAGES, ROOT, compose, environment, pods, stages
from workers.pool import STOP_GRACE_S

ROLES: list[Role] = ["frames", "events"]
PROCESSES = ("gateway", "extractor", "live", "recorder")
SERVICES = compose()["services"]


def options_in_kubernetes(role: Role) -> Sequence[str]:
    """What the broker's pod runs, after ``exec valkey-server``; its shell's quotes are of empty texts only."""
    shell = dict(pods())[role]["containers"][0]["command"][-1]
    return [word.replace('""', "") for word in shell.partition("exec valkey-server ")[2].split()]


@pytest.fixture(params=["compose", "kubernetes"])
def started(request: pytest.FixtureRequest, role: Role) -> Iterator[BrokerProcess]:
    """A server with exactly the options of one of the files."""
    options = SERVICES[role]["command"][1:] if request.param == "compose" else options_in_kubernetes(role)
    broker = BrokerProcess("valkey", [*map(str, options)])
    where = options.index("--dir") if "--dir" in options else None
    if where is not None:
        broker.options = [*options[:where], "--dir", str(broker.folder), *options[where + 2 :]]
    yield broker.start()
    broker.stop()


@pytest.mark.parametrize("role", ROLES)
def test_a_broker_as_it_is_started_is_what_its_role_needs(started: BrokerProcess, role: Role) -> None:
    async def main() -> None:
        broker = connect(started.url)
        await check_role(broker, role)
        await broker.aclose()

    asyncio.run(main())
    with started.client() as client:
        assert client.config_get("appendfsync")["appendfsync"] == "always" or role == "frames"
        client.set("written", "1")
        client.shutdown()
    files = {path.name for path in started.folder.iterdir() if path.name != "broker.sock"}
    assert files == (set() if role == "frames" else {"appendonlydir"})


def test_frames_reach_no_disk() -> None:
    frames = SERVICES["frames"]
    assert "volumes" not in frames
    assert [mount.partition(":")[0] for mount in frames["tmpfs"]] == ["/data"]
    assert frames["read_only"] is True
    for name in ("frames", *PROCESSES):
        assert SERVICES[name]["memswap_limit"] == SERVICES[name]["mem_limit"], f"{name} could be swapped out"
        assert SERVICES[name]["ulimits"] == {"core": 0}
        assert SERVICES[name]["read_only"] is True


def test_extractors_can_be_scaled() -> None:
    for name in ("extractor", "live", "recorder"):
        assert not {"container_name", "ports", "hostname"} & set(SERVICES[name])


def test_the_gateway_alone_is_published_and_on_this_machine_only() -> None:
    assert {name for name in SERVICES if "ports" in SERVICES[name]} == {"gateway"}
    assert SERVICES["gateway"]["ports"] == ["127.0.0.1:8000:8000"]
    assert compose()["networks"]["inside"] == {"internal": True}
    assert {name for name in SERVICES if "outside" in SERVICES[name]["networks"]} == {"gateway"}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_has_settings_that_it_takes(name: str) -> None:
    service = SERVICES[name]
    image = service["build"]["dockerfile"].partition("/")[0]
    settings = load_settings(environment(stages(image)[-1]) | service["environment"])
    assert settings.broker_urls() == ("redis://frames:6379", "redis://events:6379")
    assert settings.lanes == {"extractor": {"capture"}, "live": {"live"}}.get(name, settings.lanes)
    mounts = {volume.partition(":")[2] for volume in service.get("volumes", [])}
    assert mounts == {"gateway": {"/data", "/logs"}, "extractor": {"/data"}, "recorder": {"/logs"}}.get(name, set())
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


def test_each_process_is_held_to_little() -> None:
    for service in SERVICES.values():
        held: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
        assert {key: service[key] for key in held} == held
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)
