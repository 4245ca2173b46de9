"""As much of Redis's wire protocol as a proxy needs: where one request or one reply ends."""

from __future__ import annotations

import asyncio

__all__ = ["read_reply", "read_request"]

LIMIT_BYTES = 1 << 20
"""How long a line may be; bulk strings may be longer."""

_ELEMENTS = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
_BULKS = b"$!="


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, list[bytes]]:
    """One request as it came, and its words.

    Raises:
        EOFError: the connection ended.
    """
    head = await reader.readuntil(b"\r\n")
    if head[:1] != b"*":
        return head, head.split()
    raw, words = [head], []
    for _ in range(int(head[1:])):
        line = await reader.readuntil(b"\r\n")
        body = await reader.readexactly(int(line[1:]) + 2)
        raw += [line, body]
        words.append(body[:-2])
    return b"".join(raw), words


async def read_reply(reader: asyncio.StreamReader) -> bytes:
    """One reply as it came, nested ones whole.

    Raises:
        EOFError: the connection ended.
    """
    raw: list[bytes] = []
    due = 1
    while due:
        line = await reader.readuntil(b"\r\n")
        raw.append(line)
        due -= 1
        kind = line[:1]
        if kind in _BULKS and int(line[1:]) >= 0:
            raw.append(await reader.readexactly(int(line[1:]) + 2))
        elif kind in _ELEMENTS and int(line[1:]) > 0:
            due += int(line[1:]) * _ELEMENTS[kind] + (kind == b"|")
    return b"".join(raw)
