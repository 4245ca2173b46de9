"""The deployment's files pass their own tools and schemas; no engine and no cluster is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.scripts.deploy.manifests import IMAGES, KUBERNETES, ROOT, compose

pytestmark = pytest.mark.images

TOOLS = ROOT / ".cache" / "deploy" / "bin"
VERSIONS = ("1.30", "1.37")
KEDA = """
import sys, yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject
given = [found for found in yaml.safe_load_all(sys.stdin) if found["kind"] == "ScaledObject"]
for found in given: # a name that the model does not know is not in what it gives back
    assert ScaledObject.model_validate(found).model_dump(by_alias=True, exclude_unset=True, mode="json") == found
print(len(given))
"""
COMPOSE = """
import sys, compose_spec
print(*compose_spec.PyCompose.from_json(sys.stdin.read()).services)
"""


def said(command: Sequence[str | Path], given: str = "") -> str:
    """Run a tool, which must succeed; returns what it prints."""
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kustomized(folder: str) -> str:
    return said([TOOLS / "kubectl", "kustomize", KUBERNETES / folder])


@pytest.fixture(scope="module")
def docker_compose() -> str:
    found = shutil.which("docker-compose")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("apt-get install docker-compose")
    assert found is not None
    return found


@pytest.mark.parametrize("image", IMAGES)
def test_a_linter_finds_nothing_in_a_dockerfile(image: str) -> None:
    assert said([TOOLS / "hadolint", "--no-color", f"{image}/Dockerfile"]) == ""


def test_a_linter_finds_a_fault_in_a_dockerfile(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text((ROOT / "recorder" / "Dockerfile").read_text().replace("3.11-slim-bookworm", "latest"))
    done = subprocess.run([TOOLS / "hadolint", bad], capture_output=True, text=True)
    assert done.returncode != 0 and "DL3007" in done.stdout


def test_compose_reads_its_file(docker_compose: str) -> None:
    read = yaml.safe_load(said([docker_compose, "config"]))
    assert set(read["services"]) == {"prepare", "frames", "events", "gateway", "extractor", "live", "recorder"}
    assert read["services"]["frames"]["command"][2] == ""
    assert said([docker_compose, "config", "--quiet"]) == ""


def test_compose_reads_folders_and_a_token_from_the_environment(
    docker_compose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"A3CP_DATA": "./data", "A3CP_LOGS": "./logs", "A3CP_USER": "1000:1000", "A3CP_API_TOKEN": "secret"}
    of_study = {"A3CP_CONSENT": "required", "A3CP_CONSENT_FILE": "./study.md", "A3CP_STUDIES_DIR": "./studies"}
    of_study |= {"A3CP_ACCESS_DIR": "./access", "A3CP_ACCESS_FILE": "/access/access.toml", "A3CP_RETENTION_DAYS": "30"}
    for name, value in (given | of_study).items():
        monkeypatch.setenv(name, value)
    gateway = yaml.safe_load(said([docker_compose, "config"]))["services"]["gateway"]
    assert gateway["environment"]["A3CP_API_TOKEN"] == "secret"
    assert (gateway["environment"]["A3CP_CONSENT"], gateway["environment"]["A3CP_CONSENT_FILE"]) == (
        "required",
        "/consent.md",
    )
    assert gateway["environment"]["A3CP_ACCESS_FILE"] == "/access/access.toml"
    assert gateway["environment"]["A3CP_RETENTION_DAYS"] == "30"
    assert gateway["user"] == "1000:1000"
    folders = [f"{ROOT}/data:/data:rw", f"{ROOT}/logs:/logs:rw", "catalog:/state:rw"]
    texts = [f"{ROOT}/study.md:/consent.md:ro", f"{ROOT}/studies:/studies:ro", f"{ROOT}/access:/access:ro"]
    assert gateway["volumes"] == ["keys-gateway:/keys:ro", *texts, *folders]


def test_the_specification_of_compose_knows_every_word() -> None:
    services = said([TOOLS / "python", "-c", COMPOSE], json.dumps(compose()))
    assert "extractor" in services


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_its_schema(version: str, tmp_path: Path) -> None:
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(kustomized("base"))
    validate = [TOOLS / "kubernetes-validate", "-k", version, "--strict", manifests]
    assert said(validate).count(" passed ") == len(list(yaml.safe_load_all(manifests.read_text())))
    manifests.write_text(manifests.read_text().replace("terminationGracePeriodSeconds", "terminationGraceSeconds", 1))
    assert subprocess.run(validate, capture_output=True).returncode != 0


def test_the_scaler_fits_keda_s_schema_and_has_the_count_to_itself() -> None:
    objects = list(yaml.safe_load_all(kustomized("keda")))
    assert said([TOOLS / "python", "-c", KEDA], kustomized("keda")) == "1\n"
    replicas = {found["metadata"]["name"]: found["spec"] for found in objects if found["kind"] == "Deployment"}
    assert "replicas" not in replicas["extractor"] and "replicas" in replicas["gateway"]
    assert {found["metadata"].get("namespace", "a3cp") for found in objects} == {"a3cp"}
