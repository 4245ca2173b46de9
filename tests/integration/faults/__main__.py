"""The long run: ``python -m tests.integration.faults --minutes M --seed S``. Plays every case, and mixes, on Valkey and
on Redis at once until the time is over, and prints the table. The seed and the round make a play happen again."""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.integration.faults.cases import ALL
from tests.integration.faults.long_run import Run, run_on, say
from tests.integration.faults.rigs import FLAVOURS
from tests.integration.faults.table import CaseRow, every_case, summary
from tests.support.brokers import Flavour, server_path

MIXES_PER_ROUND = 6


def version(flavour: Flavour) -> str:
    """The version that the server reports."""
    said = subprocess.run([server_path(flavour) or "", "--version"], capture_output=True, text=True, check=True).stdout
    return f"{flavour.title()} {said.partition('v=')[2].split()[0]}"


def main() -> int:
    """Run; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--flavour", choices=FLAVOURS, help="one of them only")
    arguments = parser.parse_args()
    flavours: Sequence[Flavour] = [arguments.flavour] if arguments.flavour else FLAVOURS
    if missing := [flavour for flavour in flavours if server_path(flavour) is None]:
        say(f"no server of {' and '.join(missing)} on this machine")
        return 1
    names = [name for name in [*ALL, *(f"mix {n}" for n in range(MIXES_PER_ROUND))] if arguments.only in name]
    until_s = time.monotonic() + 60 * arguments.minutes
    rows: dict[str, CaseRow] = {}
    with ProcessPoolExecutor(len(flavours), multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(run_on, [Run(flavour, arguments.seed, names, until_s) for flavour in flavours]):
            for name, row in found.items():
                rows[name] = rows.get(name, CaseRow()) + row
    say(f"\n{every_case(rows)}\n")
    say(f"Seed {arguments.seed}, {arguments.minutes:g} minutes, {' and '.join(map(version, flavours))}:\n")
    say(summary(rows))
    return int(any(row.found for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
