"""The marker ``real`` is on every test that reaches a real broker: ``-m "not real"`` runs on fakeredis alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.conftest import start_pair
from tests.integration.test_rollback import on_and_off
from tests.support.brokers import BrokerProcess
from tests.support.messages import Client
from tests.support.real_brokers import reaches


def begins() -> None:
    for _ in start_pair("valkey"):
        pass


def calls_what_begins() -> None:
    def inner() -> None:
        begins()

    inner()


class Begins:
    """Starts a broker when it is called."""

    @property
    def broker(self) -> BrokerProcess:
        return BrokerProcess("valkey").start()


def makes_what_begins() -> None:
    _ = Begins().broker


def needs_none() -> None:
    assert Client


@pytest.mark.parametrize(
    "thing",
    [begins, calls_what_begins, makes_what_begins, on_and_off, partial(begins), [needs_none, begins], {"case": begins}],
)
def test_a_test_that_reaches_a_real_broker_is_found(thing: Callable[[], None]) -> None:
    assert reaches(thing)


@pytest.mark.parametrize("thing", [needs_none, "brokers", None, [needs_none]])
def test_a_test_without_a_real_broker_is_not_marked(thing: object) -> None:
    assert not reaches(thing)


def test_every_test_with_a_real_broker_among_its_fixtures_is_marked(request: pytest.FixtureRequest) -> None:
    fixtures = {"brokers", "own_brokers", "broker_pair", "pair"}
    unmarked = [
        item.nodeid
        for item in request.session.items
        if fixtures & set(getattr(item, "fixturenames", ())) and item.get_closest_marker("real") is None
    ]
    assert not unmarked
