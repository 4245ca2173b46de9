"""MediaPipe's wheel was made for NumPy 1, and the lock has NumPy 2: its pictures and landmarks pass between the two."""

from __future__ import annotations

import hashlib
import tomllib
from contextlib import closing
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement

from scripts.clips.hands import HandsSource
from tests.guards.sources import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

WHAT_TO_DO = """\
MediaPipe's wheel does not work with this NumPy. Hold NumPy below the version that broke it, in `dependencies` and in
`override-dependencies` of pyproject.toml, and lock again (CONTRIBUTING.md, "A dependency"). Do not raise MediaPipe:
.github/SECURITY.md says why it is held."""


MODELS_AND_GRAPHS = "ce7e8ad139ef08c0ab1a60a4779de584cbb91ed2a519151a40836da6290bdbca"
"""A SHA-256 over those in the wheels of 0.10.21 for x86_64, and of 0.10.18 for x86_64 and aarch64."""


def test_the_wheel_has_the_models_and_graphs_that_the_wheels_of_other_machines_have() -> None:
    import mediapipe

    modules = Path(mediapipe.__file__).parent / "modules"
    digest = hashlib.sha256()
    for file in sorted(path for path in modules.rglob("*") if path.suffix in (".tflite", ".binarypb")):
        name = file.relative_to(modules).as_posix().encode()
        digest.update(name + b"\n" + hashlib.sha256(file.read_bytes()).digest())
    assert digest.hexdigest() == MODELS_AND_GRAPHS


def test_mediapipe_reads_and_gives_arrays_of_the_locked_numpy() -> None:
    import mediapipe as mp
    from mediapipe.python.solutions.holistic import Holistic

    picture = HandsSource("two_hands", duration_s=1).picture(0)
    image = mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)
    assert np.array_equal(image.numpy_view(), picture), WHAT_TO_DO
    with closing(Holistic()) as holistic:
        found: Any = holistic.process(picture)
    hands = found.left_hand_landmarks, found.right_hand_landmarks
    assert all(hand is not None and len(hand.landmark) == 21 for hand in hands), WHAT_TO_DO


def test_what_the_lock_overrides_is_what_mediapipe_declares() -> None:
    """If MediaPipe no longer asks for another version, its override can go."""
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["override-dependencies"]
    declared = {found.name: found for found in map(Requirement, requires("mediapipe") or [])}
    for override in map(Requirement, overrides):
        assert override.name in declared, f"MediaPipe {version('mediapipe')} does not ask for {override.name}"
    assert not declared["numpy"].specifier.contains(version("numpy")), "no override is needed for NumPy"
