"""What the demo says about consent, and when it needs a yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from scripts.clips.clip import ClipError
from scripts.commands import demo as command
from tests.scripts.clips.videos import make_video


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool | None]]:
    """What the stack requires and what the capture says, of each stack that the demo would have started."""
    seen: list[tuple[str, bool | None]] = []

    async def run(stack: Any, _clip: Any, consent_given: bool | None) -> None:
        seen.append((stack.settings.consent, consent_given))
        raise ClipError("this is far enough")

    monkeypatch.setattr(command, "_run", run)
    return seen


@pytest.mark.parametrize("rule", ["optional", "required"])
@pytest.mark.parametrize("answer", [True, False, None])
def test_a_video_needs_a_yes_if_it_is_required_and_the_sample_clip_needs_none(
    tmp_path: Path, ran: list[tuple[str, bool | None]], rule: str, answer: bool | None
) -> None:
    settings = Settings(data_root=tmp_path / "data", log_root=tmp_path / "logs").model_copy(update={"consent": rule})
    video = make_video(tmp_path / "wave.mp4", frames=45, fps=15)
    with pytest.raises(ClipError):
        command.demo(settings, None)
    if rule == "required" and not answer:
        with pytest.raises(ConfigurationError, match=r"^A3CP_CONSENT=required: .* --consent=yes"):
            command.demo(settings, video, answer)
        assert ran == [("optional", None)]
    else:
        with pytest.raises(ClipError):
            command.demo(settings, video, answer)
        assert ran == [("optional", None), (rule, answer)]
