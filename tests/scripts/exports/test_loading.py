"""The READMEs' lines that load train and test: exactly those lines run, and have every frame in its place.

PyTorch is not among the packages of the tests: its wheel brings gigabytes of libraries for graphics cards. Where it is
installed, its lines run with it; elsewhere with `numpy` under the names that they use.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from scripts.exports.split import SplitRequest
from tests.scripts.exports.roots import Roots, landmarks
from tests.scripts.test_cli import ROOT
from tests.support.later import Later

pd = Later("pandas")

SPLIT = SplitRequest.parse("participant:34/33/33")


class Tensor(np.ndarray[Any, Any]):
    """What the lines do with a tensor that an array does not."""

    def nan_to_num(self) -> Tensor:
        return np.nan_to_num(self).view(Tensor)


def pad_sequence(clips: list[Tensor], batch_first: bool = False, padding_value: float = 0.0) -> Tensor:
    """As ``torch.nn.utils.rnn.pad_sequence``: clips (T, D) to (clips, the longest T, D)."""
    assert batch_first
    padded = np.full((len(clips), max(map(len, clips)), clips[0].shape[1]), padding_value, clips[0].dtype)
    for number, clip in enumerate(clips):
        padded[number, : len(clip)] = clip
    return padded.view(Tensor)


def torch_in_numpy() -> ModuleType:
    module = ModuleType("torch")
    rnn = SimpleNamespace(pad_sequence=pad_sequence)
    vars(module).update(
        nan=np.nan,
        from_numpy=lambda array: array.view(Tensor),
        tensor=lambda values: np.array(values).view(Tensor),
        arange=lambda end: np.arange(end).view(Tensor),
        nn=SimpleNamespace(utils=SimpleNamespace(rnn=rnn)),
    )
    return module


def lines(path: str, word: str) -> str:
    """The one Python block of a README with this word."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / path).read_text(), re.DOTALL | re.MULTILINE)
    [block] = [block for block in blocks if word in block]
    return str(block)


def statements(block: str) -> int:
    return len([line for line in block.splitlines() if line and not line.startswith(("import ", "from ", "    "))])


def split_export(roots: Roots, form: str) -> dict[str, list[tuple[str, npt.NDArray[Any]]]]:
    """An export of people with takes of different lengths: each part's labels and matrices, in the table's order."""
    made = {}
    for number, person in enumerate(["anna", "bea", "carl", "dora"]):
        session = roots.session(person, consent_given=True)
        for take, frames in enumerate([2, 5, 3]):
            members = landmarks(frames, seed=10 * number + take)
            label = f"0{take}"
            record = roots.capture(session, members, person, annotation={"intent": label})
            made[record] = label, members["features"]
    for each in {form, "npy1662"}:
        assert roots.export(each, split=SPLIT) == 0
    rows = pd.read_csv(roots.exports / "npy1662/captures.csv", dtype=str)
    return {part: [made[record] for record in of.record_id] for part, of in rows.groupby("split")}


def run(block: str, roots: Roots, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(roots.exports.parent)
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    return names


def assert_padded(loaded: Any, mask: Any, wanted: list[tuple[str, npt.NDArray[Any]]]) -> None:
    loaded, mask = np.asarray(loaded), np.asarray(mask)
    assert loaded.shape == (len(wanted), max(len(matrix) for _, matrix in wanted), 1662)
    assert loaded.dtype == np.float32 and mask.dtype == np.bool_ and mask.shape == loaded.shape[:2]
    for clip, there, (_, matrix) in zip(loaded, mask, wanted, strict=True):
        assert np.array_equal(clip[there], matrix, equal_nan=True)
        assert there.tolist() == [number < len(matrix) for number in range(len(there))]
        assert np.isnan(clip[~there]).all()


@pytest.mark.parametrize("real", [False, True] if find_spec("torch") else [False])
def test_the_readme_s_lines_for_pytorch(roots: Roots, monkeypatch: pytest.MonkeyPatch, real: bool) -> None:
    wanted = split_export(roots, "npy1662")
    if not real:
        monkeypatch.setitem(sys.modules, "torch", torch_in_numpy())
    block = lines("README.md", "torch")
    assert statements(block) == 5
    names = run(block, roots, monkeypatch)
    assert_padded(names["train"], names["mask"], wanted["train"])
    assert names["test"].shape[0] == len(wanted["test"])
    assert names["y"] == [label for label, _ in wanted["train"]]
    assert np.array_equal(np.asarray(names["x"]), np.nan_to_num(np.asarray(names["train"])))


def test_the_readme_s_lines_for_numpy(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = split_export(roots, "npy1662")
    block = lines("scripts/exports/README.md", "np.arange")
    assert statements(block) == 5
    names = run(block, roots, monkeypatch)
    for part in ("train", "test"):
        assert_padded(names[part], names["mask"][part], wanted[part])
    assert names["y"] == [label for label, _ in wanted["train"]]


def test_the_readme_s_lines_for_pandas(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = split_export(roots, "hf")
    block = lines("scripts/exports/README.md", "pd.concat")
    assert statements(block) <= 5
    names = run(block, roots, monkeypatch)
    for part in ("train", "test"):
        assert names[part].intent.tolist() == [label for label, _ in wanted[part]]
        for features, (_, matrix) in zip(names[part].features, wanted[part], strict=True):
            assert np.array_equal(np.stack(features), matrix, equal_nan=True)
    assert names["y"].tolist() == names["train"].intent.tolist() and len(names["x"]) == len(wanted["train"])


def test_the_readme_s_lines_for_an_artifact(roots: Roots, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session, members = roots.session(), landmarks(4, missing=0.0)
    members["decoded"][:] = True
    record = roots.capture(session, members)
    block = lines("workers/README.md", "np.load")
    names: dict[str, Any] = {"path": roots.artifact(session, record)}
    exec(compile(block, "README.md", "exec"), names)
    with np.load(names["path"], allow_pickle=False) as artifact:
        listed = re.findall(r"^\| `(\w+)` \|.* \(.*\|", (ROOT / "workers/README.md").read_text(), re.MULTILINE)
        assert [name for name in artifact.files if name != "meta"] == listed[: len(artifact.files) - 1]
        assert np.array_equal(artifact["features"], names["features"], equal_nan=True)
    assert names["meta"]["fps_target"] == 15 and names["left"].shape == (4, 21, 3)
