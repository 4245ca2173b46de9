"""Find the `a3cp up` that runs on a state directory: the URLs of its brokers and its gateway."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from contracts.process.folder_lock import is_free
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError

__all__ = ["RESTORING", "RUNNING", "Running", "running_stack", "running_urls", "write_running"]

RUNNING = "stack.json"

RESTORING = "restoring"
"""A note in the state directory while `a3cp restore` fills the folders. No stack starts beside it."""


@dataclass(frozen=True, slots=True)
class Running:
    """The file that a stack writes when it starts."""

    pid: int
    address: str
    frames_url: str
    events_url: str
    tls_cert: Path | None = None


def write_running(state_dir: Path, address: str, urls: tuple[str, str], tls_cert: Path | None = None) -> None:
    """Write into the state directory that this process runs a stack there."""
    frames_url, events_url = urls
    said = {"pid": os.getpid(), "address": address, "frames_url": frames_url, "events_url": events_url}
    text = json.dumps(said | ({"tls_cert": str(tls_cert.absolute())} if tls_cert else {}))
    path = state_dir / RUNNING
    path.touch(mode=0o600)
    path.write_text(text + "\n")


def running_stack(settings: Settings) -> Running | None:
    """The stack that runs on the settings' state directory; None if none runs, even if a killed one left its file."""
    try:
        said = json.loads((settings.state_dir / RUNNING).read_text())
        address, frames_url, events_url = (str(said[name]) for name in ("address", "frames_url", "events_url"))
        cert = Path(str(said["tls_cert"])) if "tls_cert" in said else None
        running = Running(int(said["pid"]), address, frames_url, events_url, cert)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # if the lock is free, the pid is another program's by now
    return running if _lives(running.pid) and not is_free(settings.state_dir / "lock", kind=0) else None


def _lives(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def running_urls(settings: Settings) -> Settings:
    """Return the settings; if they name no brokers, with those of the `a3cp up` that runs on this state directory.

    Raises:
        ConfigurationError: they name no brokers, and no `a3cp up` runs there.
    """
    if settings.frames_url is not None or settings.events_url is not None:
        settings.broker_urls()
        return settings
    running = running_stack(settings)
    if running is not None:
        urls = {"frames_url": SecretStr(running.frames_url), "events_url": SecretStr(running.events_url)}
        return settings.model_copy(update=urls)
    state_dir = settings.state_dir.absolute()
    if (state_dir / RUNNING).exists():
        raise ConfigurationError(
            f"the stack of {state_dir} is not running: it was killed. Start `a3cp up`, or set A3CP_FRAMES_URL and "
            "A3CP_EVENTS_URL"
        )
    raise ConfigurationError(
        f"A3CP_FRAMES_URL and A3CP_EVENTS_URL are not set, and no `a3cp up` runs here ({state_dir}): set them, start "
        "one, or name its A3CP_STATE_DIR"
    )
