"""Log JSON lines to standard error. Never log image bytes or secrets.

Logging never raises and never waits, whatever standard error is: see `contracts.process.line_writer`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextvars import Token
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

from contracts.process.line_writer import LineWriter, printable
from contracts.rules.errors import A3CPError

# If rich is installed, structlog imports it for coloured tracebacks, which these logs never have. That is two thirds of
# structlog's import time, in every process. A process that has already loaded rich keeps it.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None makes `import rich` fail
import structlog  # noqa: E402

if sys.modules["rich"] is None:
    del sys.modules["rich"]

__all__ = [
    "FLUSH_S", "bind_to_log", "configure_logs", "flush_logs", "get_logger", "unbind_from_log", "write_last_line",
]  # fmt: skip

FLUSH_S = 1.0
"""How long an ending process waits until its log is written, in seconds."""


def get_logger() -> Any:
    """Return a logger. Pass the event's name first and every value by name:
    ``log.info("extractor ready", consumer=name)``."""
    return structlog.get_logger()


def bind_to_log(**fields: str) -> Mapping[str, Token[Any]]:
    """Add these fields to every further line of this thread or task, and of the tasks that it starts. Returns what
    `unbind_from_log` takes."""
    return structlog.contextvars.bind_contextvars(**fields)


def unbind_from_log(bound: Mapping[str, Token[Any]]) -> None:
    """Remove fields of `bind_to_log` from further lines, in the thread or task that added them."""
    structlog.contextvars.reset_contextvars(**bound)


def write_last_line(text: str) -> None:
    """Write a line for the operator to standard error, and wait until it is written: the process ends next."""
    _writer().write(printable(text))
    flush_logs()


def flush_logs() -> None:
    """Wait until the log is written, `FLUSH_S` at most."""
    _writer().flush(FLUSH_S)


_process = ""
"""The value of ``process`` in every line."""


def _writer() -> LineWriter:
    return _writer_of(sys.stderr)


@lru_cache(maxsize=1)
def _writer_of(stream: TextIO | None) -> LineWriter:
    return LineWriter(stream, _lost_line)


def _lost_line(count: int) -> str:
    event = {"event": "log lines lost", "lines": count, "process": _process, "level": "warning"}
    return json.dumps({**event, "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")})


class _Lines:
    """The logger that structlog writes to; it calls the method named after the line's level."""

    def __init__(self, *_: object) -> None:
        self._writer = _writer()

    def msg(self, message: str) -> None:
        self._writer.write(message)

    log = debug = info = warn = warning = err = error = critical = fatal = failure = exception = msg


def configure_logs(process: str) -> None:
    """Set up structlog for this process, and add ``process`` to every line."""
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
    """Write the libraries' warnings and errors as JSON lines; otherwise Python prints their tracebacks as they are."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        try:
            message = record.getMessage()
        except Exception:  # the library's arguments do not fit its own format string
            message = str(record.msg)
        text = " ".join(message.split())[:500]
        structlog.get_logger().log(record.levelno, text, library=record.name, **({"exc_info": error} if error else {}))


_render = structlog.processors.JSONRenderer()


def _to_json(logger: object, method: str, event: structlog.typing.EventDict) -> str | bytes:
    try:
        return _render(logger, method, event)
    except Exception as error:  # a value that is not JSON, and whose repr() raises
        plain = {name: value for name, value in event.items() if isinstance(value, str)}
        return json.dumps({**plain, "unreadable": type(error).__name__})


def _exception_to_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace an exception by its type, its place and, for the project's own errors, its text. Never log a traceback:
    another library's text may quote a client's data.

    Of a group, as a ``TaskGroup`` raises it, log the first error in full and the type and place of the others. Log the
    type and place of the error's cause too."""
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
    """The errors of a group and of its nested groups; for any other error, the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _name(error: BaseException) -> str:
    return f"{type(error).__name__} {_place(error)}".rstrip()


def _place(error: BaseException) -> str:
    """``file:line`` where the error was raised; empty if it was never raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace is not None else ""
