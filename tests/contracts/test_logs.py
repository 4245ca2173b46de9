"""The log loads structlog without rich, and takes rich from nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "import contracts.logs, sys; assert 'rich' not in sys.modules; import rich.console",
        "import rich, contracts.logs, sys; assert sys.modules['rich'] is rich",
    ],
)
def test_rich_is_not_loaded_and_stays_to_be_had(code: str) -> None:
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
