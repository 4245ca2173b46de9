"""Brokers that know each process by a user of its own, with the rules that `a3cp acl` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import redis

from contracts.broker.acl import User, acl_file, password_hash
from contracts.broker.roles import Role
from tests.support.brokers import EVENTS, FRAMES, BrokerProcess, Flavour

__all__ = ["ADMIN", "GuardedBroker", "denials", "guarded", "password_of", "write_rules"]

ADMIN = "user admin on >admin ~* &* +@all\n"
OPTIONS: dict[Role, Sequence[str]] = {"frames": FRAMES, "events": EVENTS}


def password_of(user: str) -> str:
    """A user's password: it must be percent-encoded in a URL, and is in no other text by chance."""
    return f"p/{user}@secret"


def encoded_password_of(user: str) -> str:
    return f"p%2F{user}%40secret"


def write_rules(path: Path, role: Role, more: str = ADMIN) -> Path:
    """The ACL file of a role, as the command prints it, and one user more for the test itself."""
    path.write_text(acl_file(role, {user: password_hash(password_of(user)) for user in get_args(User)}) + more)
    return path


@dataclass
class GuardedBroker(BrokerProcess):
    """One real server; ``url`` is for the test itself."""

    role: Role = "frames"

    @property
    def url(self) -> str:
        return f"unix://admin:admin@{self.folder}/broker.sock"

    def url_of(self, user: str) -> str:
        """How a process reaches it."""
        return f"unix://{user}:{encoded_password_of(user)}@{self.folder}/broker.sock"

    def client_of(self, user: str) -> redis.Redis:
        """A client with a process's rights."""
        return redis.Redis.from_url(self.url_of(user), driver_info=None)


def guarded(flavour: Flavour, role: Role) -> GuardedBroker:
    """A guarded broker of a role, started."""
    broker = GuardedBroker(flavour, role=role)
    rules = write_rules(broker.folder / "users.acl", role)
    # what the server's own settings would refuse first is left to the rules
    open_to_all = ("--enable-debug-command", "yes", "--enable-module-command", "yes")
    broker.options = (*OPTIONS[role], *open_to_all, "--aclfile", str(rules))
    broker.start()
    return broker


def denials(client: redis.Redis) -> list[tuple[str, ...]]:
    """What the broker refused since it started: who, why, and which command or key."""
    log: list[dict[Any, Any]] = client.acl_log()
    entries = [{_text(name): _text(value) for name, value in entry.items()} for entry in log]
    return [tuple(entry[name] for name in ("username", "reason", "context", "object")) for entry in entries]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
