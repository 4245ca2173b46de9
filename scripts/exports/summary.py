"""Count what an export has, while its captures pass. No I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from contracts.rules.landmarks import PART_NAMES
from scripts.exports.capture import VerifiedCapture
from scripts.exports.exported import ExportedCapture, content_version

__all__ = ["Summary"]


class Summary:
    """The sums over an export's captures, for its manifest, its datasheet and its Croissant metadata. It has about 1 kB
    for each capture."""

    def __init__(self) -> None:
        self.records: list[ExportedCapture] = []
        self.frames: Counter[str] = Counter()
        """Frames by part of the split; ``""`` without a split."""
        self.duration_ms = 0
        self.undecoded_frames = 0
        self.consent: Counter[str] = Counter()
        """Captures by consent: ``given``, ``refused``, ``unknown``."""
        self.demonstrations = 0
        self.devices: set[str] = set()
        self.encodings: set[str] = set()
        self.sizes: set[tuple[int, int]] = set()
        """Width and height of the pictures, pixels."""
        self.rates: set[int] = set()
        """Frames a second that clients asked for."""
        self.first_recorded = self.last_recorded = ""
        """Times of the log, UTC with milliseconds and ``Z``."""
        self._rows: list[dict[str, Any]] = []
        self._found: defaultdict[str, float] = defaultdict(float)

    def watch(self, captures: Iterable[VerifiedCapture]) -> Iterator[VerifiedCapture]:
        """Yield the captures, and count each."""
        for capture in captures:
            self._add(capture)
            yield capture

    @property
    def version(self) -> str:
        """The version of the content; see `content_version`."""
        return content_version(self._rows)

    @property
    def columns(self) -> list[str]:
        """The names of the captures' facts."""
        return list(self._rows[0]) if self._rows else []

    @property
    def participants(self) -> Counter[str]:
        """Captures by participant."""
        return Counter(record.participant for record in self.records)

    @property
    def labels(self) -> Counter[str]:
        """Captures by label; ``""`` without."""
        return Counter(record.label or "" for record in self.records)

    @property
    def found_share(self) -> dict[str, float]:
        """The mean over the captures of the share of frames in which each part was found, to three decimals."""
        return {part: round(self._found[part] / len(self.records), 3) for part in PART_NAMES}

    def in_part(self, part: str) -> list[ExportedCapture]:
        """The captures of one part of the split."""
        return [record for record in self.records if (record.split or "") == part]

    def _add(self, capture: VerifiedCapture) -> None:
        facts, artifact = capture.facts(), capture.artifact
        self._rows.append(facts)
        self.records.append(ExportedCapture.of(capture))
        self.frames[capture.split or ""] += len(artifact.features)
        self.duration_ms += artifact.facts.duration_ms
        self.undecoded_frames += artifact.facts.undecoded_frames
        self.consent[
            "unknown" if capture.consent_given is None else "given" if capture.consent_given else "refused"
        ] += 1
        self.demonstrations += bool(capture.is_demo)
        self.devices |= {capture.event.device_id} if capture.event.device_id else set()
        self.encodings.add(artifact.facts.encoding)
        self.sizes.add((artifact.width, artifact.height))
        self.rates.add(artifact.fps_target)
        self.first_recorded = min(self.first_recorded or capture.recorded_at, capture.recorded_at)
        self.last_recorded = max(self.last_recorded, capture.recorded_at)
        for part, share in artifact.facts.found_share.items():
            self._found[part] += share
