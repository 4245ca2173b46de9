"""Translate redis-py's errors: the broker is unavailable, full, refuses this process, or holds an unreadable value."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Literal

import redis

from contracts.rules.errors import BrokerFull, BrokerMisconfigured, BrokerSlow, BrokerUnavailable, UnreadableValue

__all__ = ["BrokerForbids", "BrokerFull", "Role", "broker_errors", "is_passing"]

Role = Literal["frames", "events"]


class BrokerForbids(BrokerMisconfigured):
    """The broker refuses this process's password or rights, or its certificate is not trusted.

    Its text names hosts and users: it is for operators, not for clients."""


_TRANSIENT_REPLIES = (
    "LOADING ", "MISCONF ", "CLUSTERDOWN ", "READONLY ", "MASTERDOWN ", "TRYAGAIN ", "NOREPLICAS ", "UNBLOCKED ",
    "MOVED ", "ASK ", "BUSY ",  # with its space: BUSYGROUP and BUSYKEY are no hiccups
)  # fmt: skip


class broker_errors:  # used as a function; as a class it costs an eighth of a generator, and every frame goes through
    """Translate redis-py's errors inside the block; the cause is chained.

    Raises:
        BrokerFull: out of memory.
        BrokerSlow: no answer within the client's time-out.
        BrokerUnavailable: connection refused or lost, loading, cluster down, disk errors.
        BrokerForbids: it refuses the password or the command, or its certificate is not trusted.
        UnreadableValue: a key holds a type or a value that the command cannot work with.
    """

    __slots__ = ("_role",)

    def __init__(self, role: Role) -> None:
        self._role: Role = role

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and (ours := _translated(self._role, error)) is not None:
            raise ours from error


_AWAY = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    OSError,
    redis.exceptions.RedisClusterException,
    redis.exceptions.ClusterError,
)


def _translated(role: Role, error: BaseException) -> BrokerUnavailable | BrokerForbids | UnreadableValue | None:
    """The project's own error; None if the error says nothing about the broker's state."""
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return BrokerFull(role, "it is out of memory")
    if isinstance(error, _AWAY):
        away = BrokerSlow if isinstance(error, redis.exceptions.TimeoutError) else BrokerUnavailable
        return _refused_access(role, error) or away(role, _one_line(error))
    if isinstance(error, redis.exceptions.ResponseError):
        text = _reply(error)
        if "OOM command not allowed" in text:
            return BrokerFull(role, "it is out of memory")
        if text.startswith(_TRANSIENT_REPLIES):
            return BrokerUnavailable(role, _one_line(error))
        if isinstance(error, redis.exceptions.NoPermissionError) or _FORBIDDEN.search(text):
            fix = f"the rights that `a3cp acl {role}` prints (its ACL LOG names the command and the key)"
            return BrokerForbids(role, f"it forbids us a command ({_one_line(error)})", fix)
        if _OF_THE_DATA.search(text):
            return UnreadableValue(role, "a key of the command", _one_line(error))
    return None


_FORBIDDEN = re.compile(r"^NOPERM |ACL failure in script|The user executing the script can't")
"""The last two are the replies if a command inside a script is forbidden: in Redis 7.0, and in later versions."""

_OF_THE_DATA = re.compile(
    r"^WRONGTYPE |user_script|Error running script|not an integer|not a (valid )?float|not a number|out of range"
    r"|would (overflow|produce)|Invalid stream ID|equal or smaller than|exhausted the last possible ID|too many results"
)
"""The command was right; the value under its key was not. `user_script` marks an error that a script raised on it."""


def _refused_access(role: Role, error: BaseException) -> BrokerForbids | None:
    """Authentication or certificate failure. Retrying will not help."""
    variable = f"A3CP_{role.upper()}_URL"
    for cause in _causes(error):
        if isinstance(cause, redis.exceptions.AuthenticationError | redis.exceptions.AuthorizationError):
            fix = f"{variable}=redis://USER:PASSWORD@HOST:PORT, percent-encoded"
            return BrokerForbids(role, f"it does not accept the user and the password in {variable}", fix)
        if isinstance(cause, ssl.SSLCertVerificationError):
            fix = f"{variable}=rediss://HOST:PORT?ssl_ca_certs=/path/of/ca.pem, with a HOST that the certificate names"
            return BrokerForbids(role, f"its certificate is not to be trusted ({cause.verify_message})", fix)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reply(error: redis.exceptions.ResponseError) -> str:
    """The broker's whole reply: if redis-py has a class for an error code, it cuts the code off the text."""
    code = getattr(error, "status_code", None)
    return f"{code} {error}" if code else str(error)


def is_passing(error: redis.exceptions.ResponseError) -> bool:
    """Whether an error reply describes a temporary state of the broker."""
    return isinstance(error, redis.exceptions.OutOfMemoryError) or _reply(error).startswith(_TRANSIENT_REPLIES)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
