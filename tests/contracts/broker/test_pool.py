"""Connections to a broker are few and shared: a command waits until one is free."""

from __future__ import annotations

import asyncio

import pytest

from contracts.broker.roles import AsyncBroker, broker_errors, connect
from contracts.rules.errors import BrokerUnavailable
from tests.conftest import BrokerPair

pytestmark = pytest.mark.real

FEW = 4


async def connections(broker: AsyncBroker) -> int:
    """The number of the broker's connections, including this one."""
    return len(await broker.client_list())


async def test_many_commands_at_once_share_a_few_connections(own_brokers: BrokerPair) -> None:
    broker = connect(own_brokers.frames.url, max_connections=FEW)
    assert await asyncio.gather(*(broker.echo(str(n)) for n in range(200))) == [b"%d" % n for n in range(200)]
    assert await connections(broker) <= FEW
    await broker.aclose()


async def test_a_command_that_is_cancelled_gives_its_connection_back(own_brokers: BrokerPair) -> None:
    broker = connect(own_brokers.frames.url, max_connections=FEW)
    for _ in range(3):
        own_brokers.frames.pause()
        waiting = [asyncio.create_task(broker.echo("never")) for _ in range(3 * FEW)]
        await asyncio.sleep(0.05)  # some commands have a connection, the others wait for one
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        own_brokers.frames.resume()
        assert await asyncio.gather(*(broker.echo("x") for _ in range(3 * FEW))) == [b"x"] * (3 * FEW)
    await broker.aclose()


async def test_a_command_that_waits_too_long_for_a_connection_fails_as_if_the_broker_were_away(
    own_brokers: BrokerPair,
) -> None:
    broker = connect(own_brokers.frames.url, max_connections=FEW, socket_timeout_s=0.3)
    await asyncio.gather(*(broker.echo("x") for _ in range(FEW)))
    own_brokers.frames.pause()

    async def ask() -> None:
        with broker_errors("frames"):
            await broker.echo("x")

    try:
        results = await asyncio.gather(*(ask() for _ in range(5 * FEW)), return_exceptions=True)
    finally:
        own_brokers.frames.resume()
    assert all(isinstance(result, BrokerUnavailable) for result in results) and len(results) == 5 * FEW
    assert await broker.echo("back") == b"back"
    await broker.aclose()
