"""Logs: JSON lines on standard error; identifiers are bound once, image bytes and secrets never."""

from __future__ import annotations

import logging
import sys
from typing import Any

from contracts.errors import A3CPError

# structlog loads rich, if it finds it, for tracebacks in colour that nobody sees: two thirds of its import, in every
# process. Where rich is loaded already, it stays.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None: an import of it fails
import structlog  # noqa: E402

if sys.modules["rich"] is None:
    del sys.modules["rich"]

__all__ = ["bind_to_log", "configure_logs", "get_logger"]


def get_logger() -> Any:
    """A logger; the event's name first, all else by name: ``log.info("extractor ready", consumer=name)``."""
    return structlog.get_logger()


def bind_to_log(**fields: str) -> None:
    """These fields are in every line from now on, of this thread or task and of those that it starts."""
    structlog.contextvars.bind_contextvars(**fields)


def configure_logs(process: str, *, level: int = logging.INFO) -> None:
    """Set up structlog for this process; ``process`` is in every line."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _exception_to_line,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _LibraryLogs) for handler in root.handlers):
        root.addHandler(_LibraryLogs(logging.WARNING))


class _LibraryLogs(logging.Handler):
    """What libraries log, in our form: without it Python prints their tracebacks to the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        text = " ".join(record.getMessage().split())[:500]
        structlog.get_logger().log(record.levelno, text, library=record.name, **({"exc_info": error} if error else {}))


def _exception_to_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """One line, never a traceback: the error's type, its place, and its text where the text is ours."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        if isinstance(error, A3CPError | OSError):
            event["detail"] = str(error)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            event["at"] = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
    return event
