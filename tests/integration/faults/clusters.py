"""A cluster of three masters, made for one test: real servers on loopback ports, and slots that move."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from tests.support.brokers import EVENTS, FRAMES, Flavour, server_path, started
from tests.support.waiting import wait_until

SLOTS = 16_384
MASTERS = 3


@dataclass
class Master:
    """One node: its process, where it listens, and the slots it was given."""

    port: int
    first_slot: int
    last_slot: int
    folder: Path
    command: Sequence[str]
    process: subprocess.Popen[bytes]
    node_id: str = ""

    def kill(self) -> None:
        """kill -9: everything that was only in memory is lost."""
        self.process.kill()
        self.process.wait(300)

    def restart(self) -> None:
        """Start the node again with its identity; returns when it answers. The cluster may take longer."""
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        _wait(partial(self.ask, "PING"), "a master answers")

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def ask(self, *command: str | int) -> Any:
        with self.client() as client:
            return client.execute_command(*command)


@dataclass
class BrokerCluster:
    """Three masters without replicas; ``url`` reaches them. ``options`` are those of one broker of the role."""

    flavour: Flavour
    options: Sequence[str]
    masters: list[Master] = field(default_factory=list)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="a3cp-test-")))

    @property
    def url(self) -> str:
        return f"redis-cluster://127.0.0.1:{self.masters[0].port}"

    def start(self) -> BrokerCluster:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        ports = _free_ports(2 * MASTERS)
        share = -(-SLOTS // MASTERS)
        for number in range(MASTERS):
            first = number * share
            self.masters.append(self._launch(ports[number], ports[MASTERS + number], first, min(SLOTS, first + share)))
        for number, master in enumerate(self.masters):
            _wait(partial(master.ask, "PING"), "a master answers")
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            master.ask("CLUSTER", "ADDSLOTSRANGE", master.first_slot, master.last_slot)
            master.node_id = master.ask("CLUSTER", "MYID").decode()
        for number in range(1, MASTERS):
            self.masters[0].ask("CLUSTER", "MEET", "127.0.0.1", ports[number], ports[MASTERS + number])
        for master in self.masters:
            _wait(partial(_is_whole, master), "the cluster is up")

    def _launch(self, port: int, bus_port: int, first: int, end: int) -> Master:
        executable = server_path(self.flavour)
        assert executable is not None, f"no {self.flavour} server here: apt-get install redis-server"
        folder = self.folder / str(port)
        folder.mkdir()
        command = [
            *(executable, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)),
            *("--cluster-enabled", "yes", "--cluster-port", str(bus_port), "--cluster-node-timeout", "5000"),
            *self.options,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        return Master(port, first, end - 1, folder, command, process)

    def stop(self) -> None:
        for master in self.masters:
            master.kill()
        self.masters.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def owner(self, key: str) -> Master:
        """The master that has the key's slot, by the first node's table."""
        slot = key_slot(key.encode())
        for first, last, owner, *_ in self.masters[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(master for master in self.masters if master.port == int(owner[1]))
        raise AssertionError(f"no master has slot {slot}")

    def other_than(self, owner: Master) -> Master:
        """A master that is not ``owner``."""
        return next(master for master in self.masters if master is not owner)

    def move(self, key: str, *, midway: Callable[[], object] = lambda: None) -> None:
        """Move the slot of ``key`` to another master; ``midway`` its keys are on both sides."""
        slot, source = key_slot(key.encode()), self.owner(key)
        target = self.other_than(source)
        self.begin_move(slot, source, target)
        self.move_keys(slot, source, target)
        midway()
        self.move_keys(slot, source, target)
        self.end_move(slot, source, target)

    def begin_move(self, slot: int, source: Master, target: Master) -> None:
        """From here on the slot's keys are in two places, and clients are redirected with ASK."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.node_id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.node_id)

    def move_keys(self, slot: int, source: Master, target: Master) -> None:
        """Move the keys of the slot."""
        while names := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names)

    def end_move(self, slot: int, source: Master, target: Master) -> None:
        """Give the slot to the target; other nodes redirect clients with MOVED."""
        for master in (target, source, *self.masters):
            master.ask("CLUSTER", "SETSLOT", slot, "NODE", target.node_id)


@dataclass(frozen=True)
class ClusterPair:
    """The two roles, each a cluster."""

    frames: BrokerCluster
    events: BrokerCluster


@contextmanager
def cluster_pair(flavour: Flavour) -> Iterator[ClusterPair]:
    """Start a cluster for each role."""
    pair = ClusterPair(BrokerCluster(flavour, FRAMES), BrokerCluster(flavour, EVENTS))
    with started(pair.frames, pair.events):
        yield pair


def _is_whole(master: Master) -> bool:
    info = dict(line.split(":", 1) for line in master.ask("CLUSTER", "INFO").decode().splitlines() if ":" in line)
    known = master.ask("CLUSTER", "NODES").decode()
    return info["cluster_state"] == "ok" and known.count("connected") == MASTERS and "handshake" not in known


def _wait(condition: Callable[[], Any], what: str) -> None:
    """Wait for a condition; a node that does not answer yet does not meet it."""

    def met() -> Any:
        with suppress(redis.exceptions.ConnectionError):
            return condition()
        return None

    wait_until(met, what)


def _free_ports(count: int) -> list[int]:
    """Free loopback ports; taken together, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        return [taken.getsockname()[1] for taken in sockets]
    finally:
        for taken in sockets:
            taken.close()
