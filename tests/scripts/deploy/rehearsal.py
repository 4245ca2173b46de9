"""An image built without an engine: every step of its Dockerfile, in a folder of its own for each stage.

``FROM python`` is this machine's Python with a pip, ``FROM node`` its node. A path that is the image's (``/opt/venv``,
``/app``, ``/data`` …) is that path below the stage's folder; ports are others, because those of this machine may be
taken. All else is as it is written: commands, environment, user, health check.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.scripts.deploy.manifests import ROOT, Stage, stages

_OURS = re.compile(r"(?<![\w./:\-])/(?=(?:app|build|cache|data|logs|opt|state|tmp)\b)")
IMAGE_USER = 10001


class Rehearsal:
    """One image, built below ``folder``. ``ports`` says which port stands for which of the image's."""

    def __init__(self, image: str, folder: Path, ports: Mapping[int, int]) -> None:
        self.image = image
        self._folder = folder / image
        self._ports = ports
        self._built: dict[str, _Built] = {}
        for number, stage in enumerate(stages(image)):
            self._built[stage.name or "image"] = self._build(stage, self._folder / (stage.name or f"image-{number}"))
        self.final = self._built["image"]

    def _build(self, stage: Stage, root: Path) -> _Built:
        built = _Built(stage, root, self._ports)
        for step in stage.steps:
            if step.word == "WORKDIR":
                built.workdir = built.path(step.rest)
                built.workdir.mkdir(parents=True, exist_ok=True)
            elif step.word == "ENV":
                built.set(step.rest)
            elif step.word == "COPY":
                source = next((option.partition("=")[2] for option in step.options if "--from=" in option), None)
                built.copy(self._built[source].root if source else None, step.rest)
            elif step.word == "RUN":
                built.run(step.rest)
        return built


class _Built:
    """A stage so far: its folder, its environment, where its next command runs."""

    def __init__(self, stage: Stage, root: Path, ports: Mapping[int, int]) -> None:
        self.root = root
        self.stage = stage
        self._ports = ports
        self.workdir = root
        for name in ("tmp", "base"):
            (root / name).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        _base(root / "base")
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "A3CP_", "STREAM_", "PYTEST", "COV_"))
        } | {"PATH": f"{root}/base:{os.environ['PATH']}", "HOME": f"{root}/tmp"}

    def path(self, text: str) -> Path:
        return self.root / text.lstrip("/") if text.startswith("/") else self.workdir / text

    def ours(self, text: str) -> str:
        """The text, with paths and ports of this rehearsal."""
        for theirs, port in self._ports.items():
            text = re.sub(rf"\b{theirs}\b", str(port), text)
        return _OURS.sub(f"{self.root}/", text)

    def set(self, text: str) -> None:
        for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', self.ours(text)):
            self.environ[name] = value.strip('"').replace("$PATH", self.environ["PATH"])

    def run(self, command: str) -> None:
        command = _OURS.sub(f"{self.root}/", command)
        if os.geteuid() != 0:
            command = f"chown() {{ :; }}; {command}"
        cache = ROOT / ".cache" / "images"
        cache.mkdir(parents=True, exist_ok=True)
        (self.root / "cache").symlink_to(cache)
        done = subprocess.run(
            ["sh", "-ec", command], cwd=self.workdir, env=self.environ, capture_output=True, text=True, umask=0o022
        )
        (self.root / "cache").unlink()
        assert done.returncode == 0, f"RUN {command}\n{done.stdout}{done.stderr}"

    def copy(self, stage_root: Path | None, text: str) -> None:
        *sources, target = text.split()
        for source in sources:
            origin = (stage_root or ROOT) / source.lstrip("/")
            into = self.path(target)
            if len(sources) > 1 or target.endswith("/"):
                into = into / origin.name if origin.is_file() else into
            _copy(origin, into, Ignored() if stage_root is None else None)

    def start(self, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """The image's command, as the image's user if this one may become it."""
        command = json.loads(self.ours(self.stage.last("CMD").rest))
        return subprocess.Popen(command, cwd=self.workdir, env=self.environ | environ, **self._as_user())

    def healthy(self) -> bool:
        """Run the health check; returns whether it passes."""
        command = json.loads(self.ours(self.stage.last("HEALTHCHECK").rest.partition("CMD ")[2]))
        check = subprocess.run(
            command, cwd=self.workdir, env=self.environ, stderr=subprocess.DEVNULL, timeout=300, **self._as_user()
        )
        return check.returncode == 0

    def python(self, code: str) -> str:
        """Run code with the image's Python; returns what it prints."""
        done = subprocess.run(
            ["python", "-c", code],
            cwd=self.workdir,
            env=self.environ,
            capture_output=True,
            text=True,
            **self._as_user(),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _as_user(self) -> dict[str, object]:
        user, group = map(int, self.stage.last("USER").rest.split(":"))
        return {"user": user, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}


class Ignored:
    """.dockerignore, as an engine reads it: the last pattern that fits decides."""

    def __init__(self) -> None:
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        self._patterns = [line for line in lines if line and not line.startswith("#")]

    def __call__(self, path: Path) -> bool:
        name = path.relative_to(ROOT).as_posix()
        kept = True
        for pattern in self._patterns:
            if _fits(pattern.removeprefix("!"), name):
                kept = pattern.startswith("!")
        return not kept


def _fits(pattern: str, name: str) -> bool:
    """Whether a pattern names this file, or a folder that it is in."""
    parts = name.split("/")
    above = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts)
    return any(fnmatch.fnmatchcase(folder, pattern) and folder.count("/") == pattern.count("/") for folder in above)


def _copy(origin: Path, into: Path, ignored: Ignored | None) -> None:
    for path in _files(origin):
        if ignored is not None and ignored(path):
            continue
        place = into / path.relative_to(origin) if origin.is_dir() else into
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            place.symlink_to(path.readlink())
        elif ignored is None:
            os.link(path, place)  # large files come from an earlier stage
        else:
            shutil.copy(path, place)
            place.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    assert into.exists(), f"COPY {origin}: nothing of it is sent to an engine"


def _files(origin: Path) -> Iterator[Path]:
    if not origin.is_dir():
        assert origin.is_file(), f"COPY {origin}: there is no such file"
        yield origin
        return
    for folder, folders, files in os.walk(origin):
        folders[:] = (
            [name for name in folders if name not in ("node_modules", "__pycache__")] if origin == ROOT else folders
        )
        yield from (Path(folder) / name for name in files)
        yield from (Path(folder) / name for name in folders if (Path(folder) / name).is_symlink())


def _base(folder: Path) -> None:
    """``python`` and ``pip`` of the base image, and ``npm`` where this machine's node has none."""
    _program(folder / "python", [_interpreter()])
    _program(folder / "pip", [sys.executable, "-m", "pip"])
    if cli := os.environ.get("NPM_CLI"):
        _program(folder / "npm", ["node", cli])


def _program(path: Path, command: Sequence[str]) -> None:
    path.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
    path.chmod(0o755)


def _interpreter() -> str:
    """A Python 3.11 that a user of no rights may run: this one may be in a user's home."""
    for path in (os.path.realpath(sys.executable), "/usr/bin/python3.11"):
        runs = (
            subprocess.run(
                [path, "-c", "import venv"],
                capture_output=True,
                cwd="/",
                **({"user": IMAGE_USER} if os.geteuid() == 0 else {}),
            )
            if _exists_for_image_user(path)
            else None
        )
        if runs is not None and runs.returncode == 0:
            return path
    return os.path.realpath(sys.executable)


def _exists_for_image_user(path: str) -> bool:
    folders = Path(path).parents
    return Path(path).exists() and (os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in folders))
