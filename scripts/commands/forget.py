"""``a3cp forget USER``: remove all that is kept of one person, while nothing runs, and read everything again.

The steps come in an order in which each may be repeated: the logs, from which the person's sessions and captures are
known, go last, then the register gets its line.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError
from contracts.rules.ids import is_identifier
from contracts.rules.paths import removal_register
from contracts.state.person import Person, find_in_events, find_in_frames, remove_traces, word
from contracts.storage.log_tail import find_logs_of
from contracts.storage.session_fold import SessionFold
from contracts.storage.session_log import read_log
from gateway.library.database import remove_catalog
from gateway.library.library import catalog_folder
from recorder.removal import (
    Removal,
    begin_removal,
    begun_removal,
    end_removal,
    is_note,
    remove_logs,
    user_folder,
)
from scripts.commands.offline import OfflineBrokers, alone
from scripts.terminal import many, printable
from workers.vision.removal import PersonArtifacts

__all__ = ["ForgetError", "forget"]

Ask = Callable[[], str]
"""Returns what the operator types."""

UNREACHED = """\
It cannot reach, so look there yourself:
  - exports, pictures and other copies that were made of the captures
  - backups until the next `a3cp backup` into the same folder, and other backups
  - snapshots of the disks, of the object store and of the brokers
  - what keeps the processes' output, such as journald
  - the catalog of a gateway on another machine: remove its A3CP_STATE_DIR/library; it is built again"""


class ForgetError(A3CPError):
    """Not everything of the person could be removed; the text says what is left."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a person."""

    person: Person
    sessions: int
    captures: int
    artifacts: int
    names: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.sessions or self.captures or self.artifacts or self.names)


def forget(settings: Settings, user_id: str, *, yes: bool, ask: Ask = input) -> int:
    """Remove all of one person after the operator typed their id, or at once if ``yes``. Prints what is removed and
    what cannot be reached. Returns 0 if nothing is left, 1 if the operator did not confirm.

    Raises:
        ConfigurationError: the id is invalid, or a process of these folders or brokers runs.
        ForgetError: something of the person is left.
        A3CPError: a broker, a store or the file system refuses. The command can be repeated.
    """
    if not is_identifier(user_id):
        raise ConfigurationError("that is no user_id: use 1 to 128 letters, digits, dots, dashes and underscores")
    return asyncio.run(_forget(settings, user_id, yes=yes, ask=ask))


async def _forget(settings: Settings, user_id: str, *, yes: bool, ask: Ask) -> int:
    async with alone(settings) as brokers:
        begun = begun_removal(settings.log_root)
        if begun is not None and begun.user_id != user_id:
            raise ForgetError(f"the removal of {begun.user_id} was begun and not completed: forget that person first")
        kept = _look(settings, user_id, brokers)
        if not kept and begun is None:
            if any(_mentions(user_id, settings.state_dir)):  # what has lapsed is still in the broker's file
                await _run(_steps(settings, kept.person, brokers))
            print(printable(f"There is nothing of {user_id}."))
            return 0
        _print(_plan(user_id, kept))
        if not yes and not _is_confirmed(user_id, ask):
            return 1
        if begun is None:
            begun = begin_removal(
                settings.log_root, user_id, sessions=kept.sessions, captures=kept.captures, artifacts=kept.artifacts
            )
        await _run(_steps(settings, kept.person, brokers))
        if left := _look(settings, user_id, brokers):
            raise ForgetError(_left(user_id, left))
    mentions = list(_mentions(user_id, settings.log_root, settings.state_dir))
    end_removal(settings.log_root, begun, datetime.now(UTC))
    _print(_done(settings, begun, mentions))
    return 0


async def _run(steps: Iterable[Callable[[], Awaitable[None]]]) -> None:
    for step in steps:
        await step()


def _steps(settings: Settings, person: Person, brokers: OfflineBrokers) -> Iterator[Callable[[], Awaitable[None]]]:
    """Each step may be repeated, and a kill between two of them leaves work for a repetition only."""

    async def events() -> None:
        remove_traces(brokers.events, "events", find_in_events(brokers.events, person))
        await brokers.rewrite()

    async def frames() -> None:
        if brokers.frames is not None:
            remove_traces(brokers.frames, "frames", find_in_frames(brokers.frames, person))

    async def artifacts() -> None:
        PersonArtifacts(settings, person.user_id).remove()

    async def catalog() -> None:
        remove_catalog(catalog_folder(settings))

    async def logs() -> None:
        remove_logs(settings.log_root, person.user_id)

    yield from (events, frames, artifacts, catalog, logs)


def _look(settings: Settings, user_id: str, brokers: OfflineBrokers) -> _Kept:
    """Read all places where something of the person may be."""
    person = Person(user_id)
    captures = 0
    errors: list[OSError] = []
    for log in find_logs_of(settings.log_root, user_id, errors.append):
        fold = SessionFold.of(user_id, log.session_id, read_log(Path(log.path)))
        person.sessions.add(log.session_id)
        person.captures |= fold.captures.keys()
        captures += sum(capture.recorded is not None for capture in fold.captures.values())
    if errors:
        raise ForgetError(f"{errors[0].filename}: {errors[0].strerror}")
    artifacts = PersonArtifacts(settings, user_id)
    names = list(artifacts.left())
    if os.path.lexists(user_folder(settings.log_root, user_id)):
        names.append(str(user_folder(settings.log_root, user_id)))
    names += sorted({trace.key for trace in find_in_events(brokers.events, person)})
    if brokers.frames is not None:
        names += sorted({trace.key for trace in find_in_frames(brokers.frames, person)})
    return _Kept(person, len(person.sessions), captures, artifacts.count(), tuple(names))


def _print(lines: str) -> None:
    for line in lines.splitlines():
        print(printable(line))


def _plan(user_id: str, kept: _Kept) -> str:
    return (
        f"All that is kept of {user_id} will be removed, and cannot be restored: "
        f"{_numbers(kept)}, and what the brokers know.\n{UNREACHED}"
    )


def _numbers(of: _Kept | Removal) -> str:
    return f"{many(of.sessions, 'session log')}, {many(of.captures, 'capture')}, {many(of.artifacts, 'artifact')}"


def _is_confirmed(user_id: str, ask: Ask) -> bool:
    print("Type the person's user_id to go on: ", end="", flush=True)
    try:
        typed = ask()
    except EOFError:
        typed = ""
    if typed.strip() == user_id:
        return True
    print("That is not the user_id. Nothing was removed.")
    return False


def _left(user_id: str, left: _Kept) -> str:
    places = ", ".join([*left.names][:5]) or "session logs"
    return f"not everything of {user_id} is gone; left are: {places}. Run the command again"


def _mentions(user_id: str, *roots: Path) -> Iterator[str]:
    """The files that have the id. After a removal they are of other people, whose logs are not changed."""
    found = word(user_id)
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and not is_note(path) and _has(path, found):
                yield str(path)


def _has(path: Path, found: re.Pattern[bytes]) -> bool:
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if found.search(tail + chunk):
                return True
            tail = chunk[-256:]
    return False


def _done(settings: Settings, done: Removal, mentions: Sequence[str]) -> str:
    lines = [
        f"Removed: {_numbers(done)}. Everything was read again, and nothing of them is left. "
        f"{removal_register(settings.log_root)} has a line without a name."
    ]
    if mentions:
        lines.append("The same word is still in these files, which are not the person's and are not changed:")
        lines += [f"  {path}" for path in mentions]
    return "\n".join(lines)
