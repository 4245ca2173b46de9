"""The log loads structlog without rich, and leaves rich usable for other modules."""

from __future__ import annotations

import subprocess
import sys

import pytest
import redis

from contracts.process import logs
from contracts.rules.errors import A3CPError


@pytest.mark.parametrize(
    "code",
    [
        "import contracts.process.logs, sys; assert 'rich' not in sys.modules; import rich.console",
        "import rich, contracts.process.logs, sys; assert sys.modules['rich'] is rich",
    ],
)
def test_the_logs_load_no_rich_and_leave_it_importable(code: str) -> None:
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class _Ours(A3CPError):
    pass


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (_Ours("the broker is away"), "the broker is away"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError("canary"), None),
        (KeyError("canary"), None),
        (RuntimeError("canary"), None),
        (redis.exceptions.ResponseError("canary"), None),
        (ExceptionGroup("canary", [ValueError("canary")]), None),
    ],
)
def test_only_the_texts_of_project_and_system_errors_are_logged(error: Exception, detail: str | None) -> None:
    line = logs._exception_to_line(None, "error", {"event": "something failed", "exc_info": error})
    assert line.get("detail") == detail and line["error"]
    assert "canary" not in repr(line)
