"""Send raw bytes as HTTP and read the gateway's answer."""

from __future__ import annotations

import re
import socket

from tests.attack.gateways import DEADLINE_S, Attacked


def ask(gateway: Attacked, head: bytes, *, then: bytes = b"") -> bytes:
    """The gateway's answer to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        try:
            connection.sendall(head)
            connection.sendall(then)
        except OSError:
            pass  # the gateway has closed; its answer can still be read
        answer = b""
        try:
            while not complete(answer) and (more := connection.recv(65536)):
                answer += more
        except ConnectionError:
            pass
        return answer


def complete(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return length is not None and len(body) >= int(length[1])


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def ask_briefly(gateway: Attacked, sent: bytes, *, half_closed: bool = True) -> bytes:
    """Send, shut down the sending side, and read to the end."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        connection.sendall(sent)
        if half_closed:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while more := connection.recv(65536):
                answer += more
        except ConnectionError:
            pass
        return answer


def taken_bytes(gateway: Attacked, first: bytes, more: bytes, at_most: int) -> int:
    """How many bytes of an endless input the gateway reads before it cuts the connection."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        connection.sendall(first)
        taken = 0
        try:
            while taken < at_most:
                taken += connection.send(more)
        except ConnectionError:
            pass
        return taken
