"""Count failures and say when there are too many. No I/O, no clock."""

from __future__ import annotations

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_network

from contracts.rules.reverse_proxy import read_address

__all__ = ["FailureLimit", "address_group"]

MOST_KEYS = 10_000
"""How many keys are counted at once; the one that began first is forgotten for another."""


class FailureLimit:
    """At most ``most`` failures of one key in ``window_s`` seconds, which begin with its first failure."""

    def __init__(self, most: int, window_s: float) -> None:
        self._most = most
        self._window_s = window_s
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, key: str, now: float) -> bool:
        """Count one failure. Returns whether it is the one that reaches the limit."""
        begun, count = self._counts.get(key, (now, 0))
        if now - begun >= self._window_s:
            begun, count = now, 0
            self._counts.pop(key, None)
        self._counts[key] = begun, count + 1
        if len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)
        return count + 1 == self._most

    def wait_s(self, key: str, now: float) -> int:
        """For how many whole seconds the key has to wait; 0 if it may go on."""
        begun, count = self._counts.get(key, (now, 0))
        left_s = begun + self._window_s - now
        return math.ceil(left_s) if count >= self._most and left_s > 0 else 0


def address_group(address: str) -> str:
    """The key of a client's address: for IPv6 its network of 64 bits, all of which one client may have."""
    parsed = read_address(address)
    if parsed is None:
        return ""
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)
