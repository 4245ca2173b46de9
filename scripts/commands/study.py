"""``a3cp study check`` and ``new``: the file of a study."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from gateway.consent.text import consent_text
from gateway.studies.folder import read_study
from gateway.studies.table import StudyTable
from scripts.terminal import many, printable

__all__ = ["check_study", "new_study"]


def check_study(settings: Settings, file: Path) -> int:
    """Print the mistakes in a study's file as ``FILE:LINE: mistake``, and return 1; if there are none, what the study
    asks for, and 0."""
    reading = read_study(file, settings.capture)
    for mistake in reading.mistakes:
        place = f"{file}:{mistake.line}" if mistake.line else f"{file}"
        print(printable(f"{place}: {mistake.text}"), file=sys.stderr)
    if reading.study is None:
        return 1
    for line in _summary(file.stem, reading.study):
        print(printable(line))
    return 0


def _summary(name: str, study: StudyTable) -> list[str]:
    ends = f"at most {study.seconds:g} s, until the hands rest" if study.until_rest else f"{study.seconds:g} s each"
    order = "in another order for each participant" if study.order == "shuffled" else "in the order of the file"
    pauses = f", a break every {many(study.break_every, 'take')}" if study.break_every else ""
    shown = consent_text(study.consent, required=False).hash if study.consent else "the gateway's own"
    good = study.good
    rule = [
        f"{good.worst_verdict} or better" if good.worst_verdict != "good" else "good",
        *(f"{reason} ignored" for reason in good.ignore),
        *(f"{number} at least {bound:g}" for number, bound in good.at_least.items()),
        *(f"{number} at most {bound:g}" for number, bound in good.at_most.items()),
    ]
    takes = f"{many(len(study.prompts), 'prompt')} × {study.repetitions} = {study.wanted:,}"
    return [
        f"{name}: {study.title}",
        f"  takes       {takes}, {ends}, {order}{pauses}",
        f"  good takes  {', '.join(rule)}",
        f"  consent     {shown}",
        f"  kept        {_kept(study.retention_days)}",
    ]


def _kept(days: int | None) -> str:
    if days is None:
        return "as long as the gateway says"
    return many(days, "day") if days else "for ever"


def new_study(file: Path) -> int:
    """Write the example of a study, and say how to go on. Returns 0.

    Raises:
        ConfigurationError: the file exists, or the system refuses.
    """
    example = files("gateway.studies").joinpath("example.toml").read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(example)
    except FileExistsError:
        raise ConfigurationError(f"{file} exists already; name another file") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    print(printable(f"{file} is written. Change it, then: a3cp study check {file}"))
    return 0
