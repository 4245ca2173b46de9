"""Disks under the artifacts or the logs that are full or read-only, and writable again later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.faults.played import play_cases
from tests.support.brokers import Flavour


@pytest.mark.parametrize(("root", "flavour"), [("data", "valkey"), ("logs", "redis")])
def test_lines_and_artifacts_that_a_full_or_read_only_disk_delayed_are_written_once_later(
    root: str, flavour: Flavour, tmp_path: Path
) -> None:
    play_cases([f"disk under {root}/: {what}" for what in ("full", "read-only")], flavour, tmp_path)
