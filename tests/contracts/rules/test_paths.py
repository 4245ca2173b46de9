"""Paths are pure, follow the contract's layout, and no identifier or URI leads out of its root."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import paths
from contracts.rules.paths import (
    artifact_path,
    artifact_uri,
    resolve_uri,
    session_features_dir,
    session_log_dir,
    session_log_path,
)

SESSION = "sess_0123456789abcdef"
RECORD = "b6f4f8ee-0f0a-4f39-9a6e-0b5f0a4d8c11"
ROOT = Path("/root-of-it")
CLIMBING = ["", ".", "..", "../x", "x/../..", "/etc", "a/b", "a\\b", ".ssh", "a\n", "a\0", "x" * 129]


def test_the_layout_is_that_of_the_contract() -> None:
    session = ROOT / "users/u/sessions"
    assert session_log_dir(ROOT, "u") == session
    assert session_log_path(ROOT, "u", SESSION) == session / f"{SESSION}.jsonl"
    assert session_features_dir(ROOT, "u", SESSION) == session / SESSION / "features"
    assert artifact_path(ROOT, "u", SESSION, RECORD) == session / SESSION / "features" / f"{RECORD}.npz"
    assert artifact_uri("u", SESSION, RECORD) == f"users/u/sessions/{SESSION}/features/{RECORD}.npz"


def test_a_log_is_in_the_directory_of_logs_and_an_artifact_in_that_of_features() -> None:
    assert session_log_path(ROOT, "u", SESSION).parent == session_log_dir(ROOT, "u")
    assert artifact_path(ROOT, "u", SESSION, RECORD).parent == session_features_dir(ROOT, "u", SESSION)


@pytest.mark.parametrize("bad", CLIMBING)
def test_an_identifier_that_climbs_is_a_value_error_in_every_place(bad: str) -> None:
    calls = [
        lambda: session_features_dir(ROOT, bad, SESSION),
        lambda: session_features_dir(ROOT, "u", bad),
        lambda: session_log_dir(ROOT, bad),
        lambda: session_log_path(ROOT, bad, SESSION),
        lambda: session_log_path(ROOT, "u", bad),
        lambda: artifact_uri(bad, SESSION, RECORD),
        lambda: artifact_uri("u", bad, RECORD),
        lambda: artifact_uri("u", SESSION, bad),
        lambda: artifact_path(ROOT, "u", SESSION, bad),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            call()


def test_an_artifacts_uri_resolves_to_its_path() -> None:
    assert resolve_uri(ROOT, artifact_uri("u", SESSION, RECORD)) == artifact_path(ROOT, "u", SESSION, RECORD)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/etc/passwd",
        "//etc/passwd",
        "..",
        "../x",
        "users/../../x",
        "users/..",
        "s3://bucket/x",
        "file:///etc/passwd",
        "a\0b",
    ],
)
def test_a_uri_that_is_not_below_the_root_is_refused(uri: str) -> None:
    with pytest.raises(ValueError):
        resolve_uri(ROOT, uri)


@given(st.text(alphabet=st.sampled_from("./\\a~:\n "), max_size=12) | st.text(max_size=20))
def test_no_uri_leads_out_of_the_root(uri: str) -> None:
    try:
        path = resolve_uri(ROOT, uri)
    except ValueError:
        return
    assert path.is_relative_to(ROOT)
    assert ".." not in path.parts


def test_path_functions_do_no_io(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    for path in (
        session_log_path(missing, "u", SESSION),
        session_features_dir(missing, "u", SESSION),
        artifact_path(missing, "u", SESSION, RECORD),
        resolve_uri(missing, "users/u"),
    ):
        assert path.is_relative_to(missing)
    assert list(tmp_path.iterdir()) == []
    assert not {"os", "open", "shutil"} & set(vars(paths))
