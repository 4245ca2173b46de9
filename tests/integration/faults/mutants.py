"""Copies of the source tree with one rule taken out, which the harness must detect."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.integration.faults.rig import REPOSITORY

__all__ = ["HOSTILE_MUTANTS", "MUTANTS", "Mutant", "mutate"]

PACKAGES = ("contracts", "gateway", "recorder", "scripts", "workers")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit: in ``path``, ``rule`` becomes ``instead``. ``case`` is what must find it, in a finding that says
    ``finding``. ``quiet_s`` is how long it is waited for quiet, which need not come; ``extractors`` and
    ``recorders`` are as many as the case needs."""

    path: str
    rule: str
    case: str
    finding: str
    instead: str = ""
    quiet_s: float = 20.0
    extractors: int = 2
    recorders: int = 1


MUTANTS: dict[str, Mutant] = {
    "the token check of row": Mutant(
        "contracts/state/lua/frames/row.lua",
        "if s[1] ~= ARGV[1] then return 0 end\n",
        "a row of an old owner",
        "has no event, and is aborted extraction_failed",
    ),
    "publish once": Mutant(
        "contracts/state/lua/events/publish.lua",
        "if s[1] == 'published' then return {'published', s[2]} end\nif s[1] then return {'aborted', s[3] or ''} end\n",
        "aborted before it is published",
        "was told forward_failed, and has an event",
    ),
    "write once": Mutant(
        "workers/vision/local_store.py",
        "os.link(temporary, path)",
        "the artifact's place is taken",
        "the artifact does not verify",
        "os.replace(temporary, path)",
    ),
    "delete before store": Mutant(
        "contracts/state/lua/frames/row.lua",
        "redis.call('XDEL', KEYS[2], ARGV[2] .. '-0')\nif redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[3]) == 1 then\n",
        "extraction from a full frames broker",
        "left in the brokers: pending captures",
        "local stored = redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[3])\n"
        "redis.call('XDEL', KEYS[2], ARGV[2] .. '-0')\nif stored == 1 then\n",
        quiet_s=4.0,
    ),
    "the look under the flock": Mutant(
        "recorder/writer.py",
        "if (recorded_at := seen.when(log, event, by_client=by_client)) is not None:",
        "recorder killed: written, not acknowledged",
        "a line 2 times",
        "if (recorded_at := seen.when(log, b'', by_client=by_client)) is not None:",
        extractors=1,
        recorders=2,
    ),
    "removed before it is said": Mutant(
        "workers/extract/eraser.py",
        "        erase_artifact(self._stores, request.user_id, request.session_id, request.record_id, request.uri)\n",
        "erasures",
        "is erased, and its artifact is there",
    ),
    "one time for an erasure": Mutant(
        "contracts/state/lua/events/publish_erasure.lua",
        "local event = s[1] == ARGV[1] and s[2] or ARGV[3]\n",
        "extractor killed: an erasure, published",
        "has 2 different erasures",
        "local event = ARGV[3]\n",
    ),
    "pending first": Mutant(
        "recorder/consumer.py",
        "        await self._claim_all()\n",
        "recorder killed: before the write",
        "left in the brokers: pending events",
        quiet_s=4.0,
        extractors=1,
        recorders=2,
    ),
}


HOSTILE_MUTANTS: dict[str, Mutant] = {
    "a record that cannot be read is forgotten": Mutant(
        "recorder/sweep.py",
        "        except (UnreadableValue, ValueError):\n            return Sighting(None)\n",
        "capture_record: accepted=b'abc'",
        "recorder-1 after ",
        "        except (UnreadableValue, ValueError):\n            __import__('os')._exit(1)\n",
    ),
    "a dispatch entry that names no capture is acknowledged": Mutant(
        "workers/extract/dispatch.py",
        "            run_sync(self._broker, captures.acknowledge(dispatch_id, queue))\n            return None\n",
        "CAPTURES: capture_id=b''",
        "something is never let go after ",
        "            return None\n",
    ),
}
"""``case`` is the key and the value that the broker fuzzer must name."""


def mutate(folder: Path, *mutants: Mutant) -> Path:
    """A source tree with these edits; its root goes first in ``PYTHONPATH``."""
    for package in PACKAGES:  # with what is compiled, and without the pages and their 8,000 files of packages
        shutil.copytree(REPOSITORY / package, folder / package, ignore=shutil.ignore_patterns("web", "static"))
    for mutant in mutants:
        path = folder / mutant.path
        source = path.read_text()
        assert source.count(mutant.rule) == 1, f"{mutant.path} is not what the mutant was made for"
        path.write_text(source.replace(mutant.rule, mutant.instead))
    return folder
