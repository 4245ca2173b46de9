"""The library's waits are long in its tests, so that a list is up to date however slow the machine is."""

from __future__ import annotations

import pytest

from gateway.library import library


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "FRESH_S", 60.0)
    monkeypatch.setattr(library, "FIRST_S", 60.0)
