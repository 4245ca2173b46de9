"""A module that is loaded when a test first uses it. Every process of the tests imports all tests, and runs a few."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Later"]


class Later:
    """Stands for the module ``name`` until then, and after."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(("__", "_pytest", "_mock")):  # pytest asks everything in a module what it is
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)
