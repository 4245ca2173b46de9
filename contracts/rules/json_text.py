"""JSON as RFC 8259 has it: no valid number is too large or too small, and nothing that only JavaScript knows is taken.

orjson, which reads everything else here, is quicker and refuses some valid texts (``1e400``, ``\\ud800``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["load_json"]

_SURE_DIGITS = 18


def load_json(text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The document that ``text`` is. Integers of more than 18 digits come as floats.

    Raises:
        ValueError: it is not JSON, or is nested too deeply to be read.
    """
    try:
        return json.loads(
            text, parse_int=_integer, parse_constant=_refuse_constant, object_pairs_hook=object_pairs_hook
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _integer(token: str) -> int | float:
    return int(token) if len(token) <= _SURE_DIGITS else float(token)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
