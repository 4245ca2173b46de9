"""One stack for the tests of the library's pages: a generated library is in its folders before it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.process.settings import Settings
from contracts.rules.paths import session_log_path
from scripts.measurements.library_files import fill_library
from tests.e2e.conftest import RunningStack, stack_in

CAPTURES, PEOPLE, A_SESSION = 240, 6, 20
DRAWN = 60
"""So many of the newest captures have an artifact: those of the last three sessions."""


@pytest.fixture(scope="package")
def stack(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A whole stack with private brokers, and 240 captures of six people in twelve sessions, two sessions each."""
    folder = tmp_path_factory.mktemp("library")
    fill_library(Settings(data_root=folder / "data", log_root=folder / "logs"), CAPTURES, PEOPLE, DRAWN)
    with stack_in(folder) as running:
        yield running


@dataclass(frozen=True)
class Generated:
    """One generated session; number 0 is the oldest."""

    stack: RunningStack
    number: int

    @property
    def user_id(self) -> str:
        return f"person-{self.number % PEOPLE:03}"

    @property
    def session_id(self) -> str:
        return f"sess_{self.number:016x}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of its log, in its order."""
        log = session_log_path(self.stack.settings.log_root, self.user_id, self.session_id)
        return [json.loads(line)["event"] for line in log.read_text().splitlines()]

    @property
    def artifacts(self) -> list[Path]:
        """The artifacts that are on the disk."""
        return list(self.stack.settings.data_root.glob(f"users/{self.user_id}/sessions/{self.session_id}/**/*.npz"))
