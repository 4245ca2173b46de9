"""Connecting to Redis: the configuration that each role needs, and which errors are worth a retry."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from structlog.testing import capture_logs

from contracts.broker import roles
from contracts.broker.roles import (
    BrokerForbids,
    BrokerFull,
    Role,
    advise,
    broker_errors,
    check_role,
    connect,
    connect_sync,
    ensure_group,
    ensure_group_sync,
    judge_role,
    wait_for_brokers,
)
from contracts.process.retry import backoff_s
from contracts.rules.errors import BrokerMisconfigured, BrokerSlow, BrokerUnavailable, UnreadableValue
from tests.conftest import BrokerPair
from tests.support.brokers import FRAMES, BrokerProcess
from tests.support.waiting import wait_until

INFO = {"redis_version": "7.0.15", "role": "master", "connected_slaves": 0}
FRAMES_CONFIG = {"save": "", "appendonly": "no", "maxmemory": "1000000", "maxmemory-policy": "noeviction"}
EVENTS_CONFIG = {"save": "3600 1", "appendonly": "yes", "maxmemory": "0", "maxmemory-policy": "noeviction"}


# --- the rule ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["7.0.0", "7.2.4", "8.0.1", b"7.4.0", "10.0.0", "255.255.255"])
def test_a_broker_that_is_configured_as_its_role_needs_is_accepted(version: str | bytes) -> None:
    judge_role("frames", {**INFO, "redis_version": version}, FRAMES_CONFIG, assume_volatile=False)
    judge_role("events", {**INFO, "redis_version": version}, EVENTS_CONFIG, assume_volatile=False)


def test_events_may_have_replicas_snapshots_and_a_bound() -> None:
    info = {**INFO, "connected_slaves": 2}
    judge_role("events", info, {**EVENTS_CONFIG, "maxmemory": "1000"}, assume_volatile=False)


REFUSED = [
    ("frames", {"redis_version": "6.2.14"}, {}, "its version is 6.2.14", "Redis 7.0 or newer, or Valkey 8"),
    ("events", {"redis_version": b"6.0.0"}, {}, "its version is 6.0.0", "Redis 7.0 or newer, or Valkey 8"),
    ("events", {"redis_version": "0"}, {}, "its version is 0", "Redis 7.0 or newer, or Valkey 8"),
    ("frames", {"role": "slave"}, {}, "it is a replica", "name the master in the URL"),
    ("events", {"role": b"slave"}, {}, "it is a replica", "name the master in the URL"),
    ("frames", {}, {"maxmemory-policy": "allkeys-lru"}, "maxmemory-policy is allkeys-lru, which deletes data",
     "CONFIG SET maxmemory-policy noeviction"),
    ("events", {}, {"maxmemory-policy": "volatile-ttl"}, "maxmemory-policy is volatile-ttl, which deletes data",
     "CONFIG SET maxmemory-policy noeviction"),
    ("frames", {}, {"appendonly": "yes"}, "appendonly is on, which writes raw frames to a disk",
     "CONFIG SET appendonly no"),
    ("frames", {}, {"save": "3600 1 300 100"}, "RDB snapshots are on, which write raw frames to a disk",
     'CONFIG SET save ""'),
    ("frames", {"connected_slaves": 1}, {}, "it has a replica, and a replica may write raw frames to a disk",
     "REPLICAOF NO ONE on the replica"),
    ("frames", {}, {"maxmemory": "0"}, "it has no maxmemory, so frames could fill the machine",
     "CONFIG SET maxmemory 1gb"),
    ("events", {}, {"appendonly": "no"}, "appendonly is off, so a restart would lose events",
     "CONFIG SET appendonly yes"),
]  # fmt: skip


@pytest.mark.parametrize(("role", "info", "config", "problem", "fix"), REFUSED)
def test_a_broker_that_is_misconfigured_for_its_role_is_refused_with_the_fix(
    role: Role, info: dict[str, Any], config: dict[str, str], problem: str, fix: str
) -> None:
    needed = FRAMES_CONFIG if role == "frames" else EVENTS_CONFIG
    with pytest.raises(BrokerMisconfigured) as caught:
        judge_role(role, {**INFO, **info}, {**needed, **config}, assume_volatile=False)
    assert (caught.value.role, caught.value.problem, caught.value.fix) == (role, problem, fix)


def test_a_frames_broker_that_hides_config_is_refused_until_it_is_assumed_volatile() -> None:
    with pytest.raises(BrokerMisconfigured) as caught:
        judge_role("frames", INFO, None, assume_volatile=False)
    assert "A3CP_FRAMES_VOLATILE=assume" in caught.value.fix
    judge_role("frames", INFO, None, assume_volatile=True)
    judge_role("events", INFO, None, assume_volatile=False)


def test_assuming_volatility_waives_persistence_and_nothing_else() -> None:
    persisting = {**FRAMES_CONFIG, "appendonly": "yes", "save": "3600 1"}
    judge_role("frames", {**INFO, "connected_slaves": 1}, persisting, assume_volatile=True)
    for config in ({"maxmemory": "0"}, {"maxmemory-policy": "allkeys-lru"}):
        with pytest.raises(BrokerMisconfigured):
            judge_role("frames", INFO, {**FRAMES_CONFIG, **config}, assume_volatile=True)
    with pytest.raises(BrokerMisconfigured):
        judge_role("frames", {**INFO, "redis_version": "6.2.0"}, None, assume_volatile=True)
    with pytest.raises(BrokerMisconfigured):
        judge_role("events", INFO, {**EVENTS_CONFIG, "appendonly": "no"}, assume_volatile=True)


@pytest.mark.parametrize(
    ("role", "info", "config", "fix"),
    [
        ("events", {"maxmemory": 0}, {}, "CONFIG SET maxmemory 512mb"),
        ("events", {"maxmemory": "0"}, None, "CONFIG SET maxmemory 512mb"),
        ("events", {"maxmemory": 1000}, {"appendfsync": "everysec"}, "CONFIG SET appendfsync always"),
        ("events", {"maxmemory": 1000}, {"appendfsync": "no"}, "CONFIG SET appendfsync always"),
        ("events", {"maxmemory": 1000}, {"appendfsync": "always"}, None),
        ("events", {"maxmemory": 1000}, None, None),
        ("events", {}, {}, None),
        ("frames", {"maxmemory": 0}, {"appendfsync": "everysec"}, None),
    ],
)  # fmt: skip
def test_an_events_broker_that_fills_the_machine_or_may_lose_seconds_is_accepted_with_advice(
    role: Role, info: dict[str, Any], config: dict[str, str] | None, fix: str | None
) -> None:
    judge_role("events", INFO, {**EVENTS_CONFIG, "maxmemory": "0"}, assume_volatile=False)
    advice = advise(role, {**INFO, **info}, config)
    assert (advice.fix if advice else None) == fix


# --- real brokers --------------------------------------------------------------------------------------


def check(url: str, role: Role, *, assume_volatile: bool = False) -> BrokerMisconfigured | None:
    async def main() -> BrokerMisconfigured | None:
        client = connect(url)
        try:
            return await check_role(client, role, assume_volatile=assume_volatile)
        finally:
            await client.aclose()

    return asyncio.run(main())


def refusal(url: str, role: Role) -> BrokerMisconfigured:
    with pytest.raises(BrokerMisconfigured) as caught:
        check(url, role)
    return caught.value


def test_real_brokers_that_are_configured_as_they_must_be_are_accepted(brokers: BrokerPair) -> None:
    assert check(brokers.frames.url, "frames") is None
    assert check(brokers.events.url, "events") is None


@pytest.mark.parametrize(
    ("setting", "value", "right"), [("maxmemory", "0", "512mb"), ("appendfsync", "everysec", "always")]
)
def test_a_real_events_broker_with_a_setting_to_correct_is_accepted_with_advice(
    own_brokers: BrokerPair, setting: str, value: str, right: str
) -> None:
    with own_brokers.events.client() as client:
        client.config_set(setting, value)
    advice = check(own_brokers.events.url, "events")
    assert advice is not None and advice.fix == f"CONFIG SET {setting} {right}"


@pytest.mark.parametrize(
    ("setting", "value", "problem", "fix"),
    [
        ("appendonly", "yes", "appendonly is on", "CONFIG SET appendonly no"),
        ("save", "3600 1", "RDB snapshots are on", 'CONFIG SET save ""'),
        ("maxmemory", "0", "it has no maxmemory", "CONFIG SET maxmemory 1gb"),
        (
            "maxmemory-policy",
            "allkeys-lru",
            "maxmemory-policy is allkeys-lru",
            "CONFIG SET maxmemory-policy noeviction",
        ),
    ],
)
def test_a_real_frames_broker_that_may_persist_or_delete_is_refused(
    own_brokers: BrokerPair, setting: str, value: str, problem: str, fix: str
) -> None:
    with own_brokers.frames.client() as client:
        client.config_set(setting, value)
    error = refusal(own_brokers.frames.url, "frames")
    assert error.problem.startswith(problem)
    assert error.fix == fix
    if setting in ("appendonly", "save"):
        check(own_brokers.frames.url, "frames", assume_volatile=True)
    with own_brokers.frames.client() as client:
        client.config_set("appendonly", "no")  # a server that writes its first AOF refuses to stop


def test_the_advice_fixes_it(own_brokers: BrokerPair) -> None:
    with own_brokers.events.client() as client:  # persistent and without a memory limit: both are wrong for frames
        for _ in range(5):
            try:
                check(own_brokers.events.url, "frames")
                break
            except BrokerMisconfigured as error:
                client.execute_command(*[word.strip('"') for word in error.fix.split(" ")])
        check(own_brokers.events.url, "frames")


def test_a_real_events_broker_without_aof_is_refused(brokers: BrokerPair) -> None:
    error = refusal(brokers.frames.url, "events")
    assert error.fix == "CONFIG SET appendonly yes"


@pytest.fixture
def replica(own_brokers: BrokerPair) -> Iterator[BrokerProcess]:
    """A replica of the pair's frames broker, attached. Replication needs a TCP port."""
    with own_brokers.frames.client() as master:
        port = _listen(master)
    follower = BrokerProcess(own_brokers.frames.flavour, (*FRAMES, "--replicaof", f"127.0.0.1 {port}")).start()
    yield follower
    follower.stop()


def _listen(client: redis.Redis) -> int:
    """Let a server that has only a socket listen on a free TCP port too."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    client.config_set("port", port)
    return port


def test_a_frames_broker_with_a_replica_is_refused_and_so_is_the_replica(
    own_brokers: BrokerPair, replica: BrokerProcess
) -> None:
    with own_brokers.frames.client() as master:
        wait_until(lambda: master.info("replication")["connected_slaves"] == 1)
    assert refusal(own_brokers.frames.url, "frames").problem.startswith("it has a replica")
    assert refusal(replica.url, "frames").problem == "it is a replica"
    check(own_brokers.frames.url, "frames", assume_volatile=True)


def test_a_broker_whose_acl_hides_config_is_refused_until_it_is_assumed_volatile(own_brokers: BrokerPair) -> None:
    for role, process in (("frames", own_brokers.frames), ("events", own_brokers.events)):
        with process.client() as client:
            client.execute_command("ACL", "SETUSER", "app", "on", ">word", "~*", "+@all", "-config")
        url = process.url.replace("unix://", "unix://app:word@")
        if role == "frames":
            assert "A3CP_FRAMES_VOLATILE=assume" in refusal(url, "frames").fix
            check(url, "frames", assume_volatile=True)
        else:
            check(url, "events")


def test_brokers_that_are_away_are_waited_for_and_each_wait_is_logged(own_brokers: BrokerPair) -> None:
    own_brokers.frames.kill()

    async def main() -> BrokerMisconfigured | None:
        frames, events = connect(own_brokers.frames.url), connect(own_brokers.events.url)
        waiting = asyncio.create_task(wait_for_brokers(frames, events, assume_volatile=False))
        while len(logged) < 2:
            await asyncio.sleep(0.01)
        own_brokers.frames.start()
        advice = await waiting
        await frames.aclose()
        await events.aclose()
        return advice

    with capture_logs() as logged:
        asyncio.run(main())
    assert [line["again_in_s"] for line in logged][:2] == [backoff_s(0), backoff_s(1)]
    assert all(line["event"] == "waiting for a broker" and "frames broker" in line["detail"] for line in logged)


def test_a_misconfigured_broker_is_not_waited_for(brokers: BrokerPair) -> None:
    async def main() -> None:
        client = connect(brokers.frames.url)
        with pytest.raises(BrokerMisconfigured):
            await wait_for_brokers(client, client, assume_volatile=False)
        await client.aclose()

    with capture_logs() as logged:
        asyncio.run(main())
    assert not logged


def test_a_group_is_created_at_the_beginning_and_creating_it_again_is_done_already(
    brokers: BrokerPair, unique: str
) -> None:
    async def main(stream: str) -> None:
        client = connect(brokers.frames.url)
        await client.xadd(stream, {"early": "entry"})
        await ensure_group(client, "frames", stream, "group")
        await ensure_group(client, "frames", stream, "group")
        [[_, entries]] = await client.xreadgroup("group", "me", {stream: ">"})  # type: ignore[misc]
        assert [fields for _, fields in entries] == [{b"early": b"entry"}]
        await client.aclose()

    asyncio.run(main(unique))
    with connect_sync(brokers.frames.url) as client:
        client.xadd(unique + "-sync", {"early": "entry"})
        ensure_group_sync(client, "frames", unique + "-sync", "group")
        ensure_group_sync(client, "frames", unique + "-sync", "group")
        [[_, entries]] = client.xreadgroup("group", "me", {unique + "-sync": ">"})  # type: ignore[misc]
        assert len(entries) == 1


def test_a_group_on_a_key_of_another_type_is_an_unreadable_value(brokers: BrokerPair, unique: str) -> None:
    with connect_sync(brokers.frames.url) as client:
        client.set(unique, "text")
        with pytest.raises(UnreadableValue, match="WRONGTYPE"):
            ensure_group_sync(client, "frames", unique, "group")


# --- clients and errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://localhost:6379/1", redis.asyncio.Redis),
        ("rediss://localhost", redis.asyncio.Redis),
        ("unix:///run/redis.sock", redis.asyncio.Redis),
        ("redis-cluster://localhost:7000", redis.asyncio.RedisCluster),
        ("rediss-cluster://user:word@localhost:7000", redis.asyncio.RedisCluster),
    ],
)
async def test_a_client_is_made_for_each_scheme_without_connecting_and_never_retries(url: str, kind: type) -> None:
    client: Any = connect(url)
    assert isinstance(client, kind)
    assert client.get_encoder().decode_responses is False
    if isinstance(client, redis.asyncio.RedisCluster):
        assert client.retry.get_retries() == 0
        assert (client.connection_kwargs.get("connection_class") is redis.asyncio.SSLConnection) == url.startswith(
            "rediss"
        )
    else:
        assert client.get_retry().get_retries() == 0
        assert client.connection_pool.connection_kwargs["socket_timeout"] == roles.SOCKET_TIMEOUT_S
    await client.aclose()


@pytest.mark.parametrize("url", ["redis://localhost:6379/1", "rediss://localhost", "unix:///run/redis.sock"])
def test_a_blocking_client_never_retries_either(url: str) -> None:
    with connect_sync(url) as client:
        assert client.get_retry().get_retries() == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("url", ["", "localhost", "http://localhost", "redis-cluster", "valkey://h", "file:///x"])
def test_another_scheme_is_a_value_error(url: str) -> None:
    for make in (connect, connect_sync):
        with pytest.raises(ValueError):
            make(url)


def reply(text: str) -> BaseException:
    """The client library's own error for a broker's reply."""
    from redis._parsers.base import BaseParser

    error = BaseParser.parse_error(text)
    assert isinstance(error, BaseException)
    return error


@pytest.mark.parametrize(
    "text",
    [
        "LOADING Redis is loading the dataset in memory",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "CLUSTERDOWN Hash slot not served",
        "READONLY You can't write against a read only replica. script: 0123, on @user_script:1.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        "NOREPLICAS Not enough good replicas to write.",
        "MOVED 3999 127.0.0.1:6381",
        "ASK 3999 127.0.0.1:6381",
        "ERR max number of clients reached",
    ],
)
def test_a_reply_that_passes_means_try_again(text: str) -> None:
    with pytest.raises(BrokerUnavailable) as caught, broker_errors("events"):
        raise reply(text)
    assert type(caught.value) is BrokerUnavailable
    assert caught.value.role == "events"
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "error",
    [
        redis.exceptions.ConnectionError("Error 111 connecting to localhost:6379. Connection refused."),
        redis.exceptions.TimeoutError("Timeout reading from socket"),
        redis.exceptions.RedisClusterException("Redis Cluster cannot be connected."),
        ConnectionResetError(104, "Connection reset by peer"),
        BrokenPipeError(32, "Broken pipe"),
        TimeoutError(),
        ssl.SSLError("handshake failed"),
    ],
)
def test_a_broker_that_is_away_means_try_again(error: BaseException) -> None:
    with pytest.raises(BrokerUnavailable) as caught, broker_errors("frames"):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.cause
    assert isinstance(caught.value, BrokerSlow) == isinstance(error, redis.exceptions.TimeoutError)
    assert "\n" not in caught.value.cause


@pytest.mark.parametrize(
    "text",
    [
        "OOM command not allowed when used memory > 'maxmemory'.",
        "OOM command not allowed when used memory > 'maxmemory'. script: 01, on @user_script:3.",
    ],
)
def test_a_full_broker_is_known_as_such(text: str) -> None:
    with pytest.raises(BrokerFull), broker_errors("frames"):
        raise reply(text)


@pytest.mark.parametrize(
    "text",
    [
        "BUSYGROUP Consumer Group name already exists",
        "NOGROUP No such key 'x' or consumer group 'y'",
        "NOSCRIPT No matching script. Please use EVAL.",
        "ERR unknown command",
    ],
)
def test_any_other_reply_is_raised_as_it_is(text: str) -> None:
    error = reply(text)
    with pytest.raises(redis.exceptions.ResponseError) as caught, broker_errors("frames"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "text",
    [
        "NOPERM this user has no permissions to run the 'xadd' command",
        "NOPERM User gateway has no permissions to access one of the keys used as arguments",
        "ERR ACL failure in script: No permissions to access a key script: 01, on @user_script:1.",
        "ERR The user executing the script can't run this command or subcommand script: 01, on @user_script:1.",
    ],
)
def test_a_command_that_is_forbidden_is_fatal_and_says_where_the_rights_are(text: str) -> None:
    with pytest.raises(BrokerForbids, match="forbids a command") as caught, broker_errors("events"):
        raise reply(text)
    assert "`a3cp acl events`" in str(caught.value)


@pytest.mark.parametrize("text", ["NOAUTH Authentication required.", "WRONGPASS invalid username-password pair"])
def test_a_password_that_is_wrong_is_fatal_and_the_line_names_its_variable_alone(text: str) -> None:
    with pytest.raises(BrokerForbids) as caught, broker_errors("frames"):
        raise reply(text)
    assert str(caught.value) == (
        "the frames broker is refused: it does not accept the user and the password in A3CP_FRAMES_URL; "
        "fix it with: A3CP_FRAMES_URL=redis://USER:PASSWORD@HOST:PORT, percent-encoded"
    )


def test_an_error_of_this_project_passes_through() -> None:
    with pytest.raises(KeyError), broker_errors("frames"):
        raise KeyError("x")
