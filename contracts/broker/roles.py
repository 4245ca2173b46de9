"""Connect to the two Redis roles, frames and events, and check at start that each broker is configured for its role."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from contracts.broker.cluster import AsyncCluster
from contracts.broker.errors import BrokerForbids, BrokerFull, Role, broker_errors, is_temporary
from contracts.broker.pool import BoundedPool, SharingClient
from contracts.process.logs import get_logger
from contracts.process.retry import ANSWERED, retry
from contracts.rules.errors import BrokerMisconfigured

__all__ = [
    "AsyncBroker",
    "Broker",
    "BrokerForbids",
    "BrokerFull",
    "Role",
    "advise",
    "broker_errors",
    "broker_time_ms",
    "check_role",
    "connect",
    "connect_sync",
    "ensure_group",
    "ensure_group_sync",
    "highest_memory_share",
    "memory_share",
    "wait_for_brokers",
]

_log = get_logger()

AsyncBroker = redis.asyncio.Redis | redis.asyncio.RedisCluster
Broker = redis.Redis | redis.RedisCluster

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0
MINIMUM_VERSION = (7, 0)  # the first with ACL selectors, see `contracts.broker.acl`

_CLUSTER_SCHEMES = {"redis-cluster://": "redis://", "rediss-cluster://": "rediss://"}


def _cluster_url(url: str) -> str | None:
    for scheme, plain in _CLUSTER_SCHEMES.items():
        if url.startswith(scheme):
            return plain + url[len(scheme) :]
    return None


def connect(url: str, *, socket_timeout_s: float = SOCKET_TIMEOUT_S, max_connections: int = 64) -> AsyncBroker:
    """Create a client for ``redis://``, ``rediss://``, ``unix://``, ``redis-cluster://`` or ``rediss-cluster://``.

    The client connects on first use and opens at most ``max_connections`` connections (to each node of a cluster eight
    times as many, because redis-py raises an error there if none is free). Replies are bytes. The client never retries:
    a command whose reply was lost may have run, and only its caller knows whether it may run twice. With TLS it checks
    the certificate and its host; the URL's query may have ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile``.

    Raises:
        ValueError: the URL has another scheme.
    """
    options: dict[str, Any] = {
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": AsyncRetry(NoBackoff(), 0),
        "driver_info": None,
    }
    if (cluster := _cluster_url(url)) is not None:
        return AsyncCluster.from_url(cluster, max_connections=8 * max_connections, **options)
    return SharingClient.from_pool(BoundedPool.from_url(url, max_connections=max_connections, **options))


def connect_sync(url: str, *, socket_timeout_s: float = SOCKET_TIMEOUT_S) -> Broker:
    """`connect` for blocking code. Call it inside `broker_errors`: for a cluster it reads the slot table at once."""
    options: dict[str, Any] = {
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
        "driver_info": None,
    }
    if (cluster := _cluster_url(url)) is not None:
        return redis.RedisCluster.from_url(cluster, **options)
    return redis.Redis.from_url(url, **options)


# --- the checks at start -----------------------------------------------------------------------------


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _version(info: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in _text(info.get("redis_version", "0")).split(".")[:2])


def judge_role(role: Role, info: Mapping[str, Any], config: Mapping[str, str] | None, *, assume_volatile: bool) -> None:
    """Check one master's INFO and CONFIG against its role. ``config`` is None if the service does not allow CONFIG.

    Raises:
        BrokerMisconfigured: the master is not configured for the role; the text says how to fix it.
    """

    def refuse(problem: str, fix: str) -> None:
        raise BrokerMisconfigured(role, problem, fix)

    if _version(info) < MINIMUM_VERSION:
        refuse(f"its version is {_text(info.get('redis_version', 'unknown'))}", "Redis 7.0 or newer, or Valkey 8")
    if _text(info.get("role", "master")) != "master":
        refuse("it is a replica", "name the master in the URL")
    if config is None:
        if role == "frames" and not assume_volatile:
            refuse(
                "it hides CONFIG, so the process cannot see whether it writes raw frames to a disk",
                "A3CP_FRAMES_VOLATILE=assume, if you know that it never does",
            )
        return
    policy = config.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        refuse(f"maxmemory-policy is {policy}, which deletes data", "CONFIG SET maxmemory-policy noeviction")
    append_only = config.get("appendonly", "no")
    if role == "events":
        if append_only != "yes":
            refuse("appendonly is off, so a restart would lose events", "CONFIG SET appendonly yes")
        return
    if not assume_volatile:
        if append_only != "no":
            refuse("appendonly is on, which writes raw frames to a disk", "CONFIG SET appendonly no")
        if config.get("save", ""):
            refuse("RDB snapshots are on, which write raw frames to a disk", 'CONFIG SET save ""')
        if int(info.get("connected_slaves", 0)):
            refuse("it has a replica, and a replica may write raw frames to a disk", "REPLICAOF NO ONE on the replica")
    if int(config.get("maxmemory", "0")) <= 0:
        refuse("it has no maxmemory, so frames could fill the machine", "CONFIG SET maxmemory 1gb")


def advise(role: Role, info: Mapping[str, Any], config: Mapping[str, str] | None) -> BrokerMisconfigured | None:
    """Advice for the operator of an events broker without ``maxmemory``, or one that answers before its file is on the
    disk; None if there is nothing to advise. INFO shows ``maxmemory`` even if the service does not allow CONFIG.

    The broker is not refused, because existing installations were started before this project asked for these settings.
    """
    if role != "events":
        return None
    if int(info.get("maxmemory", 1)) <= 0:
        problem = "it has no maxmemory, so what clients append could fill the machine"
        return BrokerMisconfigured(role, problem, "CONFIG SET maxmemory 512mb")
    if (config or {}).get("appendfsync", "always") != "always":
        problem = "it answers before its file is on the disk, so a loss of power costs its last seconds"
        return BrokerMisconfigured(role, problem, "CONFIG SET appendfsync always")
    return None


_CONFIG_NAMES = ("save", "appendonly", "appendfsync", "maxmemory", "maxmemory-policy")


async def _masters(broker: AsyncBroker) -> list[dict[str, Any]]:
    """The arguments that send a command to each master; for a cluster, to the nodes that are masters now."""
    if not isinstance(broker, redis.asyncio.RedisCluster):
        return [{}]
    await broker.initialize()
    await broker.nodes_manager.initialize()
    return [{"target_nodes": node} for node in broker.get_primaries()]


async def _master_of(broker: AsyncBroker, key: str) -> dict[str, Any]:
    """The arguments that send a command to the master that has ``key``."""
    if not isinstance(broker, redis.asyncio.RedisCluster):
        return {}
    await broker.initialize()
    return {"target_nodes": broker.get_node_from_key(key)}


async def check_role(broker: AsyncBroker, role: Role, *, assume_volatile: bool = False) -> BrokerMisconfigured | None:
    """Check every master of a role. Returns advice for the operator, or None.

    Raises:
        BrokerMisconfigured: a master is not configured for the role.
        BrokerUnavailable: a master does not answer.
    """
    with broker_errors(role):
        masters = await _masters(broker)
        advice = [await _check_master(broker, master, role, assume_volatile) for master in masters]
    return next((one for one in advice if one), None)


async def _check_master(
    broker: AsyncBroker, master: dict[str, Any], role: Role, assume_volatile: bool
) -> BrokerMisconfigured | None:
    info: dict[str, Any] = {}
    for section in ("server", "replication", "memory"):
        info.update(await broker.info(section, **master))
    config: dict[str, str] | None = {}
    try:
        for name in _CONFIG_NAMES:
            answer = await broker.config_get(name, **master)
            config.update({_text(k): _text(v) for k, v in answer.items()})  # type: ignore[union-attr]
    except (redis.exceptions.NoPermissionError, redis.exceptions.ResponseError) as error:
        if is_temporary(error):
            raise
        config = None
    judge_role(role, info, config or None, assume_volatile=assume_volatile)
    return advise(role, info, config)


async def wait_for_brokers(
    frames: AsyncBroker, events: AsyncBroker, *, assume_volatile: bool
) -> BrokerMisconfigured | None:
    """Run `check_role` for both roles; retry with backoff while a broker is unreachable. Returns advice about the
    events broker for the operator, or None.

    Raises:
        BrokerMisconfigured: a broker answers, and is not configured for its role.
    """

    def on_retry(error: Exception, delay_s: float) -> None:
        _log.warning("waiting for a broker", detail=str(error), again_in_s=delay_s)

    advice = await retry(lambda: check_role(events, "events"), until=ANSWERED, on_retry=on_retry)
    check_frames = partial(check_role, frames, "frames", assume_volatile=assume_volatile)
    await retry(check_frames, until=ANSWERED, on_retry=on_retry)
    return advice


async def ensure_group(broker: AsyncBroker, role: Role, stream: str, group: str) -> None:
    """Create the consumer group unless it exists. It starts at ID ``0``, so that it also gets entries added before."""
    with broker_errors(role):
        try:
            await broker.xgroup_create(stream, group, id="0", mkstream=True)
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def ensure_group_sync(broker: Broker, role: Role, stream: str, group: str) -> None:
    """`ensure_group` for blocking code."""
    with broker_errors(role):
        try:
            broker.xgroup_create(stream, group, id="0", mkstream=True)
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


async def memory_share(broker: AsyncBroker, key: str, more_bytes: int = 0) -> float:
    """The share of ``maxmemory`` that the master of ``key`` would use with ``more_bytes`` more, 0 to 1 and above. It is
    0 if there is no limit.

    Raises:
        BrokerUnavailable: the master does not answer.
    """
    with broker_errors("frames"):
        return _share_in_use(await broker.info("memory", **await _master_of(broker, key)), more_bytes)


async def highest_memory_share(broker: AsyncBroker) -> float:
    """The share of ``maxmemory`` that the fullest master uses, 0 to 1.

    Raises:
        BrokerUnavailable: a master does not answer.
    """
    with broker_errors("frames"):
        return max([_share_in_use(await broker.info("memory", **master)) for master in await _masters(broker)])


def _share_in_use(info: Mapping[str, Any], more_bytes: int = 0) -> float:
    limit = int(info.get("maxmemory", 0))
    return (int(info.get("used_memory", 0)) + more_bytes) / limit if limit else 0.0


async def broker_time_ms(broker: AsyncBroker, role: Role, key: str) -> int:
    """The time in ms by the clock of the master that has ``key``; scripts on that key use the same clock.

    Raises:
        BrokerUnavailable: the master does not answer.
    """
    with broker_errors(role):
        seconds, microseconds = await broker.time(**await _master_of(broker, key))
    return int(seconds) * 1000 + int(microseconds) // 1000
