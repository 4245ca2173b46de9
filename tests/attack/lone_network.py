"""Run code in a network of its own, and list every address that any of its processes sends to.

``python -m tests.attack.lone_network PROGRAM`` is started by `tests.attack.test_foreign_connections` in a new network
namespace. That network has only the loopback interface, and every other address is routed there too: a packet to the
world never leaves it, and is seen. The kernel sees each, whether Python or native code sends it, and also those of
processes that have ended. ``PROGRAM`` names a coroutine as ``module:name``; the last line of the output is a JSON list.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from ipaddress import ip_address

__all__ = ["IP", "sent_to"]

IP = shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
"""The command of iproute2, which is not in every user's PATH; None if it is not here."""

_ALL_PROTOCOLS, _IPV4, _IPV6, _TCP, _UDP = 3, 0x0800, 0x86DD, 6, 17
_SOL_PACKET, _STATISTICS, _SO_RCVBUFFORCE = 263, 6, 33
_HEAD = 128
_ETHERNET = 14
_SYN_OF = 0b10010
"""TCP's SYN and ACK: the first packet of a connection has SYN alone."""


def sent_to(packet: bytes) -> str | None:
    """The receiver of an IP packet in an Ethernet frame, as ``tcp 127.0.0.1:80``; None for a TCP packet that does not
    open a connection, and for what is no IP."""
    (kind,) = struct.unpack_from("!H", packet, _ETHERNET - 2)
    head = packet[_ETHERNET:]
    if kind == _IPV4:
        protocol, to, rest = head[9], ip_address(head[16:20]), head[4 * (head[0] & 15) :]
    elif kind == _IPV6:
        protocol, to, rest = head[6], ip_address(head[24:40]), head[40:]
    else:
        return None
    if protocol == _TCP:
        return f"tcp {to}:{_port(rest)}" if rest[13] & _SYN_OF == 0b10 else None
    return f"udp {to}:{_port(rest)}" if protocol == _UDP else f"protocol {protocol} {to}"


def _port(rest: bytes) -> int:
    return int.from_bytes(rest[2:4], "big")


@contextmanager
def _receivers() -> Iterator[set[str]]:
    """Make the network; the set has all receivers when the context ends."""
    assert IP is not None
    subprocess.run([IP, "link", "set", "lo", "up"], check=True)
    subprocess.run([IP, "route", "add", "local", "default", "dev", "lo"], check=True)
    found: set[str] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS)) as seen:
        with suppress(PermissionError):
            seen.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 28)
        seen.bind(("lo", _ALL_PROTOCOLS))
        stopping = threading.Event()
        thread = threading.Thread(target=_read, args=(seen, found, stopping), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            stopping.set()
            thread.join()
        _, dropped = struct.unpack("II", seen.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        assert dropped == 0, "packets were not seen"


def _read(seen: socket.socket, found: set[str], stopping: threading.Event) -> None:
    seen.settimeout(0.1)
    while True:
        try:
            packet = seen.recv(_HEAD)
        except TimeoutError:
            if stopping.is_set():
                return  # everything that was sent before is read
            continue
        if receiver := sent_to(packet):
            found.add(receiver)


def main(program: str) -> None:
    module, _, name = program.partition(":")
    with _receivers() as found:
        asyncio.run(getattr(import_module(module), name)())
    print(json.dumps(sorted(found)))


if __name__ == "__main__":
    main(sys.argv[1])
