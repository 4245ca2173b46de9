"""An event loop in its own thread, for programs that run none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from scripts.client.errors import UsageError

__all__ = ["Portal"]

Answer = TypeVar("Answer")

LOOK_AGAIN_S = 1.0
"""How often a waiting call checks that the loop's thread still runs."""

CANCELLED_WITHIN_S = 5.0
"""How long an interrupted call may take to clean up, before the interrupt goes on without it."""


class Portal:
    """Runs coroutines for other threads. Any thread but the loop's own may call.

    The thread is a daemon, so it keeps no program alive that forgets to close the portal.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._running: dict[asyncio.Task[Any], concurrent.futures.Future[Any]] = {}
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="a3cp-client", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether `call` is refused."""
        return self._closed or not self._thread.is_alive()  # a forked child does not have the thread

    def call(self, step: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Run a coroutine to its end, and return its result or raise its error.

        Ctrl-C in the calling thread cancels the coroutine, waits 5 s at most until it has cleaned up, and is raised.

        Raises:
            UsageError: the portal is closed, was closed meanwhile, or is called from its own loop.
        """
        if threading.current_thread() is self._thread:
            raise UsageError(
                "this is the client's own thread (on_progress?): calling the client here would wait forever"
            )
        if self.closed:
            raise UsageError("the client is closed, or was made before a fork: make another one")
        outcome: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        started: list[asyncio.Task[Answer]] = []
        self._loop.call_soon_threadsafe(lambda: started.append(self._start(step, outcome)))
        try:
            while not outcome.done():
                concurrent.futures.wait([outcome], LOOK_AGAIN_S)
                if not self._thread.is_alive() and not outcome.done():  # a SystemExit in a callback has ended the loop
                    outcome.cancel()
            return outcome.result()
        except concurrent.futures.CancelledError:
            raise UsageError("the client was closed meanwhile") from None
        except BaseException:
            if not outcome.done():  # this is Ctrl-C, not the coroutine's own error
                self._loop.call_soon_threadsafe(lambda: started[0].cancel())
                concurrent.futures.wait([outcome], CANCELLED_WITHIN_S)
            raise

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Cancel the running coroutines, run ``last``, and stop the loop and its thread. It may be repeated.

        Raises:
            UsageError: called from its own loop.
        """
        if threading.current_thread() is self._thread:
            raise UsageError("the client's own thread (on_progress?) cannot close it")
        with self._closing:
            if self._closed:
                return
            self._closed = True
            if self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._stop, last)
                self._thread.join()
            self._loop.close()

    def _start(
        self, step: Callable[[], Coroutine[Any, Any, Answer]], outcome: concurrent.futures.Future[Answer]
    ) -> asyncio.Task[Answer]:
        async def run() -> Answer:
            return await step()

        task = self._loop.create_task(run())
        self._running[task] = outcome
        task.add_done_callback(self._pass_on)
        return task

    def _pass_on(self, task: asyncio.Task[Any]) -> None:
        outcome = self._running.pop(task)
        if task.cancelled():
            outcome.cancel()
            outcome.set_running_or_notify_cancel()
        elif (error := task.exception()) is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())

    def _stop(self, last: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.create_task(self._end(last))

    async def _end(self, last: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        if last is not None:
            await asyncio.gather(last(), return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()
        self._loop.stop()
