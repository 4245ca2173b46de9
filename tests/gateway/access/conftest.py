"""The library's waits are long, fake brokers have room, and only tests of the limits meet one."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest

from contracts.process import tokens
from gateway.access import access as access_module
from gateway.capture import lifecycle
from gateway.library import library as library_module
from gateway.uploads import incoming_upload


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(library_module, "FRESH_S", 60.0)
    monkeypatch.setattr(library_module, "FIRST_S", 60.0)
    share = mock.AsyncMock(return_value=0.1)  # fake brokers have no INFO
    with mock.patch.object(lifecycle, "memory_share", share), mock.patch.object(incoming_upload, "memory_share", share):
        yield


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request of this test is one too many."""
    monkeypatch.setattr(tokens, "MOST_WRONG_TOKENS", 10_000)
    monkeypatch.setattr(access_module, "MOST_REFUSALS", 10_000)
