"""Progress and colours are for a terminal that can show them: pipes, files, dumb terminals and JSON get plain text."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import recsys as rs

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7]|38)\b[0-9;]*m")
TRAIN = ("train", "als", "--event", "play", "--set", "factors=8", "--set", "iterations=3")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal") / "shop"
    rs.Store(folder).ingest("events", rs.simulate(users=200, items=40, days=20, seed=1).events())
    return folder


def _environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    return {**kept, "PYTHONPATH": str(Path.cwd()), "COLUMNS": "80", **changes}


def _on_a_terminal(shop: Path, *words: str, **environment: str) -> str:
    """Run a command whose stdout and stderr are a terminal; return all that it wrote."""
    ours, theirs = pty.openpty()
    heard: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # what Linux says once the other side is closed
                return
            if not part:
                return
            heard.append(part)

    listener = threading.Thread(target=listen)
    listener.start()
    command = [sys.executable, "-m", "recsys", *words, "--store", str(shop)]
    done = subprocess.run(command, stdout=theirs, stderr=theirs, check=False, env=_environment(**environment))
    os.close(theirs)
    listener.join()
    os.close(ours)
    text = b"".join(heard).decode()
    assert done.returncode == 0, text
    return text


def _piped(shop: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recsys", *words, "--store", str(shop)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=_environment(**environment))


def test_a_terminal_sees_progress(shop: Path) -> None:
    text = _on_a_terminal(shop, *TRAIN, TERM="xterm-256color")
    assert "epochs" in text
    assert ESCAPE in text


def test_no_color_takes_the_colours_away(shop: Path) -> None:
    assert COLOUR.search(_on_a_terminal(shop, *TRAIN, TERM="xterm-256color"))
    assert not COLOUR.search(_on_a_terminal(shop, *TRAIN, TERM="xterm-256color", NO_COLOR="1"))


def test_a_dumb_terminal_gets_no_escape_codes(shop: Path) -> None:
    assert ESCAPE not in _on_a_terminal(shop, *TRAIN, TERM="dumb")
    assert ESCAPE not in _on_a_terminal(shop, "describe", TERM="dumb")


def test_pipes_and_json_get_no_escape_codes_and_no_progress(shop: Path) -> None:
    trained = _piped(shop, *TRAIN, TERM="xterm-256color")
    assert ESCAPE not in trained.stdout + trained.stderr
    assert "epochs" not in trained.stderr
    assert len(trained.stdout.split()) == 1  # the run's id, for the next command
    shown = _piped(shop, "describe", TERM="xterm-256color")
    assert ESCAPE not in shown.stdout + shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert json.loads(_piped(shop, "describe", "--json", TERM="xterm-256color").stdout)["data"]["rows"] > 0
