"""``a3cp study``. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.exits import exits

__all__ = ["study_app"]

study_app = typer.Typer(help="Write a study, and check its file.")


@study_app.command("check")
@exits
def study_check(file: Annotated[Path, typer.Argument(help="The study's TOML file.")]) -> int:
    """Explain the mistakes in a study's file, each with its line.

    It reads the pictures beside the file too.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.study import check_study

    return check_study(load_settings(), file)


@study_app.command("new")
@exits
def study_new(
    file: Annotated[Path, typer.Argument(help="The file to write; its name becomes the study's id.")] = Path(
        "example-study.toml"
    ),
) -> int:
    """Write an example of a study, to be changed.

    A file that exists is not touched.
    """
    from scripts.commands.study import new_study

    return new_study(file)
