"""The consent text: Markdown of the study, or the default that the project ships."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from contracts.messages.consent import ConsentText
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError

__all__ = ["MAX_TEXT_BYTES", "consent_text", "load_consent_text"]

MAX_TEXT_BYTES = 64 * 1024
"""The longest text, in bytes: some 30 pages, and more than a person reads before a recording."""


def load_consent_text(settings: Settings) -> ConsentText:
    """Read the text and hash its bytes. The pages show exactly this text, so the hash in the log names it.

    Raises:
        ConfigurationError: ``A3CP_CONSENT_FILE`` cannot be read, is not UTF-8, or is empty or too long.
    """
    path = settings.consent_file
    data = _read(path) if path else files("gateway.consent").joinpath("default.md").read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"A3CP_CONSENT_FILE: {path} is not UTF-8 text") from None
    if not text.strip():
        raise ConfigurationError(f"A3CP_CONSENT_FILE: {path} is empty")
    kept = consent_text(text, required=settings.consent == "required")
    return kept.model_copy(update={"retention_days": settings.retention_days or None})


def consent_text(text: str, *, required: bool) -> ConsentText:
    """The text with its hash, which is that of its UTF-8 bytes."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ConsentText(text=text, hash=f"sha256:{digest}", required=required)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"A3CP_CONSENT_FILE: {path}: {error.strerror}") from error
    if len(data) > MAX_TEXT_BYTES:
        raise ConfigurationError(f"A3CP_CONSENT_FILE: {path} is longer than {MAX_TEXT_BYTES} bytes")
    return data
