"""Brokers on which each process has its own user, with the ACL rules that `a3cp acl` prints."""

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
    """A user's password. A URL must percent-encode it, and no other text holds it by chance."""
    return f"p/{user}@secret"


def encoded_password_of(user: str) -> str:
    return f"p%2F{user}%40secret"


def write_rules(path: Path, role: Role, more: str = ADMIN) -> Path:
    """Write the ACL file of a role as the command prints it, with an admin user for the test itself."""
    path.write_text(acl_file(role, {user: password_hash(password_of(user)) for user in get_args(User)}) + more)
    return path


@dataclass
class GuardedBroker(BrokerProcess):
    """One real server with ACL users; ``url`` has the rights of the test's admin."""

    role: Role = "frames"

    @property
    def url(self) -> str:
        return f"unix://admin:admin@{self.folder}/broker.sock"

    def url_of(self, user: str) -> str:
        """The URL with a process's user."""
        return f"unix://{user}:{encoded_password_of(user)}@{self.folder}/broker.sock"

    def client_of(self, user: str) -> redis.Redis:
        """A client with the rights of a process's user."""
        return redis.Redis.from_url(self.url_of(user), driver_info=None)


def guarded(flavour: Flavour, role: Role) -> GuardedBroker:
    """Start a guarded broker of a role."""
    broker = GuardedBroker(flavour, role=role)
    rules = write_rules(broker.folder / "users.acl", role)
    # let the ACL rules refuse these commands, not the server's own settings
    open_to_all = ("--enable-debug-command", "yes", "--enable-module-command", "yes")
    broker.options = (*OPTIONS[role], *open_to_all, "--aclfile", str(rules))
    broker.start()
    return broker


def denials(client: redis.Redis) -> list[tuple[str, ...]]:
    """The refusals in the broker's ACL log: the user, the reason, and the command or key."""
    log: list[dict[Any, Any]] = client.acl_log()
    entries = [{_text(name): _text(value) for name, value in entry.items()} for entry in log]
    return [tuple(entry[name] for name in ("username", "reason", "context", "object")) for entry in entries]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
