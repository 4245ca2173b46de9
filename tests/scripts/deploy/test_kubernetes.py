"""The manifests fit the processes; ``./scripts/images`` checks them against the schemas."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from contracts.process.pool import STOP_GRACE_S
from contracts.process.settings import load_settings
from gateway.server.uvicorn_server import STOP_WITHIN_S
from tests.scripts.deploy.manifests import KUBERNETES, environment, objects, pods, stages

PROCESSES = {"gateway": "gateway", "recorder": "recorder", "extractor": "workers", "live": "workers"}
LEAVES_SERVICE_S = 5  # the preStop of the gateway
PODS = dict(pods())


def named(kind: str, folder: str = "base") -> dict[str, Any]:
    return {found["metadata"]["name"]: found for found in objects(folder) if found["kind"] == kind}


def container(name: str) -> dict[str, Any]:
    [only] = PODS[name]["containers"]
    found: dict[str, Any] = only
    return found


def image_of(name: str) -> str:
    image: str = container(name)["image"]
    return image.removeprefix("a3cp-")


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_has_settings_that_it_takes(name: str) -> None:
    assert image_of(name) == PROCESSES[name]
    given = {entry["name"]: entry.get("value", "a-token-of-ours") for entry in container(name)["env"]}
    secret = {
        entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in container(name)["env"] if "valueFrom" in entry
    }
    assert secret["BROKER_PASSWORD"] == {"name": "a3cp-passwords", "key": name}, "its own, and no other"
    assert secret["A3CP_API_TOKEN"]["key"] == ("api-token" if name == "gateway" else "metrics-token")
    given = {key: value.replace("$(BROKER_PASSWORD)", "pw") for key, value in given.items()}
    settings = load_settings(
        environment(stages(image_of(name))[-1]) | named("ConfigMap")["a3cp"]["data"] | given  # type: ignore[operator]
    )
    services = named("Service")
    for url, role in zip(settings.broker_urls(), ("frames", "events"), strict=True):
        assert url == f"redis://{name}:pw@{role}:{services[role]['spec']['ports'][0]['port']}"
    assert settings.lanes == {"extractor": {"capture"}, "live": {"live"}}.get(name, settings.lanes)
    assert settings.api_token is not None
    assert container(name)["ports"][0]["containerPort"] == (
        settings.port if name == "gateway" else settings.metrics_port
    )


@pytest.mark.parametrize("name", PROCESSES)
def test_probes_ask_what_the_process_answers(name: str) -> None:
    probes = {kind: container(name)[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    port = container(name)["ports"][0]["name"]
    assert {probe["port"] for probe in probes.values()} == {port}
    assert probes["livenessProbe"]["path"] == probes["startupProbe"]["path"] == "/livez"
    assert probes["readinessProbe"]["path"] == ("/readyz" if name == "gateway" else "/livez")


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_given_the_time_that_it_needs_to_stop(name: str) -> None:
    needed = STOP_WITHIN_S + LEAVES_SERVICE_S if name == "gateway" else STOP_GRACE_S
    assert PODS[name]["terminationGracePeriodSeconds"] >= needed + 5


@pytest.mark.parametrize("name", [*PROCESSES, "frames", "events"])
def test_a_pod_has_few_rights(name: str) -> None:
    pod, only = PODS[name], container(name)
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # A3CP_CAPTURE_* of a Service would be a setting that does not exist
    assert {"cpu", "memory"} <= set(only["resources"]["requests"]) and "memory" in only["resources"]["limits"]


def test_the_user_is_the_image_s() -> None:
    for name, image in PROCESSES.items():
        user, group = map(int, stages(image)[-1].last("USER").rest.split(":"))
        security = PODS[name]["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user, group, group)


def test_frames_reach_no_disk() -> None:
    pod, only = PODS["frames"], container("frames")
    assert [volume["emptyDir"]["medium"] for volume in pod["volumes"] if "emptyDir" in volume] == ["Memory"]
    assert {volume["name"] for volume in pod["volumes"] if "emptyDir" not in volume} == {"rules"}
    assert only["resources"]["requests"] == only["resources"]["limits"]  # guaranteed: never swapped
    assert "ulimit -c 0" in only["command"][-1]
    assert named("Deployment")["frames"]["spec"]["replicas"] == 1
    for name in PROCESSES:
        scratch = {volume["name"]: volume["emptyDir"] for volume in PODS[name]["volumes"] if "emptyDir" in volume}
        assert scratch.pop("tmp")["medium"] == "Memory"
        assert scratch.keys() == ({"state"} if name == "gateway" else set()), "its catalog has no picture"


def test_a_volume_that_several_pods_write_to_can_be_mounted_by_several() -> None:
    for claim in named("PersistentVolumeClaim").values():
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    mounts = {name: {mount["mountPath"] for mount in container(name)["volumeMounts"]} - {"/tmp"} for name in PROCESSES}
    assert mounts.pop("gateway") == {"/data", "/logs", "/state", "/studies", "/access"}
    assert mounts == {"extractor": {"/data"}, "recorder": {"/logs"}, "live": set()}


@pytest.mark.parametrize("name", PROCESSES)
def test_draining_a_node_leaves_one_pod_of_several(name: str) -> None:
    budget = named("PodDisruptionBudget")[name]["spec"]
    assert budget["selector"]["matchLabels"] == {"app.kubernetes.io/component": name}
    replicas = named("Deployment")[name]["spec"]["replicas"]
    assert budget.get("maxUnavailable") == 1 or 0 < budget["minAvailable"] < replicas


def test_every_selector_finds_its_pods() -> None:
    labels = {"app.kubernetes.io/component": None}
    for found in [*named("Deployment").values(), *named("StatefulSet").values()]:
        assert found["spec"]["selector"]["matchLabels"] == found["spec"]["template"]["metadata"]["labels"]
    for name, service in named("Service").items():
        assert service["spec"]["selector"] == labels | {"app.kubernetes.io/component": name}
        assert service["spec"]["ports"][0]["targetPort"] == container(name)["ports"][0]["name"]


def test_keda_reaches_the_broker_that_it_asks() -> None:
    [scaled] = named("ScaledObject", "keda").values()
    namespace = yaml.safe_load((KUBERNETES / "base" / "kustomization.yaml").read_text())["namespace"]
    service = named("Service")["frames"]["spec"]["ports"][0]["port"]
    addresses = {trigger["metadata"]["address"] for trigger in scaled["spec"]["triggers"]}
    assert addresses == {f"frames.{namespace}.svc.cluster.local:{service}"}
    assert scaled["spec"]["scaleTargetRef"] == {"name": "extractor"}
    policies = named("NetworkPolicy", "keda")
    assert policies["frames-for-keda"]["spec"]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/component": "frames"
    }


@pytest.mark.parametrize("role", ["frames", "events"])
def test_a_broker_knows_users_and_its_probes_ask_as_the_monitor(role: str) -> None:
    only = container(role)
    assert f"--aclfile /keys/{role}.acl" in " ".join(only["command"][-1].split())
    [rules] = [volume["secret"] for volume in PODS[role]["volumes"] if volume["name"] == "rules"]
    assert rules == {"secretName": "a3cp-acl", "items": [{"key": f"{role}.acl", "path": f"{role}.acl"}]}
    assert {"name": "rules", "mountPath": "/keys", "readOnly": True} in only["volumeMounts"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert only[probe]["exec"]["command"][-1].startswith("valkey-cli --user monitor ping")
    assert {entry["valueFrom"]["secretKeyRef"]["key"] for entry in only["env"]} == {"monitor"}


def test_a_process_that_reads_the_bytes_of_clients_reaches_the_brokers_only() -> None:
    policy = named("NetworkPolicy")["workers"]["spec"]
    assert policy["podSelector"]["matchExpressions"][0]["values"] == ["extractor", "live", "recorder"]
    assert policy["policyTypes"] == ["Egress"]
    reached = [rule["to"][0]["podSelector"] for rule in policy["egress"]]
    assert reached[0]["matchExpressions"][0]["values"] == ["frames", "events"]
    assert reached[1:] == [{"matchLabels": {"k8s-app": "kube-dns"}}]


def test_keda_asks_as_the_monitor() -> None:
    [scaled] = named("ScaledObject", "keda").values()
    assert {trigger["authenticationRef"]["name"] for trigger in scaled["spec"]["triggers"]} == {"monitor"}
    [authentication] = named("TriggerAuthentication", "keda").values()
    keys = {target["parameter"]: target["key"] for target in authentication["spec"]["secretTargetRef"]}
    assert keys == {"username": "monitor-user", "password": "monitor"}
