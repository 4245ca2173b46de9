"""Ask before something that cannot be undone."""

from __future__ import annotations

import typer

__all__ = ["confirmed"]


def confirmed(question: str) -> bool:
    """Ask on standard error, so that standard output has the command's own lines only. No answer is a no: the input
    has ended, as under cron, or Ctrl-C was pressed."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False
