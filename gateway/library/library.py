"""The library of one gateway process: it keeps the catalog up to date, in a thread of its own, and answers from it.

Of several processes with the same catalog, one follows the logs while no request comes. A request makes any of them do
so.

A list must show the capture that a person has just recorded. So a request waits, for a short time, for a pass over
the logs that began after it came.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from contracts.process.folder_lock import FolderInUse, FolderLeader
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.rules.errors import RequestRefused
from contracts.storage.log_tail import find_log, find_logs_of
from gateway.library.catalog import Catalog
from gateway.library.database import is_damage
from gateway.tasks import cancel_all

__all__ = ["Library", "catalog_folder"]

log = get_logger()

T = TypeVar("T")

PASS_S = 0.5
"""How often all logs are looked at, in seconds; less often if a pass takes over a twentieth of that."""

FRESH_S = 0.1
"""How long a request waits for a pass. After that it is answered with what the catalog has."""

FIRST_S = 5.0
"""How long a request waits while the first pass since the start is still running."""

WHOLE_S = 30.0
"""How long a request waits that must not miss a line."""

READERS = 2

_ERRORS = (sqlite3.Error, OSError)


def catalog_folder(settings: Settings) -> Path:
    """The folder of this machine's catalog: ``<A3CP_STATE_DIR>/library``."""
    return settings.state_dir / "library"


class Library:
    """The catalog of a gateway. `run` keeps it up to date while no request comes.

    Attributes:
        first_pass: is set when all logs were read once since the start. Before that, the catalog may have no file yet.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = catalog_folder(settings)
        self._log_root = settings.log_root
        self._catalog = Catalog(self.folder, settings.log_root)
        self._writer = ThreadPoolExecutor(1, "library")
        self._readers = ThreadPoolExecutor(READERS, "library-reader")
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._in_use = FolderInUse(settings.log_root)
        self._leader = FolderLeader(self.folder)
        self.first_pass = asyncio.Event()
        self._problem: Exception | None = None
        self._warned: dict[str, type[Exception]] = {}

    async def run(self, on_error: Callable[[Exception], None]) -> None:
        """Look at all logs again and again, or, if another process follows them, once. ``on_error`` is given what ends
        a pass unexpectedly. Meanwhile no `a3cp forget` removes any."""
        loop = asyncio.get_running_loop()
        while True:
            self._in_use.hold()
            began = loop.time()
            try:
                if self._leader.is_this() or not self.first_pass.is_set():
                    await asyncio.shield(self._pass())
            except Exception as error:
                on_error(error)
            await asyncio.sleep(max(PASS_S, 20 * (loop.time() - began)))

    async def close(self) -> None:
        """End the passes and close the catalog."""
        self._in_use.close()
        self._leader.close()
        await cancel_all(task for task in (self._running, self._next) if task is not None)
        await asyncio.get_running_loop().run_in_executor(self._writer, self._catalog.close)
        for threads in (self._writer, self._readers):
            threads.shutdown(wait=False)

    async def read(self, query: Callable[[Path], T], *, whole: bool = False) -> T:
        """Answer a query from an up-to-date catalog, in a thread. ``query`` is given the catalog's folder.

        Args:
            whole: do not answer from a catalog that lacks lines, however long the pass over the logs takes.

        Raises:
            RequestRefused: 503 ``library_not_ready`` or ``library_unavailable``; what ``query`` raises.
        """
        task = self._pass()
        await asyncio.wait({task}, timeout=WHOLE_S if whole else FRESH_S if self._catalog.complete else FIRST_S)
        if task.done():
            task.result()  # raises what is no trouble with files, but a fault
        if self._problem is not None:
            raise _unavailable()
        if self._catalog.complete and (task.done() or not whole):
            answer = await self.read_now(query)
            if self._catalog.complete:  # no new file has taken the old one's place meanwhile
                return answer
        raise _not_ready()

    async def glance(self, query: Callable[[Path], T]) -> T | None:
        """Answer a query from what the catalog has now, which may be out of date; None if it cannot be read."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, query, self.folder)
        except _ERRORS:
            return None

    async def read_session(self, user_id: str, session_id: str, query: Callable[[Path], T]) -> T:
        """Answer a query after all lines of this session's log are in the catalog.

        Raises:
            RequestRefused: 503 ``library_unavailable``; what ``query`` raises.
        """
        if not await self.catch_up(user_id, session_id):
            raise _unavailable()
        return await self.read_now(query)

    async def catch_up(self, user_id: str, session_id: str) -> bool:
        """Add all lines of one session's log to the catalog. Returns whether that was possible."""
        try:
            await self._step_through(self._catalog.refresh(user_id, session_id))
        except _ERRORS as error:
            self._warn("cannot refresh the library", error, session_id=session_id)
            return False
        self._warned.pop("cannot refresh the library", None)
        return True

    async def sessions_of(self, user_id: str) -> list[str]:
        """The sessions of a user, from their logs' names.

        Raises:
            RequestRefused: 503 ``library_unavailable``: some may be missing, because the system refuses to look.
        """
        errors: list[OSError] = []
        found = await asyncio.to_thread(lambda: list(find_logs_of(self._log_root, user_id, errors.append)))
        if errors:
            log.warning("cannot look at a user's session logs", exc_info=errors[0])
            raise _unavailable()
        return sorted(each.session_id for each in found)

    async def has_session(self, user_id: str, session_id: str) -> bool:
        """Whether this user's session has a log."""
        return await asyncio.to_thread(find_log, self._log_root, user_id, session_id) is not None

    async def read_now(self, query: Callable[[Path], T]) -> T:
        """Answer a query from the catalog as it is. Errors as `read_session`."""
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._readers, query, self.folder)
        except _ERRORS as error:
            self._warn("cannot read the library", error)
            if is_damage(error) and await self._repair():
                raise _not_ready() from error
            raise _unavailable() from error
        self._warned.pop("cannot read the library", None)
        return answer

    def _warn(self, event: str, error: Exception, **fields: str) -> None:
        """Log a trouble when it begins: every client that asks meets it again."""
        if self._warned.get(event) is not type(error):
            log.warning(event, exc_info=error, **fields)
        self._warned[event] = type(error)

    async def _repair(self) -> bool:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, self._catalog.repair)
        except _ERRORS:
            return False

    def _pass(self) -> asyncio.Task[None]:
        """The pass that begins after now. Requests that come while one is running share the next one."""
        if self._next is None:
            self._next = asyncio.create_task(self._pass_after(self._running))
        return self._next

    async def _pass_after(self, running: asyncio.Task[None] | None) -> None:
        if running is not None:
            await asyncio.wait({running})
        self._running, self._next = self._next, None
        try:
            await self._step_through(self._catalog.turns())
            self._problem = None
            self.first_pass.set()
        except _ERRORS as error:
            if type(error) is not type(self._problem):
                log.warning("cannot update the library", exc_info=error)
            self._problem = error

    async def _step_through(self, turns: Iterator[None]) -> None:
        """Run turns one by one in the writer's thread, so that those of several callers alternate."""
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(self._writer, _has_next, turns):
            pass


def _has_next(turns: Iterator[None]) -> bool:
    return next(turns, turns) is None


def _not_ready() -> RequestRefused:
    detail = "The server is still reading its logs; try again."
    return RequestRefused(503, "library_not_ready", detail, retry_after_s=1)


def _unavailable() -> RequestRefused:
    detail = "The server cannot keep its catalog of captures; its log says why."
    return RequestRefused(503, "library_unavailable", detail)
