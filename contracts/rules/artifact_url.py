"""Read the URL of an object store for artifacts. No I/O."""

from __future__ import annotations

import re

__all__ = ["read_artifact_url"]

_ARTIFACT_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*")


def read_artifact_url(text: str) -> str:
    """The URL without a slash at its end.

    Raises:
        ValueError: it names no bucket, or a prefix that some stores change.
    """
    url = text.rstrip("/")
    if not _ARTIFACT_URL.fullmatch(url) or {".", ".."} & set(url.split("/")):
        raise ValueError(
            "write s3://bucket or s3://bucket/prefix, with letters, digits and . _ - = in the prefix; leave "
            "it unset to keep artifacts in DATA_ROOT. Credentials and endpoint have their own AWS_… variables"
        )
    return url
