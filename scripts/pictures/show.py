"""``a3cp show``: draw one recorded capture as pictures, and write them to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.storage.artifacts import ArtifactSource
from gateway.preview.animation import animation
from gateway.preview.artifact import Recorded
from gateway.preview.sheet import contact_sheet
from recorder.artifact import Artifact, load_artifact
from scripts.pictures.motion import motion_of
from scripts.pictures.plot import motion_plot
from scripts.pictures.record import find_record
from scripts.terminal import printable

__all__ = ["pictures", "recorded_of", "show_record"]


def show_record(
    settings: Settings,
    record_id: str,
    user_id: str | None,
    session_id: str | None,
    output: Path,
    *,
    rerun: bool = False,
) -> int:
    """Verify one record's artifact, draw it, write the pictures into ``output`` and print their paths; returns 0.

    Raises:
        ArtifactError: there is not exactly one such record, its artifact does not verify, consent to the capture was
            withdrawn, or it is erased; no file is written.
        ConfigurationError: ``output`` cannot be written, or the SDK that ``rerun`` needs is not installed.
    """
    if rerun:
        from scripts.pictures.rerun_recording import rerun_recording
    record = find_record(settings.log_root, record_id, user_id, session_id, kept=True)
    artifact = load_artifact(record, ArtifactSource.of(settings))
    files = dict(pictures(artifact))
    if rerun:
        files[f"{artifact.facts.record_id}.rrd"] = rerun_recording(artifact)
    for path in _write(files, output):
        print(printable(str(path)))
    return 0


def pictures(artifact: Artifact) -> Mapping[str, bytes]:
    """Draw the pictures; returns their bytes by file name. The same artifact gives the same bytes."""
    record_id, recorded = artifact.facts.record_id, recorded_of(artifact)
    return {
        f"{record_id}-sheet.png": contact_sheet(recorded),
        f"{record_id}-animation.gif": animation(recorded, most=None),
        f"{record_id}-motion.png": motion_plot(motion_of(artifact)),
    }


def recorded_of(artifact: Artifact) -> Recorded:
    """Convert the verified arrays for the gateway's drawing code, without reading the artifact a second time."""
    return Recorded(
        width=artifact.width,
        height=artifact.height,
        timestamps_ms=artifact.timestamps_ms.tolist(),
        decoded=artifact.decoded.tolist(),
        tracker_restarts=artifact.facts.tracker_restarts,
        features=memoryview(artifact.features.tobytes()).cast("f"),
    )


def _write(files: Mapping[str, bytes], output: Path) -> list[Path]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            _write_whole(output / name, data)
    except OSError as error:
        raise ConfigurationError(f"--output {output}: {error.strerror or type(error).__name__}") from error
    return [output / name for name in files]


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file through a temporary one: an older file stays if this fails or the process is killed."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
