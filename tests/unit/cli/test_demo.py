from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.cli.verbs.demo import activation


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment in it, whose recsys runs although no shell finds it."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    folder = tmp_path / "my project" / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "recsys").write_text("#!/bin/sh\necho found\n")
    (folder / "recsys").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path / "my project")
    return folder


def test_nothing_to_do_where_the_shell_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert activation() == {}


def test_an_environment_is_activated_by_its_relative_path(project: Path) -> None:
    (project / "activate").touch()
    assert list(activation()) == ["source .venv/bin/activate"]


def test_without_activate_the_folder_goes_on_the_path(project: Path) -> None:
    (line,) = activation()
    ran = subprocess.run(["/bin/sh", "-c", f"{line}; cd /; recsys"], capture_output=True, text=True, check=True)
    assert ran.stdout == "found\n"
