"""The rules of each image, checked in its Dockerfile; ``./scripts/images`` builds them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from contracts.process.settings import load_settings
from tests.scripts.deploy.manifests import IMAGES, ROOT, Stage, environment, stages
from tests.scripts.deploy.rehearsal import Ignored

PYTHON = "python:3.11-slim-bookworm"


def image(name: str) -> Stage:
    return stages(name)[-1]


@pytest.mark.parametrize("name", IMAGES)
def test_it_is_small_and_from_named_versions(name: str) -> None:
    bases = {stage.base for stage in stages(name)}
    assert image(name).base == PYTHON
    assert bases - {"node:22-bookworm-slim"} == {PYTHON}
    assert all(step.options or "/cache" not in step.rest for stage in stages(name) for step in stage.steps)


@pytest.mark.parametrize("name", IMAGES)
def test_its_steps_are_those_of_any_processor(name: str) -> None:
    """An engine builds for the processor it is asked for; only stages with files for any processor run natively."""
    text = (ROOT / name / "Dockerfile").read_text()
    assert not re.search(r"x86|amd64|i386|aarch64|arm64|armv|manylinux", text)
    native = re.findall(r"^FROM --platform=\$BUILDPLATFORM \S+ AS (\S+)$", text, re.MULTILINE)
    assert native == (["pages", "lock"] if name == "gateway" else ["lock"])
    assert text.count("--platform") == len(native)


@pytest.mark.parametrize("name", IMAGES)
def test_it_runs_as_a_user_of_no_rights_given_by_number(name: str) -> None:
    user = image(name).last("USER").rest
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert image(name).steps.index(image(name).last("USER")) > image(name).steps.index(image(name).last("RUN"))


@pytest.mark.parametrize("name", IMAGES)
def test_the_process_gets_the_signals_itself(name: str) -> None:
    assert json.loads(image(name).last("CMD").rest) == ["python", "-m", name]
    assert image(name).last("STOPSIGNAL").rest == "SIGTERM"
    assert not [step for step in image(name).steps if step.word == "ENTRYPOINT"]


@pytest.mark.parametrize("name", IMAGES)
def test_its_health_check_asks_its_own_process(name: str) -> None:
    settings = load_settings(environment(image(name)))
    port = settings.port if name == "gateway" else settings.metrics_port
    check = image(name).last("HEALTHCHECK").rest
    assert check.startswith("CMD [")
    assert f"'127.0.0.1', {port}" in check and "/livez" in check
    assert image(name).last("EXPOSE").rest == str(port)
    assert settings.host == "0.0.0.0"


@pytest.mark.parametrize("name", IMAGES)
def test_it_holds_no_secret_and_no_address(name: str) -> None:
    text = (ROOT / name / "Dockerfile").read_text()
    assert not re.search(r"TOKEN|PASSWORD|SECRET|_URL|^ARG|^ADD|://", text, re.MULTILINE)


@pytest.mark.parametrize("name", IMAGES)
def test_it_has_its_own_room_and_the_contracts_only(name: str) -> None:
    copied = {step.rest for stage in stages(name) for step in stage.steps if step.word == "COPY" and not step.options}
    rooms = {rest.split()[0] for rest in copied if rest.split()[0] in ("contracts", "scripts", "tests", *IMAGES)}
    assert rooms == {"contracts", name}


@pytest.mark.parametrize("name", IMAGES)
def test_packages_are_wheels_and_checked_by_hash(name: str) -> None:
    [install] = [step.rest for stage in stages(name) for step in stage.steps if " install " in step.rest]
    assert "--require-hashes" in install and "--no-deps" in install and "--only-binary :all:" in install
    assert "-r /build/requirements.lock" in install


def test_only_the_files_that_images_need_are_sent_to_the_engine() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert sent == {"contracts", *IMAGES, "pyproject.toml", "requirements.lock", "scripts/deploy/image.py"}
    assert {"gateway/static", "gateway/web/node_modules", "**/__pycache__"} <= set(lines)


def test_every_file_that_a_process_reads_is_sent() -> None:
    listed = subprocess.run(["git", "ls-files", "contracts", *IMAGES], cwd=ROOT, capture_output=True, check=True)
    of_rooms = [Path(name) for name in os.fsdecode(listed.stdout).splitlines() if not name.startswith("gateway/web/")]
    ignored = Ignored()
    assert [path for path in of_rooms if ignored(ROOT / path) and path.name not in ("README.md", "Dockerfile")] == []
