"""The parts of redis-py that `contracts.broker` overrides or uses, and that its authors may move.

If an upgrade of redis-py fails here, read how the module that the test names uses the part.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode, NodesManager
from redis.asyncio.connection import AbstractConnection, Connection


def names(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("method", ["acquire_connection", "disconnect_free_connections", "disconnect_if_needed",
                                    "execute_command", "parse_response", "release",
                                    "update_active_connections_for_reconnect"])  # fmt: skip
def test_cluster_uses_the_nodes_method(method: str) -> None:
    assert callable(getattr(ClusterNode, method))


@pytest.mark.parametrize("method", ["get_node", "get_node_from_slot", "initialize", "move_slot"])
def test_cluster_uses_the_nodes_managers_method(method: str) -> None:
    assert callable(getattr(NodesManager, method))


def test_cluster_overrides_how_one_command_is_sent() -> None:
    assert names(redis.asyncio.RedisCluster._execute_command) == ["self", "target_node", "args", "kwargs"]
    assert "self._initialize" in inspect.getsource(redis.asyncio.RedisCluster)


@pytest.mark.parametrize("method", ["ensure_connection", "get_available_connection", "get_connection", "release"])
def test_pool_uses_the_method(method: str) -> None:
    assert callable(getattr(redis.asyncio.ConnectionPool, method))


@pytest.mark.parametrize("field", ["_reader", "_writer"])
def test_shared_connection_takes_the_field_from_a_connection(field: str) -> None:
    assert hasattr(Connection(), field)


@pytest.mark.parametrize("method", ["connect", "disconnect", "pack_commands", "send_packed_command"])
def test_shared_connection_and_cluster_use_the_connections_method(method: str) -> None:
    assert callable(getattr(AbstractConnection, method))


def test_sharing_client_makes_connections_as_its_pool_does() -> None:
    pool = redis.asyncio.ConnectionPool(socket_timeout=1)
    assert pool.connection_class is Connection and pool.connection_kwargs["socket_timeout"] == 1
