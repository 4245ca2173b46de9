"""Dark pages differ from light ones in colours alone, so tests in a browser look at the dark ones for colours alone."""

from __future__ import annotations

import re
from pathlib import Path

STYLES = Path(__file__).resolve().parents[2] / "gateway/web/src"


def test_only_the_values_of_colours_depend_on_the_scheme() -> None:
    asking = [path for path in STYLES.rglob("*.*") if "prefers-color-scheme" in path.read_text()]
    assert [path.name for path in asking] == ["tokens.css"]
    (dark,) = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{([^{}]*)\}\s*\}", asking[0].read_text())
    declarations = [line.strip() for line in dark.strip().splitlines()]
    others = [line for line in declarations if not re.fullmatch(r"--[\w-]+: (#[0-9a-f]{3,8}|rgba?\([^)]*\));", line)]
    assert others == []
    assert asking[0].read_text().count("prefers-color-scheme") == 1
