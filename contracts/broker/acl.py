"""The rights of each process in the brokers, as access rules (ACL) of Redis 7 and Valkey 8.

Each kind of process has one user in each role's broker, with the fewest rights that it needs. A right is a key pattern
and the commands that may use such keys. It becomes one ACL selector: a command is allowed if a single right allows it
for all of its keys. The broker checks every command of a script as if the caller had sent it.

No user may make the broker write its memory to a disk or send it elsewhere, change the broker's configuration, or read
keys that its process does not use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, get_args

from contracts.broker import keys
from contracts.broker.keys import (
    capture_keys,
    capture_record,
    dead_note,
    erasure,
    live_inbox,
    live_outbox,
    receipt,
    session,
    sign_in_code,
    uploaded_video,
    user_captures,
    window,
)
from contracts.broker.roles import Role

__all__ = ["RIGHTS", "User", "acl_file", "password_hash"]

User = Literal["gateway", "extractor", "live", "recorder", "operator", "monitor"]
"""``live`` is the live worker. ``operator`` is the person who runs `a3cp inspect` and `a3cp doctor`. ``monitor`` is for
health checks and KEDA; it may read the lengths of the queues and nothing else."""

Rights = Mapping[str, str]
"""From a key pattern (or several, separated by spaces) to the allowed commands; ``""`` has the commands without a
key."""

_EVERY_PROCESS = "info config|get time command cluster|slots asking"
"""INFO and CONFIG GET check the role, TIME reads the broker's clock, the others find a key's master in a cluster."""

_OPERATOR = f"{_EVERY_PROCESS} script|kill"
"""SCRIPT KILL ends a script that does not end by itself: until then the broker answers no other client."""

_STATE, _FRAMES, _ROWS = capture_keys("*")

_GATEWAY_FRAMES: Rights = {
    "": _EVERY_PROCESS,
    _STATE: "hget hmget hset hincrby hdel expire",
    _FRAMES: "xadd xlen del expire",
    _ROWS: "hlen expire",
    f"{_FRAMES} {_ROWS}": "unlink",
    keys.FAILED: "zrange zscore zrem",
    f"{keys.CAPTURES} {keys.UPLOADS}": "xadd xgroup|create xinfo|groups xlen xpending xrange",
    keys.ERASURES: "xadd xrange",
    keys.EXTRACTORS: "zcount",
    keys.LIVE_WORKERS: "zcount zrangebyscore zscore",
    keys.LIVE_SESSIONS: "zadd zrange zrem zremrangebyscore pexpire",
    live_inbox("*"): "xadd xdel xlen del pexpire",
    live_outbox("*"): "xread xdel xlen del",
    keys.UPLOAD_PLACES: "zadd zrange zrem zremrangebyscore pttl pexpire",
    uploaded_video("*"): "hset hlen expire del",
}

_GATEWAY_EVENTS: Rights = {
    "": _EVERY_PROCESS,
    session("*"): "hmget hset expire",
    capture_record("*"): "exists hget hmget hgetall hset hsetnx hdel expire",
    window("*", "*"): "exists set",
    user_captures("*"): "zadd zcount zrem zremrangebyscore zscore pexpire",
    keys.UNFINISHED: "zadd zrem zcard",
    keys.EVENTS: "xadd xgroup|create xinfo|groups xlen xrange",
    keys.DEAD_EVENTS: "xlen xrange xrevrange xdel",
    dead_note("*"): "get set",
    keys.RECORDER_LEADER: "exists",
    receipt("*"): "get",
    sign_in_code("*"): "getdel",
    erasure("*"): "hmget hset expire del",
    keys.RETENTION: "hgetall hset pttl pexpire del",
}

_EXTRACTOR_FRAMES: Rights = {
    "": _EVERY_PROCESS,
    f"{keys.CAPTURES} {keys.UPLOADS}": "xreadgroup xautoclaim xclaim xack xdel xpending xgroup|create "
    "xgroup|delconsumer",
    keys.ERASURES: "xreadgroup xautoclaim xclaim xack xdel xpending xgroup|create xgroup|delconsumer",
    keys.EXTRACTORS: "zadd zrem zrangebyscore zremrangebyscore",
    _STATE: "hget hmget hgetall hset hincrby hdel expire",
    _FRAMES: "xread xdel xadd xlen del expire",
    _ROWS: "hgetall hsetnx hlen expire",
    f"{_FRAMES} {_ROWS}": "unlink",
    keys.FAILED: "zadd zrem zrevrange zremrangebyscore pttl pexpire",
    keys.UPLOAD_PLACES: "zrem",
    uploaded_video("*"): "hget expire del",
}

_EXTRACTOR_EVENTS: Rights = {
    "": _EVERY_PROCESS,
    capture_record("*"): "hmget hset expire",
    user_captures("*"): "zrem",
    keys.UNFINISHED: "zrem",
    keys.EVENTS: "xadd",
    erasure("*"): "exists hmget hset expire",
}

_LIVE_FRAMES: Rights = {
    "": _EVERY_PROCESS,
    keys.LIVE_WORKERS: "zadd zrem zremrangebyscore pexpire",
    keys.LIVE_SESSIONS: "zrange zremrangebyscore",
    live_inbox("*"): "xread xdel xlen del",
    live_outbox("*"): "xadd pexpire",
}

_RECORDER_FRAMES: Rights = {
    "": _EVERY_PROCESS,
    _STATE: "exists hexists del",
    keys.EXTRACTORS: "zcount",
    keys.UPLOAD_PLACES: "zrem",
    uploaded_video("*"): "del",
}

_RECORDER_EVENTS: Rights = {
    "": _EVERY_PROCESS,
    keys.EVENTS: "xreadgroup xautoclaim xack xdel xadd xpending xrange xgroup|create xgroup|delconsumer",
    keys.DEAD_EVENTS: "xadd xtrim xdel xlen xrange xrevrange",
    receipt("*"): "set",
    capture_record("*"): "hget hmget hgetall hset expire",
    user_captures("*"): "zrem",
    keys.UNFINISHED: "zrem zrangebyscore",
    keys.RECORDER_LEADER: "get set del pexpire pttl",
}

_OPERATOR_FRAMES: Rights = {
    "": _OPERATOR,
    f"{keys.CAPTURES} {keys.UPLOADS}": "xinfo|groups xlen xpending xrange",
    keys.ERASURES: "xinfo|groups xlen",
    f"{keys.UPLOAD_PLACES} {keys.EXTRACTORS} {keys.LIVE_WORKERS} {keys.LIVE_SESSIONS}": "zrange",
    _STATE: "hmget hgetall",
    f"{_FRAMES} {live_inbox('*')}": "xlen",
}

_OPERATOR_EVENTS: Rights = {
    "": _OPERATOR,
    keys.EVENTS: "xinfo|groups xlen xpending xrange",
    keys.DEAD_EVENTS: "xlen xrange xrevrange",
    keys.UNFINISHED: "zcard zrange",
    capture_record("*"): "hgetall",
    keys.RECORDER_LEADER: "get",
    sign_in_code("*"): "set",
}

RIGHTS: Mapping[Role, Mapping[User, Rights]] = {
    "frames": {
        "gateway": _GATEWAY_FRAMES,
        "extractor": _EXTRACTOR_FRAMES,
        "live": _LIVE_FRAMES,
        "recorder": _RECORDER_FRAMES,
        "operator": _OPERATOR_FRAMES,
        "monitor": {
            "": "ping command cluster|slots asking",
            f"{keys.CAPTURES} {keys.UPLOADS}": "xlen",
        },
    },
    "events": {
        "gateway": _GATEWAY_EVENTS,
        "extractor": _EXTRACTOR_EVENTS,
        "live": {"": _EVERY_PROCESS},
        "recorder": _RECORDER_EVENTS,
        "operator": _OPERATOR_EVENTS,
        "monitor": {
            "": "ping command cluster|slots asking",
            f"{keys.EVENTS} {keys.DEAD_EVENTS}": "xlen",
        },
    },
}

_RUN_SCRIPTS: Mapping[Role, frozenset[User]] = {
    "frames": frozenset({"gateway", "extractor", "live"}),
    "events": frozenset({"gateway", "extractor", "recorder"}),
}


def acl_file(role: Role, hashes: Mapping[User, str]) -> str:
    """The text of the ACL file of a role's broker. It has the users in ``hashes``, with their `password_hash`, and
    disables the default user."""
    users = [user for user in get_args(User) if user in hashes]
    lines = ["user default reset off", *(f"user {user} {_rules(role, user, hashes[user])}" for user in users)]
    return "\n".join(lines) + "\n"


def _rules(role: Role, user: User, hash_: str) -> str:
    rights = RIGHTS[role][user]
    selectors = [_selector(commands, patterns) for patterns, commands in rights.items() if patterns]
    if user in _RUN_SCRIPTS[role]:
        selectors.append(_selector("evalsha eval", " ".join(rights)))
    return " ".join(["reset on", f"#{hash_}", "resetchannels", *_words("+", rights[""]), *selectors])


def _selector(commands: str, patterns: str) -> str:
    return f"({' '.join([*_words('+', commands), *dict.fromkeys(_words('~', patterns))])})"


def _words(sign: str, words: str) -> list[str]:
    return [sign + word for word in words.split()]


def password_hash(password: str) -> str:
    """The SHA-256 of a password, in hex, as an ACL file holds it."""
    return hashlib.sha256(password.encode()).hexdigest()
