"""``a3cp export``. Like `scripts.cli`, it imports what the command needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.exits import exits

__all__ = ["export_app"]

export_app = typer.Typer()

Sessions = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SESSION]...", help="Session ids, or paths of logs; by default all of LOG_ROOT."),
]
FormatName = Annotated[str | None, typer.Option("--format", help="pose, gislr, npy1662, eaf or hf.")]
Output = Annotated[str, typer.Option(help="The folder to write to, in a subfolder of the format's name.")]
User = Annotated[str | None, typer.Option(help="Export the sessions of this user only.")]
Split = Annotated[
    str | None, typer.Option(help="participant:80/10/10: train, validation and test, with no person in two of them.")
]
Seed = Annotated[int | None, typer.Option(help="Chooses among splits that are as good; 0 by default.")]
Verdicts = Annotated[
    list[str] | None, typer.Option(help="Only captures whose last review is keep, redo, reject or none; repeatable.")
]
Labels = Annotated[
    list[str] | None, typer.Option(help="Only captures with this label; '' finds those without; repeatable.")
]
Studies = Annotated[list[str] | None, typer.Option(help="Only takes of this study; repeatable.")]
Since = Annotated[str | None, typer.Option(help="Recorded on this day or later; or at a time, 2026-01-31T12:00.")]
Until = Annotated[str | None, typer.Option(help="Recorded before this day or time.")]
Unknown = Annotated[
    bool, typer.Option("--include-unknown", help="Also export captures about whose consent no event says anything.")
]
WithoutConsent = Annotated[
    bool, typer.Option("--include-without-consent", help="Also export captures whose consent_given is false.")
]
Demos = Annotated[bool, typer.Option("--include-demo", help="Also export captures whose is_demo is true.")]
About = Annotated[
    Path | None, typer.Option(help="A TOML file: what only the authors know, for the datasheet and Croissant.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace an export that exists and differs.")]
Check = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Only name the captures of this older export that are stale.")
]
Diff = Annotated[
    Path | None, typer.Option(metavar="OLD", help="Compare with this older export; without --format, write nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result of --check or --diff as JSON.")]


@export_app.command()
@exits
def export(
    sessions: Sessions = None, format_: FormatName = None, output: Output = "exports", user: User = None,
    split: Split = None, seed: Seed = None, verdict: Verdicts = None, label: Labels = None, study: Studies = None,
    since: Since = None, until: Until = None, unknown: Unknown = False, without_consent: WithoutConsent = False,
    demos: Demos = False, about: About = None, replace: Replace = False, check: Check = None, diff: Diff = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Verify captures and export them.

    Formats for other tools: .pose, GISLR's Parquet, .npy, ELAN's .eaf, Hugging Face datasets. With --check or --diff,
    compare an older export with the logs of today.
    """
    from contracts.process.settings import load_settings
    from scripts.exports.choice import Choice
    from scripts.exports.command import ExportRequest, run_export
    from scripts.exports.split import SplitRequest
    from scripts.terminal import output_folder

    request = ExportRequest(
        format=format_,
        sessions=sessions or (),
        output=output_folder(output),
        user_id=user,
        choice=Choice.of(
            unknown=unknown, without_consent=without_consent, demos=demos, verdicts=verdict or (), labels=label or (),
            studies=study or (), since=since, until=until,
        ),
        split=SplitRequest.of(split, seed),
        replace=replace,
        about=about,
    )  # fmt: skip
    return run_export(load_settings(), request, check=check, diff=diff, as_json=json)
