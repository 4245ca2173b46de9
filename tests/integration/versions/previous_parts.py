"""One process of the previous release, with the short intervals of its own fault harness: ``python previous_parts.py
gateway | extractor | recorder``. It runs in that release's tree and environment, so it imports nothing of this release
except the stand-in for MediaPipe, whose path is in ``STAND_IN``."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from tests.integration.faults import parts

of_release = parts.extractor_process


def extractor_process(settings: Any, metrics_folder: Path | None) -> None:
    """The release's own, with the stand-in if ``FAULTS_MODEL`` says so."""
    if os.environ.get("FAULTS_MODEL") == "stand_in":
        from workers.vision.pipelines import registry

        spec = importlib.util.spec_from_file_location("stand_in", os.environ["STAND_IN"])
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        registry.make_pipeline = lambda _: module.StandIn()
    of_release(settings, metrics_folder)


if __name__ == "__main__":
    parts.extractor_process = extractor_process
    sys.exit(parts.main(sys.argv[1]))
