"""docs/experiments.md is executed: its TOML is read by its Python, and what it promises is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "experiments.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_runs_and_says_what_the_page_says(tmp_path: Path) -> None:
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "als-vs-pop.toml").write_text(
        "".join(text for language, text in found if language == "toml"), "utf-8"
    )
    script = "".join(text for language, text in found if language == "python")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"# → (.*)", script)
    squeezed = [re.sub(r"\s+", "", line) for line in done.stdout.splitlines()]
    assert len(promised) == 7
    assert squeezed == [re.sub(r"\s+", "", line) for line in promised]
