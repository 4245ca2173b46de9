"""Commands that no user may run in a broker, and those that one process may not run, though another one may."""

from __future__ import annotations

from contracts.broker.acl import User
from contracts.broker.keys import (
    CAPTURES,
    DEAD_EVENTS,
    EVENTS,
    EXTRACTORS,
    LIVE_SESSIONS,
    LIVE_WORKERS,
    RECORDER_LEADER,
    UNFINISHED,
    UPLOAD_PLACES,
    capture_keys,
    capture_record,
    live_inbox,
    live_outbox,
    receipt,
    session,
    uploaded_video,
    user_captures,
    window,
)  # fmt: skip
from contracts.broker.roles import Role

__all__ = ["DENIED", "NEVER"]

STATE, FRAMES, ROWS = capture_keys("x")
VIDEO, INBOX, OUTBOX = uploaded_video("x"), live_inbox("x"), live_outbox("x")
SESSION, RECORD, RECEIPT, WINDOW = session("x"), capture_record("x"), receipt("1-0"), window("x", "y")
SOCKETS = user_captures("x")

NEVER = """
SAVE | BGSAVE | BGREWRITEAOF | REPLICAOF localhost 1 | PSYNC ? -1 | SYNC | SHUTDOWN NOSAVE | FAILOVER
CONFIG SET save 60 | CONFIG SET dir /tmp | CONFIG REWRITE | CONFIG RESETSTAT | FLUSHALL | FLUSHDB
SWAPDB 0 1 | KEYS * | SCAN 0 | RANDOMKEY | DBSIZE | MONITOR | DEBUG SLEEP 0 | MODULE LIST
MODULE LOAD x.so | SLOWLOG GET | ACL SETUSER x | ACL LIST | ACL GETUSER default | CLIENT LIST
CLIENT KILL x | CLIENT PAUSE 1 | SCRIPT FLUSH | SCRIPT LOAD x | FUNCTION LOAD x | SUBSCRIBE x
PUBLISH x y | MIGRATE localhost 1 k 0 1 | CLUSTER RESET | CLUSTER FAILOVER | SELECT 1
DUMP a3cp:captures | RESTORE a3cp:captures 0 x | COPY a3cp:captures y | RENAME a3cp:captures y
OBJECT ENCODING a3cp:captures | MEMORY USAGE a3cp:captures | XTRIM a3cp:captures MAXLEN 0
DUMP {a3cp}:events | COPY {a3cp}:events y | XTRIM {a3cp}:events MAXLEN 0 | GET another-key
SET another-key 1 | DEL another-key | EVAL x 1 another-key | XADD a3cp:other * a b | HGETALL a3cp:{x}:other
"""
"""Commands of all kinds, on keys of the project and on others; no user may run them."""

DENIED: dict[tuple[User, Role], str] = {
    ("gateway", "frames"): f"""
        XREAD STREAMS {FRAMES} 0 | XRANGE {FRAMES} - + | HGETALL {ROWS} | DEL {STATE} | HGETALL {STATE}
        XREADGROUP GROUP g c STREAMS {CAPTURES} > | XACK {CAPTURES} g 1-0 | XDEL {CAPTURES} 1-0
        XCLAIM {CAPTURES} g c 0 1-0 | ZADD {EXTRACTORS} 1 x | HGET {VIDEO} 0 | XREAD STREAMS {INBOX} 0
        XADD {OUTBOX} * a b | ZADD {LIVE_WORKERS} 1 x
    """,
    ("gateway", "events"): f"""
        XREADGROUP GROUP g c STREAMS {EVENTS} > | XACK {EVENTS} g 1-0 | XDEL {EVENTS} 1-0
        XGROUP DESTROY {EVENTS} g | XADD {DEAD_EVENTS} * a b | SET {RECEIPT} x | SET {RECORDER_LEADER} x
        DEL {SESSION} | DEL {RECORD}
    """,
    ("extractor", "frames"): f"""
        XADD {CAPTURES} * a b | XGROUP DESTROY {CAPTURES} g | ZADD {UPLOAD_PLACES} 1 x | HSET {VIDEO} 0 x
        XREAD STREAMS {INBOX} 0 | XADD {OUTBOX} * a b | ZADD {LIVE_WORKERS} 1 x | DEL {STATE}
    """,
    ("extractor", "events"): f"""
        HSET {SESSION} status active | HMGET {SESSION} status | SET {WINDOW} z | XRANGE {EVENTS} - +
        XREADGROUP GROUP g c STREAMS {EVENTS} > | XDEL {EVENTS} 1-0 | XADD {DEAD_EVENTS} * a b | SET {RECEIPT} x
        SET {RECORDER_LEADER} x | ZADD {SOCKETS} 1 y | DEL {RECORD}
    """,
    ("live", "frames"): f"""
        XREAD STREAMS {FRAMES} 0 | HGETALL {ROWS} | HGET {VIDEO} 0 | HSET {STATE} a b
        XREADGROUP GROUP g c STREAMS {CAPTURES} > | XADD {INBOX} * a b | XREAD STREAMS {OUTBOX} 0
        ZADD {EXTRACTORS} 1 x | ZADD {LIVE_SESSIONS} 1 x
    """,
    ("live", "events"): f"""
        HMGET {SESSION} status | HGETALL {RECORD} | XADD {EVENTS} * a b | XRANGE {EVENTS} - +
        EVAL x 1 {EVENTS}
    """,
    ("recorder", "frames"): f"""
        XREAD STREAMS {FRAMES} 0 | XRANGE {FRAMES} - + | XLEN {FRAMES} | HGETALL {ROWS} | HGETALL {STATE}
        HGET {VIDEO} 0 | XREAD STREAMS {INBOX} 0 | XADD {CAPTURES} * a b | XRANGE {CAPTURES} - +
        EVAL x 1 {STATE}
    """,
    ("recorder", "events"): f"""
        HSET {SESSION} status active | HMGET {SESSION} status | SET {WINDOW} z | DEL {RECORD}
        XGROUP DESTROY {EVENTS} g | DEL {DEAD_EVENTS} | ZADD {UNFINISHED} 1 x
    """,
    ("operator", "frames"): f"""
        XADD {CAPTURES} * a b | XREAD STREAMS {FRAMES} 0 | XRANGE {FRAMES} - + | HGETALL {ROWS} | HGET {VIDEO} 0
        HSET {STATE} a b | DEL {STATE} | XDEL {CAPTURES} 1-0 | EVAL x 1 {STATE} | XRANGE {INBOX} - +
        XREADGROUP GROUP g c STREAMS {CAPTURES} > | XINFO STREAM {FRAMES} | XREVRANGE {FRAMES} + -
        XINFO STREAM {CAPTURES} | XREAD STREAMS {CAPTURES} 0 | HGETALL {VIDEO} | HMGET {ROWS} 1
        XREAD STREAMS {INBOX} 0 | XRANGE {OUTBOX} - +
    """,
    ("operator", "events"): f"""
        XADD {EVENTS} * a b | XDEL {EVENTS} 1-0 | HSET {RECORD} a b | HMGET {SESSION} status | DEL {DEAD_EVENTS}
        SET {RECORDER_LEADER} x | ZREM {UNFINISHED} x | EVAL x 1 {EVENTS}
        XREADGROUP GROUP g c STREAMS {EVENTS} >
    """,
    ("monitor", "frames"): f"""
        INFO | CONFIG GET save | XRANGE {CAPTURES} - + | XADD {CAPTURES} * a b | HMGET {STATE} status
        XPENDING {CAPTURES} g | XINFO GROUPS {CAPTURES} | XLEN {FRAMES} | TIME
        XREAD STREAMS {FRAMES} 0 | EVAL x 1 {CAPTURES}
    """,
    ("monitor", "events"): f"""
        INFO | CONFIG GET save | XRANGE {EVENTS} - + | HGETALL {RECORD} | XADD {EVENTS} * a b
        XPENDING {EVENTS} g | XINFO GROUPS {EVENTS} | XINFO STREAM {EVENTS} | TIME
    """,
}  # fmt: skip
"""Commands that a user may not run on its role's keys, by user."""
