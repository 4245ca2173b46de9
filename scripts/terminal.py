"""What is shown on a terminal but was not written by us: session logs hold whatever a client appended."""

from __future__ import annotations

from contracts.line_writer import printable

__all__ = ["printable"]
