"""The access rules allow each process the commands that its source sends, and no others."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any, get_args

import pytest
import redis

from contracts.broker import keys
from contracts.broker.acl import RIGHTS, User, acl_file, password_hash
from contracts.broker.roles import Role
from contracts.broker.script import Call, ScriptName
from contracts.state import captures, live
from tests.contracts.forbidden import DENIED, NEVER
from tests.integration.faults.test_cluster import every_call
from tests.support.brokers import Flavour, server_path
from tests.support.documented import documented_commands
from tests.support.guarded import GuardedBroker, denials, guarded
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[3]
STATE = ROOT / "contracts" / "state"
ROLES: tuple[Role, ...] = get_args(Role)
USERS: tuple[User, ...] = get_args(User)
CAPTURE = "the-capture"


@pytest.fixture(scope="module", params=get_args(Flavour))
def brokers(request: pytest.FixtureRequest) -> Iterator[dict[Role, GuardedBroker]]:
    flavour: Flavour = request.param
    if server_path(flavour) is None:
        pytest.skip(f"no {flavour} server on this machine: apt-get install redis-server")
    pair = {role: guarded(flavour, role) for role in ROLES}
    yield pair
    for broker in pair.values():
        asking(broker.url).close()
        broker.stop()


# --- commands in the sources --------------------------------------------------------------------------------

PLACES: dict[User, tuple[str, ...]] = {
    "gateway": ("gateway/**/*.py",),
    "extractor": ("workers/*.py", "workers/pool/*.py", "workers/extract/*.py", "workers/vision/*.py"),
    "live": ("workers/live/*.py",),
    "recorder": ("recorder/*.py",),
    "operator": tuple(f"scripts/commands/{name}.py" for name in ("access_code", "broker_snapshots", "doctor_brokers")),
}
MODULES = (
    "captures", "frame", "dead_letters", "erasures", "events", "failed", "heartbeats", "letters", "live", "recording",
    "records", "retention", "sessions", "sign_in", "uploads",
)  # fmt: skip
CLIENTS = r"(?:broker|frames|events|_frames|_events|_broker)"
METHODS = {"delete": "del", "config_get": "config|get", "xinfo_groups": "xinfo|groups", "xpending_range": "xpending",
           "xgroup_create": "xgroup|create", "xgroup_delconsumer": "xgroup|delconsumer"}  # fmt: skip
KEYS_BY_NAME = {
    r"\bqueue$": (keys.CAPTURES, keys.UPLOADS),
    r"^shared_stream$|EXTRACTOR_GROUP": (keys.CAPTURES, keys.UPLOADS, keys.ERASURES),
    r"\bCAPTURES$": (keys.CAPTURES,),
    r"\bERASURES$": (keys.ERASURES,),
    r"\berasure\(": (keys.erasure("x"),),
    r"^stream$": (keys.CAPTURES, keys.UPLOADS, keys.EVENTS),
    r"^shown_stream$": (keys.CAPTURES, keys.UPLOADS, keys.ERASURES, keys.EVENTS),
    r"\bEVENTS$|RECORDER_GROUP": (keys.EVENTS,),
    r"DEAD_EVENTS": (keys.DEAD_EVENTS,),
    r"FAILED$": (keys.FAILED,),
    r"RETENTION$": (keys.RETENTION,),
    r"dead_note\(": (keys.dead_note("1-0"),),
    r"\.state$": (keys.capture_keys(CAPTURE).state,),
    r"\.frames$|_last_seq": (keys.capture_keys(CAPTURE).frames,),
    r"\.rows$": (keys.capture_keys(CAPTURE).rows,),
    r"\bEXTRACTORS$": (keys.EXTRACTORS,),
    r"LIVE_WORKERS$": (keys.LIVE_WORKERS,),
    r"LIVE_SESSIONS$": (keys.LIVE_SESSIONS,),
    r"_inbox\b": (keys.live_inbox("live"),),
    r"outbox\b": (keys.live_outbox("gateway"),),
    r"uploaded_video\(": (keys.uploaded_video("x"),),
    r"UPLOAD_PLACES$": (keys.UPLOAD_PLACES,),
    r"^name$": (keys.window("x", "y"), keys.capture_record("x")),
    r"capture_record\(": (keys.capture_record("x"),),
    r"\bsession\(": (keys.session("x"),),
    r"receipt\(": (keys.receipt("1-0"),),
    r"sign_in_code\(": (keys.sign_in_code("x"),),
    r"UNFINISHED$": (keys.UNFINISHED,),
    r"RECORDER_LEADER$": (keys.RECORDER_LEADER,),
}
"""The keys that a command in the source means, by the name of its argument."""
EVERYBODY = "info config|get time command cluster|slots asking"
"""The commands of the roles' check, of the broker's clock and of a cluster client."""
UNKNOWN = {"append", "copy", "decr", "dump", "incr", "keys", "publish", "rename", "scan", "sort"}
"""Commands that no user may run; the test fails if a process sends one."""


@cache
def sources(user: User) -> str:
    paths = {path for place in PLACES[user] for path in ROOT.glob(place)}
    assert paths
    return "\n".join(path.read_text() for path in sorted(paths))


@cache
def script_functions() -> dict[str, ScriptName]:
    """The functions of `contracts` that make a call, by the name of its script."""
    found: dict[str, ScriptName] = {}
    for module in MODULES:
        for name, body in bodies_of(module):
            if script := re.search(r'Call\(\s*"\w+",\s*"(\w+)"', body):
                found[f"{module}.{name}"] = script[1]
    found["push_frame"], found["append_events"] = found["frame.push_frame"], found["events.append_events"]
    return found


@cache
def scripts_of(user: User) -> set[ScriptName]:
    return {script for name, script in script_functions().items() if re.search(rf"\b{name}\(", sources(user))}


def source_of(script: ScriptName) -> str:
    (path,) = STATE.glob(f"lua/*/{script}.lua")
    return path.read_text()


def bodies_of(module: str) -> list[tuple[str, str]]:
    text = (STATE / f"{module}.py").read_text()
    return re.findall(r"^(?:async )?def (\w+)\((.*?)(?=^(?:async def|def|class|@|[A-Z_])|\Z)", text, re.M | re.S)


def asked_in(text: str) -> Iterator[tuple[str, str]]:
    """The commands that a source sends without a script, each with the argument for its key."""
    granted = {command for role in ROLES for user in USERS for _, command in rights_of(user, role)}
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call):
            continue
        client, _, name = ast.unparse(call.func).rpartition(".")
        arguments = [ast.unparse(argument) for argument in call.args]
        command = METHODS.get(name, name)
        if name.startswith("ensure_group"):
            yield "xgroup|create", arguments[2]
        elif name == "entries" and "_own" in client:
            yield "xread", arguments[0]
        elif re.search(rf"\b{CLIENTS}$", client) and command in granted | UNKNOWN:
            yield command, arguments[0]


def functions_in(module: str) -> dict[str, str]:
    """The functions of a module of `contracts` by their names, as sources."""
    text = (STATE / f"{module}.py").read_text()
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: ast.unparse(node) for node in functions}


def uses_of(user: User) -> set[tuple[str, str]]:
    """Every pair of keys and command that a process sends."""
    uses = {(name, step[0].lower()) for call in calls_of(user) for step in steps(call) for name in step[1:]}
    text = sources(user)
    called = [text]
    for module, prefix in (("events", ""), *((name, f"{name}.") for name in (*MODULES, "dispatch", "readers"))):
        called += [body for name, body in functions_in(module).items() if re.search(rf"\b{prefix}{name}\(", text)]
    for command, place in {asked for body in called for asked in asked_in(body)}:
        known = [names for pattern, names in KEYS_BY_NAME.items() if re.search(pattern, place)]
        assert known, f"{command} {place}: add its keys to KEYS_BY_NAME"
        uses |= {(name, command) for name in known[0]}
    if user == "operator":
        uses |= {(words[1], command_of(words)) for _, words in documented_commands() if words[0] != "SCRIPT"}
    return uses


def command_of(words: Sequence[str]) -> str:
    """A documented command, spelled as in the ACL rules."""
    return f"{words[0]}|{words[1]}".lower() if words[0].upper() == "XINFO" else words[0].lower()


def rights_of(user: User, role: Role) -> set[tuple[str, str]]:
    """Every pair of key pattern and command that a user may run."""
    return {
        (pattern, command)
        for patterns, commands in RIGHTS[role][user].items()
        for pattern in patterns.split()
        for command in commands.split()
    }


def is_for(right: tuple[str, str], use: tuple[str, str]) -> bool:
    pattern = re.escape(right[0]).replace(r"\*", ".*")
    return right[1] == use[1] and re.fullmatch(pattern, use[0]) is not None


def test_every_script_is_run_by_some_process() -> None:
    assert {script for user in PLACES for script in scripts_of(user)} == set(get_args(ScriptName))
    assert len(scripts_of("gateway")) > 10 and len(scripts_of("extractor")) > 10


@pytest.mark.parametrize("user", PLACES)
def test_a_process_has_every_right_that_it_uses_and_no_other(user: User) -> None:
    uses = uses_of(user)
    rights = {right for role in ROLES for right in rights_of(user, role)}
    assert not {use for use in uses if not any(is_for(right, use) for right in rights)}, "what it lacks"
    assert not {right for right in rights if not any(is_for(right, use) for use in uses)}, (
        "rights that the process does not use"
    )
    more = " script|kill" if user == "operator" else ""
    assert all(RIGHTS[role][user][""] == EVERYBODY + more for role in ROLES)


# --- the scripts, command by command ----------------------------------------------------------------------

NAMED = {"session": 1, "receipt": 2, "record": 3}
"""Variables of ``append_events`` and ``acknowledge_events`` that hold a key, by its place among the keys."""
WORDS = {
    "HGET": 3, "HINCRBY": 4, "HSETNX": 4, "HGETALL": 2, "XLEN": 2, "HLEN": 2, "GET": 2, "ZSCORE": 3,
    "ZREMRANGEBYSCORE": 4, "ZREVRANGE": 4,
    "ZCOUNT": 4, "PTTL": 2, "DEL": 2, "UNLINK": 3, "EXISTS": 2,
}  # fmt: skip
"""The number of words of a command; all others take five."""


def steps(call: Call[Any]) -> set[tuple[str, ...]]:
    """Every command in a script's text, with the keys that it runs on."""
    found: set[tuple[str, ...]] = set()
    pattern = r"redis\.p?call\('(\w+)'((?:, (?:KEYS\[\w+\]|session\b|receipt\b|record\b))*)"
    for command, arguments in re.findall(pattern, source_of(call.name)):
        places = re.findall(r"KEYS\[(\w+)\]|(session|receipt|record)", arguments)
        if ("i", "") in places:
            found |= {(command, key) for key in call.keys}
        elif places:
            found.add((command, *(call.keys[NAMED[name] if name else int(place) - 1] for place, name in places)))
        else:
            assert command == "TIME", (call.name, command)
    return found


def calls_of(user: User) -> list[Call[Any]]:
    """One call of each script of a process, for each kind of its keys."""
    calls = [call for call in every_call(CAPTURE) if call.name in scripts_of(user)]
    assert {call.name for call in calls} == scripts_of(user)
    if user == "gateway":
        calls.append(live.drop(keys.live_outbox("gateway"), [b"1-0"]))
    if user == "extractor":
        calls += [captures.acknowledge("1-0", stream) for stream in (keys.UPLOADS, keys.ERASURES)]
    if user == "live":
        calls = [call for call in calls if call.name != "live_put"]
        calls.append(live.put_answer("gateway", live.Answer("live", 0, b"{}")))
    return calls


@cache
def asking(broker_url: str) -> redis.Redis:
    """One client for all questions: two thousand connections would take most of a minute."""
    return redis.Redis.from_url(broker_url, driver_info=None)


def answer(broker: GuardedBroker, user: User, *words: str) -> str:
    """The broker's answer to ACL DRYRUN for a user's command."""
    said = asking(broker.url).execute_command("ACL", "DRYRUN", user, *words)
    return said.decode() if isinstance(said, bytes) else str(said)


def test_every_step_of_every_script_is_allowed_to_the_processes_that_run_it(
    brokers: dict[Role, GuardedBroker],
) -> None:
    looked_at = 0
    for user in PLACES:
        for call in calls_of(user):
            broker = brokers[call.role]
            assert answer(broker, user, "EVALSHA", "sha", str(len(call.keys)), *call.keys) == "OK", (user, call.name)
            for command, *names in steps(call):
                words = [command, *names, "1", "1", "1", "1"][: WORDS.get(command, 5)]
                assert answer(broker, user, *words) == "OK", (user, call.name, words)
                looked_at += 1
    assert looked_at > 150


# --- forbidden commands -------------------------------------------------------------------------------------


def commands_named(table: str) -> list[list[str]]:
    return [command.split() for command in re.split(r"[|\n]", table) if command.strip()]


@pytest.mark.parametrize(("user", "role"), DENIED)
def test_what_a_process_must_not_do_is_refused(user: User, role: Role, brokers: dict[Role, GuardedBroker]) -> None:
    broker = brokers[role]
    with broker.client() as admin, broker.client_of(user) as client:
        for words in [*commands_named(NEVER), *commands_named(DENIED[user, role])]:
            admin.acl_log_reset()
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*words)
                raise AssertionError(f"{user} may {' '.join(words)} on the {role} broker")
            assert {entry[0] for entry in denials(admin)} == {user}


def test_a_script_gives_its_caller_no_further_right(brokers: dict[Role, GuardedBroker]) -> None:
    session = keys.session("x")
    with brokers["events"].client_of("extractor") as client:
        for text in (f"return redis.call('HSET', '{session}', 'status', 'active')", "return redis.call('SAVE')"):
            with pytest.raises(
                redis.exceptions.ResponseError, match=r"ACL failure|can't (run|access)|not allowed from script"
            ):
                client.eval(text, 1, keys.EVENTS)


def test_the_operator_ends_a_script_that_does_not_end(brokers: dict[Role, GuardedBroker]) -> None:
    for broker in brokers.values():
        with broker.client() as admin, broker.client_of("operator") as operator:
            admin.config_set("lua-time-limit", 10)
            key = keys.CAPTURES if broker.role == "frames" else keys.EVENTS
            endless = Thread(target=run_endless, args=(broker, key))
            endless.start()
            give_up_s = time.monotonic() + DEADLINE_S
            while endless.is_alive() and time.monotonic() < give_up_s:
                with suppress(redis.exceptions.ResponseError):  # NOTBUSY: the script has not begun
                    operator.execute_command("SCRIPT KILL")
            endless.join(1)
            assert not endless.is_alive()
            assert operator.info("server")


def run_endless(broker: GuardedBroker, key: str) -> None:
    with broker.client_of("gateway") as gateway, suppress(redis.exceptions.ResponseError):  # it is killed
        gateway.eval("while true do end", 1, key)


def test_a_broker_refuses_the_default_user_and_a_user_without_password(brokers: dict[Role, GuardedBroker]) -> None:
    for broker in brokers.values():
        with redis.Redis.from_url(f"unix://{broker.folder}/broker.sock", driver_info=None) as stranger:
            for words in commands_named("PING | INFO | GET x | XLEN a3cp:captures"):
                with pytest.raises(redis.exceptions.AuthenticationError):
                    stranger.execute_command(*words)


# --- the file --------------------------------------------------------------------------------------------


def test_a_user_without_a_password_is_not_in_the_file() -> None:
    lines = acl_file("frames", {"gateway": password_hash("a"), "recorder": password_hash("b")}).splitlines()
    assert [line.split()[1] for line in lines] == ["default", "gateway", "recorder"]
    assert (
        "nopass" not in str(lines) and "@" not in str(lines) and "allkeys" not in str(lines) and "~* " not in str(lines)
    )


@pytest.mark.parametrize("role", ROLES)
def test_no_right_is_on_keys_of_the_other_role(role: Role) -> None:
    prefix = {"frames": "a3cp:", "events": "{a3cp}:"}[role]
    assert {
        name for user in USERS for names in RIGHTS[role][user] for name in names.split() if not name.startswith(prefix)
    } == set()
