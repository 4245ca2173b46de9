"""The file that ``A3CP_ACCESS_FILE`` names: who has a token, with which role. It holds hashes only.

It is TOML, a table for each entry::

    [ana-phone]
    role = "record"
    users = ["ana"]
    expires = 2027-02-27T12:00:00Z
    token = "sha256:…"
    signed_in = ["sha256:…"]   # the tokens of devices that one-time codes signed in
"""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from contracts.process.file_version import file_version
from contracts.process.logs import get_logger
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import is_identifier
from contracts.rules.rights import API_TOKEN_NAME, AccessEntry, Role
from contracts.rules.toml_lines import Mistake, Place, mistakes_at, read_toml

__all__ = ["MOST_FILE_BYTES", "AccessFile", "read_access", "read_access_text"]

MOST_FILE_BYTES = 256 * 1024
"""The longest file: some 1,000 entries. It is read while requests wait."""

log = get_logger()


_TokenHash = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class _AccessTable(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    role: Role
    users: list[str] = []
    expires: AwareDatetime
    token: _TokenHash
    signed_in: list[_TokenHash] = []

    @field_validator("expires")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        try:
            return value.astimezone(UTC)
        except OverflowError:  # in the first or the last hours of the years that Python knows
            raise ValueError("write a time of the years 2 to 9998") from None

    @model_validator(mode="after")
    def _users_of_a_recorder(self) -> _AccessTable:
        if self.role == "record" and not self.users:
            raise ValueError("an entry with the role record needs users, the people for whom it may act")
        if self.role != "record" and self.users:
            raise ValueError(f"the role {self.role} is not limited to users; leave them out")
        if wrong := [user for user in self.users if not is_identifier(user)]:
            raise ValueError(f"{wrong[0]!r} is no user_id")
        return self


def read_access(text: str) -> tuple[tuple[AccessEntry, ...], list[Mistake]]:
    """Read the file's text. Returns its entries, or none and the mistakes in the order of their lines."""
    document = read_toml(text)
    if isinstance(document, Mistake):
        return (), [document]
    entries: dict[str, AccessEntry] = {}
    wrong: list[tuple[Place, str]] = []
    for name, table in document.items():
        try:
            found = _entries(name, table)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False, include_context=False):
                wrong.append(((name, *each["loc"]), _sentence(each["type"], each["msg"])))
            continue
        except ValueError as error:
            wrong.append(((name,), str(error)))
            continue
        for entry in found:
            if (other := entries.setdefault(entry.token_hash, entry)).name != name:
                wrong.append(((name, "token"), f"{other.name} has the same token"))
    return (() if wrong else tuple(entries.values())), mistakes_at(text, wrong)


def _entries(name: str, document: object) -> list[AccessEntry]:
    """The entry, once for each of its tokens."""
    if not is_identifier(name):
        raise ValueError("a name has 1 to 128 of A-Z a-z 0-9 . _ -, and does not start with a dot")
    if name == API_TOKEN_NAME:
        raise ValueError("this name stands for A3CP_API_TOKEN; choose another one")
    if not isinstance(document, dict):
        raise ValueError(f"write a table, [{name}]")
    table = _AccessTable.model_validate(document)
    users, hashes = frozenset(table.users), (table.token, *table.signed_in)
    return [AccessEntry(name, table.role, users, table.expires, each) for each in hashes]


def _sentence(kind: str, message: str) -> str:
    """What pydantic says, in the words of this file. It never quotes a value: it might be a token."""
    match kind:
        case "missing":
            return "it is missing"
        case "extra_forbidden":
            return f"there is no such setting; there are {', '.join(_AccessTable.model_fields)}"
        case "string_pattern_mismatch":
            return "write sha256: and the hash of a token; `a3cp access add` does"
        case "timezone_aware" | "datetime_type":
            return "write a time with its offset, such as 2027-01-31T12:00:00Z"
    return message.removeprefix("Value error, ").replace("Input should be", "it must be")


def read_access_text(path: Path) -> str:
    """Read the file.

    Raises:
        ConfigurationError: it is missing, is no regular file, is too long or no UTF-8, or the system refuses.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a FIFO would be waited for
            raise _wrong(path, "it is no regular file")
        with path.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")  # editors of Windows begin a file with a mark
    except FileNotFoundError:
        raise _wrong(path, "there is no such file; `a3cp access add` makes it") from None
    except OSError as error:
        raise _wrong(path, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError:
        raise _wrong(path, "it is not UTF-8 text") from None
    if len(data) > MOST_FILE_BYTES:
        raise _wrong(path, f"it is longer than {MOST_FILE_BYTES:,} bytes")
    return text


def _wrong(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"A3CP_ACCESS_FILE: {path}: {why}")


class AccessFile:
    """The entries of a file, which is read again when it changes. Several threads may use it.

    Raises:
        ConfigurationError: the file cannot be read, or has a mistake. The text names the first one with its line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._version = file_version(self._path)
        self._entries = self._read()

    def entries(self) -> tuple[AccessEntry, ...]:
        """The entries as the file has them now. If it has a mistake, or is gone, those that it had before stay in
        force, and the log says why, once."""
        version = file_version(self._path)
        if version != self._version:
            with self._lock:
                if version != self._version:
                    self._version = version
                    self._reread()
        return self._entries

    def _reread(self) -> None:
        try:
            self._entries = self._read()
        except ConfigurationError as error:
            log.error("the access file cannot be used; the entries before stay in force", detail=str(error))
        else:
            log.info("access file read", entries=len(self._entries))

    def _read(self) -> tuple[AccessEntry, ...]:
        entries, mistakes = read_access(read_access_text(self._path))
        if mistakes:
            first, *rest = mistakes
            place = f"line {first.line}: " if first.line else ""
            more = f" (and {len(rest)} more)" if rest else ""
            raise _wrong(self._path, f"{place}{first.text}{more}")
        return entries
