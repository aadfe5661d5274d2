"""From the sources to a wheel to a clean environment, as a user of a package index would meet it."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command, cwd, **environment):
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder with the sdist and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.slow
def test_sdist_holds_the_sources_of_the_kernels_and_the_wheel_holds_them_compiled(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    kernels = {path.relative_to(ROOT).as_posix() for path in (ROOT / "ext").glob("*.p[yx]*")}
    assert kernels <= names
    assert not [name for name in names if name.endswith((".so", ".c"))]
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        packed = wheel.namelist()
    for source in (ROOT / "ext").glob("*.pyx"):
        assert [
            name
            for name in packed
            if name.startswith(f"recsys/kernels/{source.stem}.") and name.endswith((".so", ".pyd"))
        ]
    assert "recsys/py.typed" in packed
    templates = {f"recsys/reporting/templates/report.{ending}" for ending in ("html", "css")}
    assert templates <= set(packed)
    assert templates <= names
    assert not [name for name in packed if name.startswith(("tests/", "benchmarks/", "ext/"))]


@pytest.mark.slow
def test_wheel_in_a_clean_environment_runs_the_demo(built, tmp_path):
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    assert run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path).returncode == 0
    installed = run(python, "-m", "pip", "install", "--quiet", next(built.glob("*.whl")), cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    listed = run(python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path).stdout.lower()
    assert "pyarrow" not in listed
    demo = run(python.with_name("recsys"), "demo", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert "als" in demo.stdout
    assert "nanobind" not in demo.stderr


def test_a_missing_compiler_is_one_clear_line(tmp_path):
    copy = tmp_path / "copy"
    (copy / "ext").mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    (copy / "ext" / "tiny.pyx").write_text("x = 1\n")
    (copy / "recsys").mkdir()
    (copy / "recsys" / "_version.py").write_text("__version__ = '0'\n")
    (copy / "README.md").write_text("")
    (copy / "LICENSE").write_text("")
    done = run(sys.executable, "setup.py", "-q", "build_ext", cwd=copy, CC="/no/such/compiler")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("recsys: the kernels could not be compiled")
    assert "apt-get install gcc" in last
