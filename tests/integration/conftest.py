"""Stacks of these tests start without Python's imports, where that is not what a test is about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.prestarted import prestarted


@pytest.fixture(autouse=True)
def quick_starts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork gateways, recorders and pools, except for the tests of a load, which measure a gateway's memory."""
    if "load" in request.path.parts:
        yield
        return
    with prestarted():
        yield
