"""Every page is executed: the README and each page of the site, its blocks in order, in one folder, as a reader would.

A block ``toml title="FILE"`` is written to that file. ``# → text`` promises that its block prints that text, in order,
where spaces do not count; a ``text`` block is what the block before it prints, with ``…`` for anything.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CLIENT = """#!{python} -IS
import sys

sys.path.insert(0, {here!r})
from page_client import ask

sys.exit(ask({address!r}, {run!r}, sys.argv[1:]))
"""
FENCE = re.compile(r"^```(\w+)(?: +title=\"([^\"]+)\")?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("python", "bash", "sh")


class Block(NamedTuple):
    """A fenced block: its language, the file it is, its text, and the text block that follows it at once."""

    language: str
    file: str
    text: str
    shown: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = list(FENCE.finditer(text))
    made = []
    for place, match in enumerate(found):
        language, file, body = match.groups()
        after = found[place + 1] if place + 1 < len(found) else None
        follows = after is not None and after[1] == "text" and not text[match.end() : after.start()].strip()
        made.append(Block(language, file or "", body, after[3] if follows else ""))
    return [block for block in made if block.language in RUN or block.file]


def pages() -> list[str]:
    written = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(page.relative_to(ROOT)) for page in written if any(each.language in RUN for each in blocks(page))]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def missing(block: Block, printed: str) -> list[str]:
    """Return what a block promises and does not print."""
    rest, lost = squeezed(printed), []
    for promise in re.findall(r"# → (.*)", block.text):
        before, found, after = rest.partition(squeezed(promise))
        rest = after if found else before
        lost += [] if found else [promise]
    pattern = ".*".join(re.escape(squeezed(part)) for part in block.shown.split("…"))
    if block.shown and not re.search(pattern, squeezed(printed), re.DOTALL):
        lost.append(block.shown)
    return lost


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the scripts `page` and `recsys`, which run in forks of a process that has imported everything."""
    with TemporaryDirectory() as short:  # the path of a socket has at most some hundred letters
        address, folder = Path(short) / "line", tmp_path_factory.mktemp("desk")
        for run in ("page", "recsys"):
            script = CLIENT.format(python=sys.executable, here=str(HERE), address=str(address), run=run)
            (folder / run).write_text(script, "utf-8")
            (folder / run).chmod(0o755)
        with subprocess.Popen([sys.executable, str(HERE / "page_server.py"), str(address)]) as server:
            end = time.monotonic() + 60
            while not address.exists() and server.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            yield folder
            server.kill()


@pytest.mark.slow
@pytest.mark.parametrize("page", pages())
def test_every_block_runs_and_prints_what_the_page_says(page: str, tmp_path: Path, desk: Path) -> None:
    found = blocks(ROOT / page)
    (tmp_path / "blocks.json").write_text(json.dumps([each._asdict() for each in found]), "utf-8")
    folder = tmp_path / "here"
    folder.mkdir()
    path = os.pathsep.join([str(desk), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECSYS_")}
    done = subprocess.run(
        [desk / "page", str(tmp_path / "blocks.json")],
        cwd=folder,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    lost = [
        (each.text, promise, out) for each, out in zip(found, printed, strict=True) for promise in missing(each, out)
    ]
    assert lost == []


def test_promises_that_are_not_kept_are_found() -> None:
    assert missing(Block("python", "", "print(1)  # → 1\nprint(2)  # → 2", ""), "1\n2\n") == []
    assert missing(Block("python", "", "print(1)  # → 2\nprint(2)  # → 1", ""), "1\n2\n") == ["1"]
    assert missing(Block("bash", "", "echo", "a … c\n"), "a b c") == []
    assert missing(Block("bash", "", "echo", "a … d\n"), "a b c") == ["a … d\n"]
