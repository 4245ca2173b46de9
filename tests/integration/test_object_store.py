"""The whole stack with its artifacts in a bucket: extractors, gateway and commands meet there, and nowhere else."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest

from contracts.storage.object_store import ObjectStore
from scripts.clips.stream import stream_capture
from tests.conftest import BrokerPair, on_one
from tests.integration.stacks import USER, FaceClip, running, settings_for
from tests.support.s3 import BUCKET, SECRET, S3Server
from tests.support.waiting import DEADLINE_S


@on_one("valkey")
async def test_a_capture_goes_all_the_way_into_a_bucket_and_back(
    own_brokers: BrokerPair, s3: S3Server, unique: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"s3://{BUCKET}/{unique}"
    settings = settings_for(own_brokers, tmp_path).model_copy(update={"artifact_url": url})
    async with running(settings) as stack:
        session_id = await stack.gateway.start_session(USER)
        result = await stream_capture(stack.gateway, FaceClip(36), user_id=USER, session_id=session_id)
        assert result.recorded and result.features is not None
        report = await asyncio.to_thread(stack.verify, session_id)
        assert report.ok and [facts.shape for facts in report.captures] == [(36, 1662)]
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as client:
            picture = await client.get(f"{stack.stack.address}/captures/{result.capture_id}/preview.png")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        status = await stack.status(result.capture_id)
        (key,) = s3.keys(unique)
        assert status["raw_features_ref"]["uri"] == report.captures[0].place == f"s3://{BUCKET}/{key}"
        artifact = ObjectStore(f"s3://{BUCKET}").get(key)
        assert artifact is not None
        assert result.features.hash == "sha256:" + hashlib.sha256(artifact).hexdigest()
    said = capsys.readouterr().out
    assert "extractor ready" in said and SECRET not in said
    assert not settings.data_root.exists(), "no artifact may be on this disk"
