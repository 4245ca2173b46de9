"""A rig whose parts are of two releases, and each of which can be replaced by the other release's."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from scripts.stack.supervision import Part, PartSpec
from tests.conftest import BrokerPair
from tests.integration.faults import stand_in
from tests.integration.faults.proxy import script_names
from tests.integration.faults.rig import REPOSITORY, Rig, free_port, started
from tests.integration.versions.previous import PreviousRelease

__all__ = ["MixedRig", "Release", "mixed_rig_on"]

Release = Literal["previous", "present"]

PARTS = Path(__file__).with_name("previous_parts.py")


class MixedRig(Rig):
    """A rig that runs each part as the release that ``releases`` names; a part that it does not name is the present's.

    Attributes:
        releases: the release of each part, by its name.
        kills: how many processes were killed with SIGKILL.
    """

    def __init__(
        self,
        brokers: BrokerPair,
        folder: Path,
        previous: PreviousRelease,
        releases: Mapping[str, Release],
        **options: Any,
    ) -> None:
        super().__init__(brokers, folder, dress=self._as_its_release, **options)
        self.releases = dict(releases)
        self.kills = 0
        self._previous = previous
        self._names += [name for name in releases if name not in self._names]
        self._ports = {name: free_port() for name in self._names if name.startswith("gateway")}
        self._addresses = itertools.cycle(self._ports.values())
        scripts = script_names(previous.tree) | dict(self.frames_proxy.scripts)
        self.frames_proxy.scripts = self.events_proxy.scripts = scripts

    @property
    def address(self) -> str:
        """The URL of each gateway in turn."""
        return f"http://127.0.0.1:{next(self._addresses)}"

    def python_of(self, release: Release) -> tuple[str, Path]:
        """The Python and the source tree of a release."""
        if release == "previous":
            return str(self._previous.python), self._previous.tree
        return sys.executable, REPOSITORY

    def _as_its_release(self, spec: PartSpec) -> PartSpec:
        environ = dict(spec.environ)
        if spec.name in self._ports:
            environ["A3CP_PORT"] = str(self._ports[spec.name])
            environ["A3CP_STATE_DIR"] = str(self.folder / f"state-{spec.name}")
        if self.releases.get(spec.name, "present") == "present":
            return replace(spec, environ=environ)
        python, tree = self.python_of("previous")
        environ |= {"PYTHONPATH": str(tree), "STAND_IN": str(stand_in.__file__)}
        command = [python, "-P", str(PARTS), spec.name.split("-")[0]]
        return replace(spec, command=command, environ=environ)

    async def load_scripts(self) -> None:
        """Load the scripts of both releases."""
        await super().load_scripts()
        for path in (self._previous.tree / "contracts" / "state" / "lua").rglob("*.lua"):
            for broker in (self.frames, self.events):
                await broker.script_load(path.read_text())

    def kill(self, pid: int) -> None:
        """kill -9, counted."""
        self.kills += 1
        super().kill(pid)

    async def exchange(self, name: str, release: Release) -> None:
        """Stop a part as an operator does, and start it as the other release; returns when everything is whole."""
        await self.parts[name].stop()
        self.releases[name] = release
        self.said = [line.replace(f"{name} | ", f"{name}, before | ", 1) for line in self.said]
        self.parts[name] = part = Part(self.spec(name), lambda name, line: self.said.append(f"{name} | {line}"))
        part.start()
        await self.whole()

    async def ready(self) -> bool:
        """Whether every gateway is ready."""
        return all([await super(MixedRig, self).ready() for _ in self._ports])


def mixed_rig_on(
    brokers: BrokerPair, folder: Path, previous: PreviousRelease, releases: Mapping[str, Release], **options: Any
) -> AbstractAsyncContextManager[MixedRig]:
    """A rig of two releases that is whole; see `started`."""
    return started(MixedRig(brokers, folder, previous, releases, **options))
