"""The README is executed: every python and bash block, in order, in one folder, as a reader would type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    """Return (language, text) of the executable blocks after the two make commands."""
    found = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return [(language, text) for language, text in found if language in ("python", "bash")]


def execute(language, text, folder):
    command = [sys.executable, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECSYS_")}
    return subprocess.run(
        command, cwd=folder, env={**environment, "PATH": path}, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_every_block_runs_and_says_what_the_readme_says(tmp_path):
    languages = []
    for language, text in blocks():
        done = execute(language, text, tmp_path)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        for promised in re.findall(r"# → (.*)", text):
            assert promised.strip() in " ".join(done.stdout.split()), f"{text}\n{done.stdout}"
        languages.append(language)
    assert {"python", "bash"} <= set(languages)
    assert (tmp_path / "recs.parquet").exists()


def test_the_two_commands_stand_at_the_top():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    top = text[:4000]
    assert "make demo" in top
    assert "make test" in top


def test_every_file_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert linked
    assert not [target for target in linked if not (ROOT / target).exists()]
