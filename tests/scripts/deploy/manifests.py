"""Read the deployment's files: Dockerfiles, compose services, Kubernetes objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
KUBERNETES = ROOT / "scripts" / "deploy" / "kubernetes"
IMAGES = ("gateway", "workers", "recorder")


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile: ``COPY``, its ``--options``, and the rest of the line."""

    word: str
    options: tuple[str, ...]
    rest: str


@dataclass(frozen=True)
class Stage:
    """One stage of a Dockerfile, from its ``FROM`` on."""

    base: str
    name: str
    steps: tuple[Step, ...]

    def last(self, word: str) -> Step:
        return [step for step in self.steps if step.word == word][-1]


def stages(image: str) -> list[Stage]:
    """The stages of one image's Dockerfile, the last one being the image."""
    text = (ROOT / image / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    found: list[Stage] = []
    for line in filter(str.strip, lines.splitlines()):
        word, *parts = line.split()
        if word == "FROM":
            named = [part for part in parts if not part.startswith("--")]
            found.append(Stage(named[0], named[2] if len(named) > 1 else "", ()))
            continue
        options = tuple(part for part in parts if part.startswith("--")) if word in ("COPY", "HEALTHCHECK") else ()
        rest = line.partition(" ")[2].strip()
        if word == "RUN" and (mount := re.match(r"--mount=\S+ ", rest)):
            options, rest = (mount[0].strip(),), rest[mount.end() :]
        for option in options if word != "RUN" else ():
            rest = rest.replace(option, "", 1).strip()
        found[-1] = Stage(found[-1].base, found[-1].name, (*found[-1].steps, Step(word, options, rest)))
    return found


def environment(stage: Stage) -> dict[str, str]:
    """The variables that a stage's ``ENV`` instructions set."""
    texts = [step.rest for step in stage.steps if step.word == "ENV"]
    return {name: value.strip('"') for text in texts for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', text)}


def compose() -> dict[str, Any]:
    """compose.yaml, with every variable at its default."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "compose.yaml").read_text())
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def objects(folder: str = "base") -> list[dict[str, Any]]:
    """Every object in a folder of manifests."""
    paths = sorted((KUBERNETES / folder).glob("*.yaml"))
    documents = [document for path in paths for document in yaml.safe_load_all(path.read_text())]
    return [document for document in documents if document["kind"] != "Kustomization"]


def pods() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The pod of each Deployment and StatefulSet, by its name."""
    for found in objects():
        if found["kind"] in ("Deployment", "StatefulSet"):
            yield found["metadata"]["name"], found["spec"]["template"]["spec"]
