"""One connection that all callers share: each gets its own answer, and a cut fails all of them once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import hiredis
import pytest
import redis

from contracts.broker.pool import SharingClient
from contracts.broker.roles import connect
from contracts.broker.script import run
from contracts.broker.shared_connection import COPIED_BYTES, Template, _OpenConnection, _packed, bulk
from contracts.rules.errors import BrokerUnavailable
from contracts.state import captures
from contracts.state.frame import TerminalEntry
from tests.conftest import BrokerPair

MANY = 200


@pytest.mark.parametrize(
    "words",
    [
        ("PING",),
        ("SET", "k", b"\x00\xff\r\n$"),
        ("SET", "ключ", "größe", 1, 2.5, ""),
        ("XADD", b"\xff" * COPIED_BYTES, b"", b"\xff" * (COPIED_BYTES - 1), "end"),
        (b"ECHO", bytes(3 * COPIED_BYTES)),
    ],
    ids=repr,
)
def test_a_command_is_packed_as_hiredis_packs_it(words: tuple[str | bytes | int | float, ...]) -> None:
    assert b"".join(_packed(words)) == hiredis.pack_command(words)


@pytest.mark.parametrize("value", [b"frame", bytes(COPIED_BYTES), b"", b"\r\n%s"])
def test_a_template_encodes_the_same_command(value: bytes) -> None:
    words: list[str | bytes | int | float | None] = ["EVALSHA", "größe", 2, None, "50%", None, "%s", None, 1.5]
    pieces = Template(words, 5).encode((bulk("7"),), value, (bulk(""),))
    assert b"".join(pieces) == hiredis.pack_command(("EVALSHA", "größe", 2, "7", "50%", value, "%s", "", 1.5))
    assert b"".join(Template([None], 0).encode((), value, ())) == hiredis.pack_command((value,))


def test_a_frame_is_not_copied() -> None:
    frame = bytes(COPIED_BYTES)
    assert any(piece is frame for piece in _packed(("SET", "k", frame, "more")))
    assert any(piece is frame for piece in Template(["SET", "k", None, "more"], 2).encode((), frame, ()))


@asynccontextmanager
async def sharing(brokers: BrokerPair, answer_within_s: float = 5) -> AsyncIterator[SharingClient]:
    broker = connect(brokers.frames.url, socket_timeout_s=answer_within_s)
    assert isinstance(broker, SharingClient)
    try:
        async with asyncio.timeout(300):
            yield broker
    finally:
        await broker.aclose()


async def echoes(broker: SharingClient) -> list[Any]:
    return await asyncio.gather(*(broker.shared.ask("ECHO", str(n)) for n in range(MANY)))


EXPECTED = [b"%d" % n for n in range(MANY)]

pytestmark = pytest.mark.real


async def test_each_caller_gets_its_own_answer_over_one_connection(own_brokers: BrokerPair) -> None:
    async with sharing(own_brokers) as broker:
        assert await echoes(broker) == EXPECTED
        assert len(await broker.client_list()) == 2  # the second connection sends CLIENT LIST itself


async def test_a_unix_socket_holds_more_frames_than_the_system_s_default(own_brokers: BrokerPair) -> None:
    async with sharing(own_brokers) as broker:
        await broker.shared.ask("ECHO", "x")
        connection = broker.shared._open_connection
        assert connection is not None
        used, fresh = connection._transport.get_extra_info("socket"), socket.socket(socket.AF_UNIX)
        with fresh:
            sizes = [one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) for one in (fresh, used)]
        assert sizes[0] < sizes[1]


async def test_a_caller_that_is_cancelled_takes_no_other_caller_s_answer(own_brokers: BrokerPair) -> None:
    async with sharing(own_brokers) as broker:
        await echoes(broker)
        own_brokers.frames.pause()
        asked = [asyncio.create_task(broker.shared.ask("ECHO", str(n))) for n in range(MANY)]
        await asyncio.sleep(0)
        for task in asked[::2]:
            task.cancel()
        own_brokers.frames.resume()
        assert (await asyncio.gather(*asked, return_exceptions=True))[1::2] == EXPECTED[1::2]


async def test_an_error_is_raised_only_in_the_caller_of_its_command(own_brokers: BrokerPair) -> None:
    async with sharing(own_brokers) as broker:
        no, yes = await asyncio.gather(
            broker.shared.ask("EVALSHA", "0" * 40, 0), broker.shared.ask("ECHO", "x"), return_exceptions=True
        )
        assert (type(no), yes) == (redis.exceptions.NoScriptError, b"x")
        assert type((await asyncio.gather(broker.shared.ask("NONE"), return_exceptions=True))[0]) is (
            redis.exceptions.ResponseError
        )


async def test_an_answer_that_cannot_be_handled_leaves_the_connection_to_the_others(own_brokers: BrokerPair) -> None:
    def fail(_answer: Any) -> None:
        raise RuntimeError("the caller's own error")

    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    async with sharing(own_brokers) as broker:
        assert not broker.shared.begin([b"PING\r\n"], fail), "no connection is open yet"
        await echoes(broker)
        assert broker.shared.begin([b"PING\r\n"], fail)
        assert await echoes(broker) == EXPECTED
        assert [str(context["exception"]) for context in reported] == ["the caller's own error"]


async def test_what_is_sent_because_of_the_answers_of_one_read_is_written_at_once() -> None:
    connection = _OpenConnection(writer := mock.Mock(), 5.0)
    answers: list[Any] = []
    for _ in range(3):
        connection.send([b"first"], lambda _answer: connection.send([b"second"], answers.append))
    connection.data_received(b"+1\r\n+2\r\n+3\r\n")
    written = [call.args[0] for call in writer.transport.writelines.mock_calls]
    assert written == [*[[b"first"]] * 3, [b"second"] * 3]
    connection.data_received(b"+4\r\n+5\r\n+6\r\n")
    assert answers == [b"4", b"5", b"6"] and writer.transport.writelines.call_count == 4
    connection.close()


async def test_after_a_timeout_the_next_command_uses_a_new_connection(own_brokers: BrokerPair) -> None:
    async with sharing(own_brokers, answer_within_s=0.3) as broker:
        await echoes(broker)
        own_brokers.frames.pause()
        asked = [asyncio.create_task(broker.shared.ask("ECHO", "x")) for _ in range(3)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        own_brokers.frames.resume()
        assert [type(result) for result in results] == [redis.exceptions.TimeoutError] * 3
        assert await echoes(broker) == EXPECTED


async def test_a_cut_connection_fails_the_waiting_commands_and_is_opened_again(own_brokers: BrokerPair) -> None:
    async with sharing(own_brokers) as broker:
        await broker.shared.ask("ECHO", "x")
        blocked = asyncio.create_task(broker.shared.ask("BLPOP", "nothing", 0))
        while not (waiting := await broker.client_list()) or not any(c["cmd"] == "blpop" for c in waiting):
            await asyncio.sleep(0.01)
        await broker.client_kill_filter(_id=next(c["id"] for c in waiting if c["cmd"] == "blpop"))
        with pytest.raises(redis.exceptions.ConnectionError):
            await blocked
        assert await echoes(broker) == EXPECTED


async def test_a_script_that_runs_often_loads_itself_and_an_absent_broker_is_unavailable(
    own_brokers: BrokerPair, unique: str
) -> None:
    async with sharing(own_brokers) as broker:
        assert await run(broker, captures.watch(unique)) is None
        await broker.script_flush()
        assert await run(broker, captures.watch(unique)) is None
        assert (await run(broker, captures.end_stream(unique, TerminalEntry("abort", error_code="gone"))))[0] == "gone"

    nowhere = connect("unix:///nowhere/broker.sock")
    with pytest.raises(BrokerUnavailable):
        await run(nowhere, captures.watch(unique))
    await nowhere.aclose()
