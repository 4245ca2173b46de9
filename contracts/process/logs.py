"""Logs: JSON lines on standard error; identifiers are bound once, image bytes and secrets never.

A log line never raises and never waits, whatever standard error is: see `contracts.process.line_writer`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

from contracts.process.line_writer import LineWriter, printable
from contracts.rules.errors import A3CPError

# structlog loads rich, if it finds it, for tracebacks in colour that no log shows: two thirds of its import, in every
# process. Where rich is loaded already, it stays.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None: an import of it fails
import structlog  # noqa: E402

if sys.modules["rich"] is None:
    del sys.modules["rich"]

__all__ = ["FLUSH_S", "bind_to_log", "configure_logs", "flush_logs", "get_logger", "say_last"]

FLUSH_S = 1.0
"""How long a process that ends waits for the reader of its log."""


def get_logger() -> Any:
    """A logger; the event's name first, all else by name: ``log.info("extractor ready", consumer=name)``."""
    return structlog.get_logger()


def bind_to_log(**fields: str) -> None:
    """These fields are in every line from now on, of this thread or task and of those that it starts."""
    structlog.contextvars.bind_contextvars(**fields)


def say_last(text: str) -> None:
    """A line on standard error for the person who started this process, which is about to end."""
    _writer().write(printable(text))
    flush_logs()


def flush_logs() -> None:
    """Wait until the log is written, a second at most."""
    _writer().flush(FLUSH_S)


_process = ""
"""What the lines of this process are named after."""


def _writer() -> LineWriter:
    return _writer_of(sys.stderr)


@lru_cache(maxsize=1)
def _writer_of(stream: TextIO | None) -> LineWriter:
    return LineWriter(stream, _lost_line)


def _lost_line(count: int) -> str:
    event = {"event": "log lines lost", "lines": count, "process": _process, "level": "warning"}
    return json.dumps({**event, "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")})


class _Lines:
    """What structlog writes to, by whatever level's name."""

    def __init__(self, *_: object) -> None:
        self._writer = _writer()

    def msg(self, message: str) -> None:
        self._writer.write(message)

    log = debug = info = warn = warning = err = error = critical = fatal = failure = exception = msg


def configure_logs(process: str) -> None:
    """Set up structlog for this process; ``process`` is in every line."""
    global _process
    _process = process
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _exception_to_line,
            _to_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _LibraryLogs) for handler in root.handlers):
        root.addHandler(_LibraryLogs(logging.WARNING))


class _LibraryLogs(logging.Handler):
    """What libraries log, in our form: without it Python prints their tracebacks to the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        try:
            said = record.getMessage()
        except Exception:  # a library's arguments do not fit its own text
            said = str(record.msg)
        text = " ".join(said.split())[:500]
        structlog.get_logger().log(record.levelno, text, library=record.name, **({"exc_info": error} if error else {}))


_render = structlog.processors.JSONRenderer()


def _to_json(logger: object, method: str, event: structlog.typing.EventDict) -> str | bytes:
    try:
        return _render(logger, method, event)
    except Exception as error:  # a value that is no JSON and cannot be spelled either
        plain = {name: value for name, value in event.items() if isinstance(value, str)}
        return json.dumps({**plain, "unreadable": type(error).__name__})


def _exception_to_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """One line, never a traceback: the error's type, its place, and its text where the text is ours.

    A group of errors, as a ``TaskGroup`` raises one, says nothing itself: the first error in it is told, and the type
    and place of the others beside it. So is the error that ours was made from."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        first, *others = _leaves(error)
        event["error"] = type(first).__name__
        if isinstance(first, A3CPError | OSError):
            event["detail"] = str(first)
        if place := _place(first):
            event["at"] = place
        if first.__cause__ is not None:
            event["cause"] = _name(next(iter(_leaves(first.__cause__))))
        if others:
            event["others"] = [_name(other) for other in others[:_MAX_OTHERS]]
    return event


_MAX_OTHERS = 8


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, and in the groups in it; of any other error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _name(error: BaseException) -> str:
    return f"{type(error).__name__} {_place(error)}".rstrip()


def _place(error: BaseException) -> str:
    """``file:line`` where it was raised; empty if it never was."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace is not None else ""
