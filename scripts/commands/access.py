"""``a3cp access add``, ``list`` and ``revoke``: the entries of the file that ``A3CP_ACCESS_FILE`` names.

A change is one new file in the place of the old one, so a reader has the whole old one or the whole new one. Two
commands at a time wait for each other. Comments in the file stay.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import cast, get_args

from contracts.process.access_file import AccessFile, read_access, read_access_text
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError
from contracts.rules.ids import is_identifier
from contracts.rules.rights import API_TOKEN_NAME, AccessEntry, Role, hash_token
from scripts.terminal import printable

__all__ = ["AccessError", "add_entry", "list_entries", "revoke_entry"]

TOKEN_PREFIX = "a3cp_"  # noqa: S105  # scanners for leaked secrets look for a prefix
TOKEN_BYTES = 32


class AccessError(A3CPError):
    """The access file cannot be changed as asked. The text is one line."""


def add_entry(settings: Settings, name: str, role: str, user_ids: Sequence[str], days: int) -> int:
    """Add an entry, and print what it may do, and its new token alone on the last line. Returns 0.

    Raises:
        ConfigurationError: ``A3CP_ACCESS_FILE`` is not set or has a mistake, or an argument is wrong.
        AccessError: there is such an entry already, or the system refuses.
    """
    _check(name, role, user_ids)
    token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
    entry = AccessEntry(name, cast(Role, role), frozenset(user_ids), expires_at, hash_token(token))
    with _changing(settings) as file:
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
    """Print the entries: name, role, until when, for whom. Returns 0. Raises as `add_entry`."""
    entries = AccessFile(_path(settings)).entries()
    width = max((len(entry.name) for entry in entries), default=0)
    now = datetime.now(UTC)
    for entry in sorted(entries, key=lambda each: each.name):
        until = f"{'expired' if entry.is_expired(now) else 'until'} {_time(entry)}"
        line = f"{entry.name:<{width}}  {entry.role:<7}  {until:<28}  {' '.join(sorted(entry.user_ids))}"
        print(printable(line.rstrip()))
    if not entries:
        print("There are no entries; `a3cp access add` makes one.")
    return 0


def revoke_entry(settings: Settings, name: str) -> int:
    """Remove an entry. A gateway refuses its token from the next request on. Returns 0. Raises as `add_entry`, and
    `AccessError` if there is no such entry."""
    with _changing(settings) as file:
        before = file.entries()
        after = tuple(entry for entry in before if entry.name != name)
        if len(after) == len(before):
            raise AccessError(f"there is no entry named {name}; `a3cp access list` shows all")
        file.replace(_without(file.text(), name), after)
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


def _path(settings: Settings) -> Path:
    if settings.access_file is None:
        raise ConfigurationError("A3CP_ACCESS_FILE is not set; set it to the file's path, here and for the gateway")
    return settings.access_file


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


def _without(text: str, name: str) -> str:
    """The text without the table of an entry. What is above the next table's head, such as a comment on it, stays."""
    lines = text.splitlines(keepends=True)
    heads = [number for number, line in enumerate(lines) if line.lstrip().startswith("[")]
    begin = next((at for at in heads if lines[at].split("#")[0].strip()[1:-1].strip().strip("\"'") == name), None)
    if begin is None:
        return text
    end = next((at for at in heads if at > begin), len(lines))
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    rest = lines[end:]
    while rest and not rest[0].strip() and (begin == 0 or not lines[begin - 1].strip()):
        rest = rest[1:]
    return "".join(lines[:begin] + rest)


class _LockedFile:
    """The access file while no other command changes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def text(self) -> str:
        return read_access_text(self._path)

    def entries(self) -> tuple[AccessEntry, ...]:
        return AccessFile(self._path).entries()

    def replace(self, text: str, expected: Sequence[AccessEntry]) -> None:
        """Put a file with this text in the place of the old one, if its entries are those that are expected."""
        entries, mistakes = read_access(text)
        if mistakes or set(entries) != set(expected):
            raise AccessError(f"cannot change {self._path} without touching another entry; edit it by hand")
        old = self._path.stat()
        with NamedTemporaryFile("w", dir=self._path.parent, prefix=f".{self._path.name}-", delete=False) as new:
            try:
                new.write(text)
                new.flush()
                os.fsync(new.fileno())
                if os.geteuid() == 0:  # root may change a file that a gateway of another user reads
                    os.fchown(new.fileno(), old.st_uid, old.st_gid)
                Path(new.name).replace(self._path)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise


@contextmanager
def _changing(settings: Settings) -> Iterator[_LockedFile]:
    """Lock the file for this command, and create an empty one if there is none. Modes are 0600."""
    path = _path(settings).resolve()  # a link stays one
    try:
        descriptor = _locked(path)
        try:
            yield _LockedFile(path)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AccessError(f"{path}: {error.strerror or type(error).__name__}") from error


def _locked(path: Path) -> int:
    """Wait for the lock of the file that has this name. Another command may put a new file there meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
