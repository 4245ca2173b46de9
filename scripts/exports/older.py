"""Read what an export in a folder says about itself: ``export.json``, and for exports of version 0.2 the files beside
it. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from contracts.rules.errors import ConfigurationError
from scripts.exports.choice import Choice
from scripts.exports.exported import ExportedCapture
from scripts.exports.folder import MANIFEST, ExportError
from scripts.exports.split import SplitRequest

__all__ = ["OlderExport", "read_export"]


class _Manifest(BaseModel):
    format: str
    files: dict[str, str]
    version: str = ""
    choice: dict[str, Any] = {}
    split: dict[str, Any] | None = None
    records: list[ExportedCapture] | None = None


class OlderExport(BaseModel):
    """An export that exists. ``captures`` has them by ``record_id``; ``version`` is empty for one of version 0.2."""

    folder: Path
    format: str
    version: str
    choice: Choice
    split: SplitRequest | None
    captures: dict[str, ExportedCapture]

    def without_split(self) -> OlderExport:
        """The same export, as if it were not split."""
        captures = {name: capture.model_copy(update={"split": None}) for name, capture in self.captures.items()}
        return self.model_copy(update={"split": None, "captures": captures})


def read_export(folder: Path) -> OlderExport:
    """Read the export in ``folder``.

    Raises:
        ExportError: there is no export, or its ``export.json`` or the file with its captures is damaged.
        ConfigurationError: it is one of version 0.2 in Parquet, and the export extra is not installed.
    """
    try:
        manifest = _Manifest.model_validate(orjson.loads((folder / MANIFEST).read_bytes()))
        choice = Choice.from_json(manifest.choice)
        split = None if manifest.split is None else SplitRequest.from_json(manifest.split)
        captures = manifest.records if manifest.records is not None else list(_from_files(folder, manifest))
    except OSError as error:
        raise ExportError(f"{folder} is no export: {Path(error.filename).name}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _damaged(folder, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:  # JSON, the choice, the split
        raise _damaged(folder, str(error)) from error
    return OlderExport(
        folder=folder,
        format=manifest.format,
        version=manifest.version,
        choice=choice,
        split=split,
        captures={capture.record_id: capture for capture in captures},
    )


def _damaged(folder: Path, reason: str) -> ExportError:
    return ExportError(f"{folder / MANIFEST} is damaged: {reason}; export again")


def _from_files(folder: Path, manifest: _Manifest) -> Iterator[ExportedCapture]:
    """The captures of an export of version 0.2: its manifest does not name them."""
    for facts in _facts(folder, manifest):
        yield ExportedCapture.model_validate(
            {**facts, "label": facts.get("intent"), "participant": facts.get("user_id")}
        )


def _facts(folder: Path, manifest: _Manifest) -> Iterable[dict[str, Any]]:
    if manifest.format == "hf":
        if find_spec("pyarrow") is None:
            raise ConfigurationError(f"{folder} is Parquet: ./scripts/install installs its reader")
        import pyarrow.parquet as pq

        columns = ["record_id", "capture_id", "session_id", "user_id", "intent", "hash"]
        for path in sorted(manifest.files):
            if path.endswith(".parquet"):
                yield from pq.read_table(folder / path, columns=columns).to_pylist()
        return
    for path in sorted(manifest.files):
        if path.startswith("metadata/"):
            facts = orjson.loads((folder / path).read_bytes())
            if not isinstance(facts, dict):
                raise ValueError(f"{path} is no object")
            yield facts
