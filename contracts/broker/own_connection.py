"""A connection to a broker that one thread keeps for itself, for the commands that it sends with every frame.

For each command redis-py's client takes a connection from its pool, checks that it is alive, and creates objects for
the command and its answer. In a live worker, right after an inference has filled the processor's caches, that took
0.3 ms for every frame, while a client waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import redis

from contracts.broker.roles import Broker, broker_errors
from contracts.broker.script import Call, command, run_each
from contracts.broker.shared_connection import packed

__all__ = ["Entry", "OwnConnection"]

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry's ID and its fields."""


class OwnConnection:
    """Connects on first use, and again after the connection was lost. For a cluster it uses ``broker`` itself, because
    each key may be on another master."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._connection: Any = None
        self._unread = 0

    def entries(self, stream: str, after: bytes, count: int, block_ms: int | None) -> list[Entry]:
        """Read up to ``count`` entries after the ID ``after`` from a stream of the frames role.

        Waits up to ``block_ms`` milliseconds for the first entry; None does not wait. Returns an empty list if there is
        no entry.

        Raises:
            BrokerUnavailable: the broker is unreachable.
        """
        with broker_errors("frames"):
            if isinstance(self._broker, redis.RedisCluster):
                streams: Any = self._broker.xread({stream: after}, count=count, block=block_ms)
                return list(streams[0][1]) if streams else []
            wait = () if block_ms is None else ("BLOCK", block_ms)
            self._send(packed(("XREAD", "COUNT", count, *wait, "STREAMS", stream, after)))
            self._skip_unread()
            streams = self._connection.read_response()
        if not streams:
            return []
        entries = streams[stream.encode()] if isinstance(streams, dict) else streams[0][1]
        return [(entry_id, dict(zip(words[::2], words[1::2], strict=True))) for entry_id, words in entries]

    def run_ahead(self, call: Call[Any]) -> None:
        """Send a script and do not wait for its answer; the next command reads the answer and ignores it.

        Raises:
            BrokerUnavailable: the broker is unreachable.
        """
        if isinstance(self._broker, redis.RedisCluster):
            run_each(self._broker, call)
            return
        with broker_errors(call.role):
            self._send(list(packed(command(call))))
            self._unread += 1

    def run_together(self, *calls: Call[Any]) -> None:
        """Send several scripts of one role in one write, and wait for all answers. Each runs even if one before it
        failed. They are not atomic: commands of other clients may run between them.

        Raises:
            BrokerUnavailable: the broker is unreachable, or (`BrokerFull`) was out of memory for one of them.
        """
        if isinstance(self._broker, redis.RedisCluster):
            run_each(self._broker, *calls)
            return
        with broker_errors(calls[0].role):
            self._send([piece for call in calls for piece in packed(command(call))])
            self._skip_unread()
            answers = [self._answer() for _ in calls]
        run_each(self._broker, *(call for call, answer in zip(calls, answers, strict=True) if _is_unknown(answer)))
        with broker_errors(calls[0].role):
            for answer in answers:
                if isinstance(answer, Exception) and not _is_unknown(answer):
                    raise answer

    def _send(self, pieces: list[bytes]) -> None:
        if self._connection is None:
            self._connection = self._broker.connection_pool.get_connection()  # type: ignore[union-attr]
        if not self._connection.is_connected:
            self._unread = 0
        self._connection.send_packed_command([b"".join(pieces)])

    def _skip_unread(self) -> None:
        while self._unread:
            self._unread -= 1
            self._answer()

    def _answer(self) -> Any:
        """Read the next answer. Returns an error reply instead of raising it: the connection can still be used."""
        try:
            return self._connection.read_response()
        except redis.exceptions.ResponseError as error:
            return error


def _is_unknown(answer: Any) -> bool:
    """Whether the broker does not have the script: it never got it, or was restarted since."""
    return isinstance(answer, redis.exceptions.NoScriptError)
