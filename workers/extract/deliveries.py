"""How often a capture may be delivered to an extractor. No I/O."""

from __future__ import annotations

__all__ = ["MAX_DELIVERIES", "is_last_try", "is_poison"]

MAX_DELIVERIES = 3
"""If a capture was delivered more often than this, it is poison: it gets ``extraction_failed``."""


def is_poison(deliveries: int) -> bool:
    """Whether a capture was delivered so often, this time included, that it gets no further try."""
    return deliveries > MAX_DELIVERIES


def is_last_try(deliveries: int) -> bool:
    """Whether a capture that was delivered so often, this time included, is given up if this delivery fails too."""
    return deliveries == MAX_DELIVERIES
