"""How long captures are kept, as the settings and the studies' files say. It blocks: call it in a thread."""

from __future__ import annotations

from contracts.process.settings import Settings
from contracts.rules.retention import RetentionRules
from gateway.studies.folder import StudyFolder

__all__ = ["days_kept", "retention_rules"]


def days_kept(of_study: int | None, default: int | None) -> int | None:
    """For how many days captures of a study are kept; None for ever. The study's own number, 0 for ever, is what its
    participants were promised, so it counts whether it is longer or shorter than the ``default``."""
    return (default if of_study is None else of_study) or None


def retention_rules(settings: Settings, folder: StudyFolder) -> RetentionRules:
    """The rules of all studies whose files can be read.

    Raises:
        OSError: the folder cannot be read.
    """
    default = settings.retention_days or None
    studies = {
        name: days_kept(reading.study.retention_days, default)
        for name, reading in folder.all().items()
        if reading.study is not None
    }
    return RetentionRules(default, studies)
