"""Find the tests that need a real broker: their function, a fixture or a parameter can start one.

`conftest` marks them ``real``, so that ``pytest -m "not real"`` runs on fakeredis alone.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from scripts.stack.embedded import EmbeddedBrokers
from scripts.stack.stack import Stack
from tests.support.brokers import BrokerProcess, server_path

__all__ = ["needs_real_broker", "reaches"]

STARTERS = (BrokerProcess, EmbeddedBrokers, Stack, server_path)
PLAIN = (str, bytes, int, float, ModuleType, type(None))
"""What most parameters and globals are, and what calls nothing."""


def needs_real_broker(item: pytest.Item) -> bool:
    """Whether a test, one of its fixtures or one of its parameters can start a broker."""
    function = getattr(item, "function", None)
    fixtures = getattr(item, "_fixtureinfo", None)
    given = [definitions[-1].func for definitions in fixtures.name2fixturedefs.values()] if fixtures else []
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else []
    return any(_reaches(test) for test in (function, *given)) or any(map(reaches, parameters))


_harmless: dict[int, object] = {}
"""What was searched in vain, by its id; the reference keeps the id from being given to another object."""


@functools.cache
def _reaches(test: Any) -> bool:
    return reaches(test)  # every parameter of a test is an item of its own: its function is searched once


def reaches(thing: Any) -> bool:
    """Whether calling this function of the tests may start a broker."""
    seen: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        one = waiting.pop()
        if isinstance(one, PLAIN):
            continue
        one = inspect.unwrap(one)
        if any(one is starter for starter in STARTERS):
            return True
        if id(one) not in seen and id(one) not in _harmless:
            seen[id(one)] = one
            waiting += _used_by(one)
    _harmless.update(seen)
    return False


def _used_by(thing: Any) -> Iterator[Any]:
    """The objects that a function or class of the tests names, a partial calls, or a collection holds."""
    if isinstance(thing, functools.partial):
        yield thing.func
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, property):
        yield thing.fget
    elif isinstance(thing, classmethod | staticmethod):
        yield thing.__func__
    elif inspect.isclass(thing) and thing.__module__.startswith("tests."):
        yield from vars(thing).values()
        yield from thing.__bases__
    elif isinstance(thing, FunctionType) and thing.__module__.startswith("tests."):
        yield from (thing.__globals__[name] for name in _names(thing.__code__) if name in thing.__globals__)
    elif inspect.ismethod(thing):
        yield thing.__func__


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
