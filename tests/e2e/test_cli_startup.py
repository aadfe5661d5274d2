"""Help, version, completion and slips start fast, because nothing heavy is loaded for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ["numpy", "duckdb", "polars", "scipy", "statsmodels", "implicit", "pandas"]
TWO_COMMANDS = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str):
    "Say hello."
@app.command()
def goodbye(name: str, formal: bool = False):
    "Say goodbye."
app()
"""
SHOW_MODULES = """
import json, sys
from recsys.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code", "environment"),
    [
        (["--help"], 0, {}),
        (["--version"], 0, {}),
        (["train", "--help"], 0, {}),
        (["runs", "--help"], 0, {}),
        (["runs", "list", "--help"], 0, {}),
        (["nothing"], 2, {}),
        (["train"], 2, {}),
        (["train", "als", "--wrong"], 2, {}),
        (["describe"], 3, {}),
        ([], 0, {"_RECSYS_COMPLETE": "complete_bash", "COMP_WORDS": "recsys train a", "COMP_CWORD": "2"}),
    ],
)
def test_nothing_heavy_is_imported(words: list[str], code: int, environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW_MODULES, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
    )
    found, modules = json.loads(done.stderr.splitlines()[-1])
    assert found == code, done.stderr
    assert not set(HEAVY) & set(modules)


def test_import_recsys_loads_nothing_heavy() -> None:
    script = "import json, sys, recsys; dir(recsys); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {*HEAVY, "typer", "rich"} & set(json.loads(done.stdout))


def test_help_takes_no_longer_than_that_of_a_two_command_application(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(TWO_COMMANDS)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(7):
        for command, times in (([str(tmp_path / "two.py")], theirs), (["-m", "recsys"], ours)):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command, "--help"], capture_output=True, check=True)
            times.append(time.perf_counter() - start)
    assert min(ours) <= 1.3 * min(theirs)
