"""The pages' generated copies of the contracts match the contracts."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from scripts.build.web_messages import constants, main, schema

API = Path(__file__).parents[3] / "gateway" / "web" / "src" / "api"


def test_schema_of_the_pages_has_not_drifted() -> None:
    assert orjson.loads((API / "schema.json").read_bytes()) == orjson.loads(orjson.dumps(schema())), "npm run messages"


def test_constants_of_the_pages_have_not_drifted() -> None:
    written = orjson.loads((API / "constants.json").read_bytes())
    assert written == orjson.loads(orjson.dumps(constants())), "npm run messages"


def test_a_message_that_the_pages_read_has_its_defaults_and_one_they_send_may_leave_them_out() -> None:
    definitions = schema()["$defs"]
    assert {"event", "slow_down"} <= set(definitions["CaptureProgress"]["required"])
    assert "dropped" in definitions["LiveDropped"]["required"]
    assert "progress" not in definitions["CaptureOpen"]["required"]


def test_documents_are_printed_as_they_are_written(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for name in ("schema", "constants"):
        assert main([name]) == 0
        assert capfdbinary.readouterr().out == (API / f"{name}.json").read_bytes()


@pytest.mark.parametrize("arguments", [[], ["types"], ["schema", "constants"]])
def test_another_argument_is_refused(arguments: list[str]) -> None:
    assert main(arguments) == 2
