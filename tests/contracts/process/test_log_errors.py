"""A log line names the error that happened, also if a task group or an `A3CPError` hides it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.process.logs import flush_logs, get_logger
from contracts.rules.errors import UnreadableValue


def line_of(error: BaseException, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    get_logger().error("failed", exc_info=error)
    flush_logs()
    line: dict[str, Any] = json.loads(capfd.readouterr().err)
    return line


def raised(step: Callable[[], Any]) -> Exception:
    try:
        step()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def in_task_groups() -> None:
    async def fail(kind: type[Exception]) -> None:
        raise kind

    async def inner() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(IndexError))
            tasks.create_task(fail(KeyError))

    async def outer() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(inner())

    asyncio.run(outer())


def test_a_group_of_errors_is_logged_by_the_errors_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    line = line_of(raised(in_task_groups), capfd)
    assert line["error"] == "IndexError"
    assert line["at"].startswith("test_log_errors.py:")
    (other,) = line["others"]
    assert other.startswith("KeyError test_log_errors.py:")


def test_an_error_of_this_project_is_logged_with_the_place_of_its_cause(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        try:
            int("x")
        except ValueError as error:
            raise UnreadableValue("frames", "claim: a3cp:{c}:state", "ValueError") from error

    line = line_of(raised(fail), capfd)
    assert (line["error"], line["cause"].split(":")[0]) == ("UnreadableValue", "ValueError test_log_errors.py")
    assert "a3cp:{c}:state" in line["detail"]


def test_an_error_that_was_never_raised_has_no_place(capfd: pytest.CaptureFixture[str]) -> None:
    line = line_of(ValueError("secret"), capfd)
    assert line["error"] == "ValueError"
    assert not {"at", "cause", "others", "detail"} & set(line)
