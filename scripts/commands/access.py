"""``a3cp access add``, ``list`` and ``revoke``: the entries of the file that ``A3CP_ACCESS_FILE`` names."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast, get_args

from contracts.process.access_file import AccessFile
from contracts.process.access_uses import read_uses, uses_path
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import is_identifier
from contracts.rules.rights import API_TOKEN_NAME, AccessEntry, Role, hash_token
from contracts.rules.sign_in import TOKEN_BYTES, token_of
from scripts.commands.access_text import AccessError, access_path, changing, without_table
from scripts.terminal import many, printable

__all__ = ["AccessError", "add_entry", "list_entries", "revoke_entry"]


def add_entry(settings: Settings, name: str, role: str, user_ids: Sequence[str], days: int) -> int:
    """Add an entry, and print what it may do, and its new token alone on the last line. Returns 0.

    Raises:
        ConfigurationError: ``A3CP_ACCESS_FILE`` is not set or has a mistake, or an argument is wrong.
        AccessError: there is such an entry already, or the system refuses.
    """
    _check(name, role, user_ids)
    token = token_of(secrets.token_bytes(TOKEN_BYTES))
    expires_at = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
    entry = AccessEntry(name, cast(Role, role), frozenset(user_ids), expires_at, hash_token(token))
    with changing(settings) as file:
        before = file.entries()
        if any(known.name == name for known in before):
            raise AccessError(f"there is an entry named {name} already; revoke it first, or choose another name")
        text = file.text()
        file.replace(text + ("\n" if text.strip() else "") + _table(entry), (*before, entry))
    print(printable(f"{name} may {role}{_for(entry)} until {_time(entry)}."))
    print("The token is shown only now; send it over a channel that only its holder reads:")
    print(token)
    return 0


def list_entries(settings: Settings) -> int:
    """Print the entries: name, role, until when, the last use that this machine's gateway noted, for whom. Returns 0.
    Raises as `add_entry`."""
    tokens = AccessFile(access_path(settings)).entries()
    uses = read_uses(uses_path(settings.state_dir))
    entries = list({entry.name: entry for entry in tokens}.values())
    width = max((len(entry.name) for entry in entries), default=0)
    now = datetime.now(UTC)
    for entry in sorted(entries, key=lambda each: each.name):
        until = f"{'expired' if entry.is_expired(now) else 'until'} {_time(entry)}"
        devices = sum(token.name == entry.name for token in tokens) - 1
        by_code = f"  {many(devices, 'code')}" if devices else ""
        used = f"used {uses[entry.name]:%Y-%m-%d %H:%M}" if entry.name in uses else "not used"
        people = " ".join(sorted(entry.user_ids))
        line = f"{entry.name:<{width}}  {entry.role:<7}  {until:<28}  {used:<21}  {people}{by_code}"
        print(printable(line.rstrip()))
    if not entries:
        print("There are no entries; `a3cp access add` makes one.")
    return 0


def revoke_entry(settings: Settings, name: str) -> int:
    """Remove an entry. A gateway refuses its token from the next request on. Returns 0. Raises as `add_entry`, and
    `AccessError` if there is no such entry."""
    with changing(settings) as file:
        before = file.entries()
        after = tuple(entry for entry in before if entry.name != name)
        if len(after) == len(before):
            raise AccessError(f"there is no entry named {name}; `a3cp access list` shows all")
        file.replace(without_table(file.text(), name), after)
    print(printable(f"{name} is revoked."))
    return 0


def _check(name: str, role: str, user_ids: Sequence[str]) -> None:
    for text in (name, *user_ids):
        if not is_identifier(text):
            raise ConfigurationError(f"{text!r}: use 1-128 of A-Z a-z 0-9 . _ -, not starting with a dot")
    if name == API_TOKEN_NAME:
        raise ConfigurationError(f"{API_TOKEN_NAME} stands for A3CP_API_TOKEN; choose another name")
    if role not in get_args(Role):
        raise ConfigurationError(f"--role: choose one of {', '.join(get_args(Role))}")
    if role == "record" and not user_ids:
        raise ConfigurationError("--user: name at least one person for whom this entry may record")
    if role != "record" and user_ids:
        raise ConfigurationError(f"--user: the role {role} is not limited to people; leave it out")


def _for(entry: AccessEntry) -> str:
    return f" for {', '.join(sorted(entry.user_ids))}" if entry.user_ids else ""


def _time(entry: AccessEntry) -> str:
    assert entry.expires_at is not None
    return entry.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _table(entry: AccessEntry) -> str:
    head = f'["{entry.name}"]' if "." in entry.name else f"[{entry.name}]"
    users = ", ".join(f'"{user}"' for user in sorted(entry.user_ids))
    lines = [
        head,
        f'role = "{entry.role}"',
        *([f"users = [{users}]"] if users else []),
        f"expires = {_time(entry)}",
        f'token = "{entry.token_hash}"',
    ]
    return "\n".join(lines) + "\n"
