"""Artifacts are read from the configured store and DATA_ROOT, and from nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.process.settings import Settings, load_settings
from contracts.rules.errors import ArtifactElsewhere, ArtifactError, ArtifactMissing, ConfigurationError
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.object_store import ObjectStore
from tests.support.s3 import BUCKET, S3Server

NAME = "users/u/sessions/s/features/r.npz"


def test_files_are_read_beside_objects(s3: S3Server, tmp_path: Path, unique: str) -> None:
    url = f"s3://{BUCKET}/{unique}"
    source = ArtifactSource.of(Settings(data_root=tmp_path, artifact_url=url + "/"))
    for uri in (NAME, f"{url}/{NAME}"):
        with pytest.raises(ArtifactMissing):
            source.read(uri)
    ObjectStore(url).put_once(NAME, b"object")
    (tmp_path / NAME).parent.mkdir(parents=True)
    (tmp_path / NAME).write_bytes(b"file")
    assert source.read(NAME) == b"file"
    assert source.read(f"{url}/{NAME}") == b"object"
    assert source.uris(NAME) == (NAME, f"{url}/{NAME}")
    assert source.places(NAME.rpartition("/")[0]) == [str(tmp_path / NAME), f"{url}/{NAME}"]


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://other/{NAME}", f"s3://{BUCKET}/{NAME}", f"s3://{BUCKET}/here", f"s3://{BUCKET}/here/",
        f"s3://{BUCKET}/here/../{NAME}", f"s3://{BUCKET}/here//x", f"s3://{BUCKET}/hereafter/x", "http://x/y",
        "/etc/passwd", "users/../../x", "file:///etc/passwd", "",
    ],
)  # fmt: skip
def test_no_reference_leads_out_of_the_store(tmp_path: Path, uri: str) -> None:
    """With an object store and without. The references are refused before any request, so no server is needed."""
    with_store = ArtifactSource(tmp_path, ObjectStore(f"s3://{BUCKET}/here"))
    for source in (with_store, ArtifactSource(tmp_path)):
        for look in (source.read, source.place):
            with pytest.raises(ArtifactElsewhere):
                look(uri)


def test_an_error_of_the_file_system_is_raised(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir(parents=True)
    with pytest.raises(ArtifactError, match="cannot be read"):
        ArtifactSource(tmp_path).read(NAME)


@pytest.mark.parametrize(
    "url",
    ["s3:/bucket", "s3://", "s3://b", "s3://Bucket/x", "s3://key:secret@bucket/x", "s3://bucket/a/../b", "s3://bucket//a",
     "s3://bucket/a?x=1", "s3://bucket/a b", "gs://bucket", "/data", "s3://bucket/."],
)  # fmt: skip
def test_a_text_that_is_no_bucket_url_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^A3CP_ARTIFACT_URL: write s3://bucket") as raised:
        load_settings({"A3CP_ARTIFACT_URL": url})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["s3://bucket", "s3://my.bucket-1/a/b_c=d.e/"])
def test_a_url_is_kept_without_its_last_slash(url: str) -> None:
    settings = load_settings({"A3CP_ARTIFACT_URL": url})
    assert settings.artifact_url == url.rstrip("/")
    assert settings.artifact_root is None
    assert Settings().artifact_root == Path("data")
