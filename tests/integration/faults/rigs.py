"""The rig of a case: an ordinary one, or one that is made for its kind of fault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.conftest import BrokerPair
from tests.integration.faults.rig import Rig, rig_on
from tests.support.brokers import EVENTS, FRAMES, BrokerProcess, Flavour, server_path, started

__all__ = ["FLAVOURS", "PLAIN", "RigKind", "broker_pair", "plain"]

FLAVOURS: tuple[Flavour, ...] = ("valkey", "redis")


@dataclass(frozen=True, slots=True)
class RigKind:
    """How to make a rig, and with which servers.

    ``rig`` is called with a flavour, an empty folder and options of `Rig`.
    ``needs`` returns what this machine lacks for it; empty if it lacks nothing.
    """

    rig: Callable[..., AbstractAsyncContextManager[Rig]]
    flavours: tuple[Flavour, ...] = FLAVOURS
    needs: Callable[[], str] = lambda: ""

    def lacks(self, flavour: Flavour) -> str:
        """Why this machine cannot make the rig; empty if it can."""
        return f"no {flavour} server: apt-get install redis-server" if server_path(flavour) is None else self.needs()


@contextmanager
def broker_pair(
    flavour: Flavour, frames_environ: Mapping[str, str] = MappingProxyType({}),
    events_environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[BrokerPair]:  # fmt: skip
    """Both roles on servers of their own; the environs are added to this process's."""
    pair = BrokerPair(
        BrokerProcess(flavour, FRAMES, environ=frames_environ), BrokerProcess(flavour, EVENTS, environ=events_environ)
    )
    with started(pair.frames, pair.events):
        yield pair


@asynccontextmanager
async def plain(flavour: Flavour, folder: Path, **options: Any) -> AsyncIterator[Rig]:
    """Two brokers, two recorders, two extractors, a gateway."""
    with broker_pair(flavour) as pair:
        async with rig_on(pair, folder, **options) as rig:
            yield rig


PLAIN = RigKind(plain)
