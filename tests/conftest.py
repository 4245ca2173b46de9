"""Fixtures that every test may use.

``brokers`` is a pair of real brokers, once on Valkey and once on Redis, for delivery, blocking, leases and memory.
It is never flushed: tests use ids of their own. Logic is tested on fakeredis, which each test makes for itself.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import settings

from contracts.process.logs import configure_logs
from tests.support.authorities import read_authorities_once
from tests.support.brokers import EVENTS, FRAMES, BrokerProcess, Flavour, server_path, started
from tests.support.order import long_first
from tests.support.prestarted import prestarted
from tests.support.real_brokers import needs_real_broker
from tests.support.s3 import S3Server, s3_server

configure_logs("tests")

read_authorities_once()

gc.disable()  # while 8,000 tests are collected; half of that time was spent in looking through what all stays

# The same examples in every run, and few; ``--hypothesis-profile long`` looks for new ones.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=100, stateful_step_count=40)
settings.register_profile("long", deadline=None, max_examples=5000, stateful_step_count=60, print_blob=True)
settings.load_profile("quick")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark what needs a real broker; with ``-m "not real"`` see that nothing else starts one. Sort what is chosen."""
    for item in items:
        if needs_real_broker(item):
            item.add_marker(pytest.mark.real)
    if "not real" in config.option.markexpr:
        BrokerProcess.start = _forbidden  # type: ignore[method-assign]
    yield
    long_first(items)


def pytest_collection_finish() -> None:
    """Collect garbage again, and never again look through the tests themselves, which stay until the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in an event loop of its own."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}))
    return True


def _forbidden(_: BrokerProcess) -> BrokerProcess:
    pytest.fail("this test starts a real broker: mark it `real`")


@dataclass(frozen=True)
class BrokerPair:
    """The two roles, each a real server."""

    frames: BrokerProcess
    events: BrokerProcess


@pytest.fixture(scope="session", params=["valkey", "redis"])
def brokers(request: pytest.FixtureRequest) -> Iterator[BrokerPair]:
    """Both roles on a real server, shared by the whole run: use ids of your own."""
    yield from start_pair(request.param)


@pytest.fixture(params=["valkey", "redis"])
def own_brokers(request: pytest.FixtureRequest) -> Iterator[BrokerPair]:
    """Both roles on real servers of this test's own, which it may kill, pause and fill."""
    yield from start_pair(request.param)


def on_one(flavour: Flavour) -> pytest.MarkDecorator:
    """``own_brokers`` of this kind alone, for a test of whole processes: scripts and leases are tested on both."""
    return pytest.mark.parametrize("own_brokers", [flavour], indirect=True)


def start_pair(flavour: Flavour) -> Iterator[BrokerPair]:
    """Both roles on real servers, stopped afterwards; without a server here the test is skipped, in CI it fails."""
    if server_path(flavour) is None:
        message = f"no {flavour} server on this machine: apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    pair = BrokerPair(BrokerProcess(flavour, FRAMES), BrokerProcess(flavour, EVENTS))
    with started(pair.frames, pair.events):
        yield pair


@pytest.fixture
def forked() -> Iterator[None]:
    """Fork the processes of a test that is not about their start, from one that has the imports."""
    with prestarted():
        yield


@pytest.fixture
def unique() -> str:
    """A text that no other test has: the prefix of this test's ids."""
    return uuid4().hex[:16]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An S3 server with a bucket, found by this process and its children: use a prefix of your own."""
    yield from s3_server(monkeypatch)
