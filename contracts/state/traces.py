"""The ``traceparent`` that an entry of a stream may have: the span that wrote it."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.rules.traceparent import read_traceparent

__all__ = ["trace_of"]


def trace_of(fields: Mapping[bytes, bytes]) -> str:
    """The ``traceparent`` of an entry that may be unreadable otherwise; empty if it has none, or an invalid one."""
    return read_traceparent(fields.get(b"traceparent"))
