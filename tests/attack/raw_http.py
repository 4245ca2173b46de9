"""Bytes that are meant to be HTTP, and what the gateway answers to them."""

from __future__ import annotations

import re
import socket

from tests.attack.gateways import DEADLINE_S, Attacked


def ask(gateway: Attacked, head: bytes, *, then: bytes = b"") -> bytes:
    """What the gateway answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        try:
            connection.sendall(head)
            connection.sendall(then)
        except OSError:
            pass  # it has heard enough; its answer is there
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
    """Send, say that no more comes, and read to the end."""
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
    """How much of something without end is taken before the connection is cut."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        connection.sendall(first)
        taken = 0
        try:
            while taken < at_most:
                taken += connection.send(more)
        except ConnectionError:
            pass
        return taken
