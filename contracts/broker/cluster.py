"""Clients for a Redis Cluster, where redis-py's own fall short.

Every key belongs to one of 16,384 slots and every slot to a master. While a slot is being moved, a key of it may be on
either side: the old master answers ASK for what it no longer has, and the new one serves that only to a connection
that says ASKING first.
"""

from __future__ import annotations

import asyncio
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode

__all__ = ["AsyncCluster"]

REDIRECTIONS = 16
UNSTABLE_S = 0.05


class AsyncCluster(redis.asyncio.RedisCluster):
    """redis-py's client, but for how one command is sent and redirected.

    redis-py sends ASKING over one pooled connection and the command over another, so that with more than one connection
    no client reaches a key that was moved; and a fifth MOVED closes every connection, also under commands of other
    tasks. Here ASKING and its command share a connection, and a redirection leaves other tasks alone.
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
            except redis.exceptions.TryAgainError:  # nothing ran: some of the keys are here, some still there
                if attempt == REDIRECTIONS - 1:
                    raise
                await asyncio.sleep(UNSTABLE_S)
            except redis.exceptions.ClusterDownError:
                self._initialize = True
                raise
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                target_node.update_active_connections_for_reconnect()  # once their commands are done
                await target_node.disconnect_free_connections()
                self._initialize = True  # the next command first reads the slot table again
                raise
        raise redis.exceptions.ClusterDownError("it redirects from one master to the other and back")

    def _known(self, ask: redis.exceptions.AskError) -> ClusterNode:
        node = self.nodes_manager.get_node(ask.host, ask.port)
        if node is None:
            self._initialize = True
            raise redis.exceptions.ClusterDownError(f"it redirects to a master that is new: {ask.node_addr}")
        return node


async def _ask(node: ClusterNode, *args: Any, **kwargs: Any) -> Any:
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands([("ASKING",), args]))
        try:
            await node.parse_response(connection, "ASKING")
        except BaseException:
            await connection.disconnect(nowait=True)  # the command's own answer is still to come
            raise
        return await node.parse_response(connection, args[0], **kwargs)
    finally:
        node.release(connection)
