"""``croissant.json``: the data set in the vocabulary of MLCommons' Croissant 1.1, which data set searches and ML tools
read. No I/O.

What only the authors know (licence, address, creators, the day of publication) is in it if an ``--about`` file has it;
Croissant asks for these four before a data set is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.rules.landmarks import DIMS
from scripts.exports.about import About
from scripts.exports.formats import Format
from scripts.exports.split import PARTS
from scripts.exports.summary import Summary
from scripts.exports.tables import File, json_file

__all__ = ["CROISSANT", "croissant_file"]

CROISSANT = "http://mlcommons.org/croissant/1.1"

_TERMS = (
    "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileObject fileProperty "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField readLines recordSet references regex "
    "replace samplingRate path repeated sdVersion separator source subField transform unArchive value"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    **{term: f"cr:{term}" for term in _TERMS.split()},
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
_DESCRIPTION = (
    "Gestures before a camera as landmarks of body, hands and face, as MediaPipe Holistic gives them, frame by frame. "
    "Recorded and verified by A3CP."
)
_MEDIA_TYPES = {".csv": "text/csv", ".json": "application/json", ".md": "text/markdown"}
_KINDS: dict[str, str | list[str]] = {
    **dict.fromkeys(("frames", "fps_target", "duration_ms", "width", "height", "undecoded_frames"), "sc:Integer"),
    **dict.fromkeys(("timestamp_start", "timestamp_end"), "sc:DateTime"),
    **dict.fromkeys(("timestamps_ms", "tracker_restarts"), "sc:Integer"),
    "fps": "sc:Float",
    "features": "cr:Float32",
    "decoded": "sc:Boolean",
    "intent": ["sc:Text", "cr:Label"],
    "split": ["sc:Text", "cr:Split"],
}
"""The types of the columns. Consent and demonstration are texts, because they may be empty: a reader of a truth value
would make one of that."""
_ARRAYS = {"features": f"-1,{DIMS}", "timestamps_ms": "-1", "decoded": "-1", "tracker_restarts": "-1"}
"""The columns of arrays and their shapes; -1 is as long as the capture has frames."""
_SPLIT_FILE = (
    r"(?:data/)?(train|validation|test)(?:-\d+-[0-9a-f]+\.parquet)?$"  # mlcroissant applies it to its own result too
)


def croissant_file(summary: Summary, about: About, form: Format, files: Mapping[str, str]) -> File:
    """The metadata. ``files`` are the export's files so far and the hash of each, ``sha256:`` and 64 hex digits."""
    said = {
        "license": about.license,
        "url": about.url,
        "creator": [{"@type": "Person", "name": name} for name in about.creators] or None,
        "datePublished": about.published.isoformat() if about.published else None,
        "citeAs": about.citation,
    }
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": about.name,
        "description": about.description or _DESCRIPTION,
        "conformsTo": CROISSANT,
        **{name: value for name, value in said.items() if value is not None},
        "version": f"1.0.0+{summary.version.replace(':', '.')}",  # SemVer, whose build names the content
        "isLiveDataset": False,
        "keywords": ["gesture", "landmarks", "MediaPipe Holistic"],
        "dateModified": summary.last_recorded[:10],
        "distribution": _distribution(form, files),
        "recordSet": [*_split_set(summary), _capture_set(summary, files)],
    }
    return json_file("croissant.json", document)


def _distribution(form: Format, files: Mapping[str, str]) -> list[dict[str, Any]]:
    """A `FileObject` for each file of the export's own folder but the landmarks', and a `FileSet` for these."""
    suffix = form.data[form.data.rindex(".") :]
    alone = [path for path in files if "/" not in path and not path.endswith(suffix)]
    objects = [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "encodingFormat": _MEDIA_TYPES[path[path.rindex(".") :]],
            "sha256": files[path].removeprefix("sha256:"),
        }
        for path in sorted(alone)
    ]
    landmarks = {
        "@type": "cr:FileSet",
        "@id": "landmarks",
        "name": "landmarks",
        "description": f"The landmarks, as {form.title}; export.json has the SHA-256 of each file.",
        "encodingFormat": form.encoding,
        "includes": form.data,
    }
    return [*objects, landmarks]


def _split_set(summary: Summary) -> list[dict[str, Any]]:
    parts = [part for part in PARTS if summary.in_part(part)]
    if not parts:
        return []
    name = {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"}
    return [
        {
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "description": "The parts of the data set. No participant is in two of them.",
            "dataType": "cr:Split",
            "key": {"@id": "splits/name"},
            "field": [name],
            "data": [{"splits/name": part} for part in parts],
        }
    ]


def _capture_set(summary: Summary, files: Mapping[str, str]) -> dict[str, Any]:
    """The rows of ``captures.csv``; if the format has none, those of its Parquet files."""
    table = "captures.csv" in files
    source = {"fileObject": {"@id": "captures.csv"}} if table else {"fileSet": {"@id": "landmarks"}}
    names = ["path", *summary.columns] if table else [*summary.columns, *_ARRAYS]
    fields = [_field(name, {**source, "extract": {"column": name}}) for name in names if table or name != "split"]
    if not table and "split" in summary.columns:
        extract = {"extract": {"fileProperty": "fullpath"}, "transform": {"regex": _SPLIT_FILE}}
        fields.append(_field("split", {**source, **extract}))
    return {
        "@type": "cr:RecordSet",
        "@id": "captures",
        "name": "captures",
        "description": "One record for each capture.",
        "key": {"@id": "captures/record_id"},
        "field": fields,
    }


def _field(name: str, source: dict[str, Any]) -> dict[str, Any]:
    kind: Any = _KINDS.get(name, "sc:Float" if name.startswith("found_") else "sc:Text")
    field = {"@type": "cr:Field", "@id": f"captures/{name}", "name": name, "dataType": kind, "source": source}
    if name == "split":
        field["references"] = {"field": {"@id": "splits/name"}}
    if name in _ARRAYS:
        field |= {"isArray": True, "arrayShape": _ARRAYS[name]}
    return field
