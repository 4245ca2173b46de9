"""An asynchronous client for a Redis Cluster that follows redirections correctly.

Every key belongs to one of 16,384 slots, and every slot to a master. While a slot is being moved, each of its keys is
on the old or on the new master. The old master answers ASK for a key that it no longer has; the new master serves such
a key only to a connection that has just sent ASKING (Redis Cluster specification, "ASK redirection").
"""

from __future__ import annotations

import asyncio
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode

__all__ = ["AsyncCluster"]

REDIRECTIONS = 16
"""How often one command is redirected or retried before it fails; redis-py's own default."""

UNSTABLE_S = 0.05
"""How long to wait after TRYAGAIN, in seconds."""


class AsyncCluster(redis.asyncio.RedisCluster):
    """redis-py's cluster client with its own way to send one command and to follow its redirections.

    redis-py sends ASKING over one pooled connection and the command over another, so a client with several connections
    never reaches a moved key. After a fifth MOVED it closes every connection, also while other tasks wait on them. Here
    ASKING and its command use one connection, and a redirection does not affect other tasks.
    """

    async def _execute_command(self, target_node: ClusterNode, *args: Any, **kwargs: Any) -> Any:
        asking = False
        for attempt in range(REDIRECTIONS):
            try:
                if asking:
                    return await _ask(target_node, *args, **kwargs)
                return await target_node.execute_command(*args, **kwargs)
            except redis.exceptions.MovedError as moved:
                await self.nodes_manager.move_slot(moved)
                target_node, asking = self.nodes_manager.get_node_from_slot(moved.slot_id), False
            except redis.exceptions.AskError as ask:
                target_node, asking = self._known(ask), True
            except redis.exceptions.TryAgainError:  # the keys are on two masters at the moment; the command did not run
                if attempt == REDIRECTIONS - 1:
                    raise
                await asyncio.sleep(UNSTABLE_S)
            except redis.exceptions.ClusterDownError:
                self._initialize = True
                raise
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                target_node.update_active_connections_for_reconnect()  # they reconnect after their current command
                await target_node.disconnect_free_connections()
                self._initialize = True  # the next command first reads the slot table again
                raise
        raise redis.exceptions.ClusterDownError("the masters redirect the command to each other")

    def _known(self, ask: redis.exceptions.AskError) -> ClusterNode:
        node = self.nodes_manager.get_node(ask.host, ask.port)
        if node is None:
            self._initialize = True
            raise redis.exceptions.ClusterDownError(f"it redirects to an unknown master: {ask.node_addr}")
        return node


async def _ask(node: ClusterNode, *args: Any, **kwargs: Any) -> Any:
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands([("ASKING",), args]))
        try:
            await node.parse_response(connection, "ASKING")
        except BaseException:
            await connection.disconnect(nowait=True)  # otherwise its next user would read this command's answer
            raise
        return await node.parse_response(connection, args[0], **kwargs)
    finally:
        node.release(connection)
