"""The long run: ``python -m tests.integration.load --rounds N`` prints what the gateway holds after every round, while
the clients that take longest to be rid of try their luck. It ends with 1 if anything is not as it should be."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import BrokerPair, start_pair
from tests.integration.load.loaded_gateway import LoadedGateway, loaded_gateway
from tests.integration.load.rounds import assert_flat, rounds
from tests.integration.load.sockets import PING, BareSocket, framed, handshake

LONGEST_S = 120.0


async def head_letter_by_letter(loaded: LoadedGateway) -> str:
    bare = await loaded.bare()
    await cut_off(bare, bare.slowly(handshake() * 2))
    return "a client that sends its head letter by letter is cut off"


async def body_letter_by_letter(loaded: LoadedGateway) -> str:
    bare = await loaded.bare()
    head = b"POST /schema-recorder/append HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    await bare.send(head)
    await cut_off(bare, bare.slowly(b" " * 1000))
    return "a client that sends its body letter by letter is cut off"


async def answers_never_read(loaded: LoadedGateway) -> str:
    bare = await loaded.socket(small=True)
    await cut_off(bare, bare.flood(framed(PING, b"x" * 125) * 2000, LONGEST_S))
    return "a client that reads nothing is cut off"


async def cut_off(bare: BareSocket, sending: Awaitable[None]) -> None:
    """Check that the server has closed the connection."""
    async with asyncio.timeout(LONGEST_S):
        await sending
        while not await bare.is_gone():
            await asyncio.sleep(0.1)


SLOW = (head_letter_by_letter, body_letter_by_letter, answers_never_read)


@contextmanager
def brokers() -> Generator[BrokerPair]:
    yield from start_pair("valkey")


async def run(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="a3cp-load-") as folder, brokers() as pair:
        async with loaded_gateway(Path(folder), pair, slots=16) as loaded:
            slow = asyncio.gather(*(client(loaded) for client in SLOW))
            levels = []
            async for level in rounds(loaded, count):
                levels.append(level)
                print(f"round {len(levels):4}  {level}", flush=True)
            print(*await slow, sep="\n")
            assert_flat(levels)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="about two seconds each (default: %(default)s)")
    asyncio.run(run(parser.parse_args().rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
