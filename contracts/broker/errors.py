"""Translate redis-py's errors: the broker is unavailable, full, refuses this process, or holds an unreadable value."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Literal

import redis

from contracts.rules.errors import BrokerFull, BrokerMisconfigured, BrokerSlow, BrokerUnavailable, UnreadableValue

__all__ = ["BrokerForbids", "BrokerFull", "Role", "broker_errors", "is_temporary"]

Role = Literal["frames", "events"]


class BrokerForbids(BrokerMisconfigured):
    """The broker refuses this process's password or rights, or its certificate is not trusted.

    The text names hosts and users, so show it to operators only, never to clients."""


_TRANSIENT_REPLIES = (
    "LOADING ", "MISCONF ", "CLUSTERDOWN ", "READONLY ", "MASTERDOWN ", "TRYAGAIN ", "NOREPLICAS ", "UNBLOCKED ",
    "MOVED ", "ASK ", "BUSY ",  # the space matters: BUSYGROUP and BUSYKEY are not temporary
)  # fmt: skip


# a class, because a generator-based context manager takes eight times as long, and every frame enters one
class broker_errors:
    """Translate redis-py's errors inside a ``with`` block; redis-py's error is the cause of the new one.

    Raises:
        BrokerFull: the broker is out of memory.
        BrokerSlow: the broker did not answer within the client's time-out.
        BrokerUnavailable: the connection was refused or lost, or the broker is loading, has lost its cluster or cannot
            write to its disk.
        BrokerForbids: the broker refuses the password or the command, or its certificate is not trusted.
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


_UNREACHABLE = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    OSError,
    redis.exceptions.RedisClusterException,
    redis.exceptions.ClusterError,
)


def _translated(role: Role, error: BaseException) -> BrokerUnavailable | BrokerForbids | UnreadableValue | None:
    """The project's own error for a redis-py error; None if the error does not describe the broker's state."""
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return BrokerFull(role, _one_line(error))
    if isinstance(error, _UNREACHABLE):
        unavailable = BrokerSlow if isinstance(error, redis.exceptions.TimeoutError) else BrokerUnavailable
        return _refused_access(role, error) or unavailable(role, _one_line(error))
    if isinstance(error, redis.exceptions.ResponseError):
        text = _reply(error)
        if "OOM command not allowed" in text:
            return BrokerFull(role, _one_line(error))
        if text.startswith(_TRANSIENT_REPLIES):
            return BrokerUnavailable(role, _one_line(error))
        if isinstance(error, redis.exceptions.NoPermissionError) or _FORBIDDEN.search(text):
            fix = f"the rights that `a3cp acl {role}` prints (its ACL LOG names the command and the key)"
            return BrokerForbids(role, f"it forbids a command ({_one_line(error)})", fix)
        if _BAD_VALUE.search(text):
            return UnreadableValue(role, "a key of the command", _one_line(error))
    return None


_FORBIDDEN = re.compile(r"^NOPERM |ACL failure in script|The user executing the script can't")
"""The last two are the replies to a forbidden command inside a script, in Redis 7.0 and in later versions."""

_BAD_VALUE = re.compile(
    r"^WRONGTYPE |user_script|Error running script|not an integer|not a (valid )?float|not a number|out of range"
    r"|would (overflow|produce)|Invalid stream ID|equal or smaller than|exhausted the last possible ID|too many results"
)
"""Replies that say that the value under a key is wrong, not the command. `user_script` marks an error inside a
script."""


def _refused_access(role: Role, error: BaseException) -> BrokerForbids | None:
    """Authentication or certificate failure. Retrying will not help."""
    variable = f"A3CP_{role.upper()}_URL"
    for cause in _causes(error):
        if isinstance(cause, redis.exceptions.AuthenticationError | redis.exceptions.AuthorizationError):
            fix = f"{variable}=redis://USER:PASSWORD@HOST:PORT, percent-encoded"
            return BrokerForbids(role, f"it does not accept the user and the password in {variable}", fix)
        if isinstance(cause, ssl.SSLCertVerificationError):
            fix = f"{variable}=rediss://HOST:PORT?ssl_ca_certs=/path/of/ca.pem, with a HOST that the certificate names"
            return BrokerForbids(role, f"its certificate is not trusted ({cause.verify_message})", fix)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reply(error: redis.exceptions.ResponseError) -> str:
    """The broker's whole reply. If redis-py has a class for an error code, it removes the code from the text."""
    code = getattr(error, "status_code", None)
    return f"{code} {error}" if code else str(error)


def is_temporary(error: redis.exceptions.ResponseError) -> bool:
    """Whether an error reply describes a temporary state of the broker."""
    return isinstance(error, redis.exceptions.OutOfMemoryError) or _reply(error).startswith(_TRANSIENT_REPLIES)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
