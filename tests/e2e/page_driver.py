"""Run the blocks of a page in order, in this folder, those of Python in this interpreter: ``page_driver.py BLOCKS``.

Writes what each block printed into ``printed.json``; the first block that fails ends the run with its traceback.
"""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import subprocess
import sys
from pathlib import Path


def main(blocks: list[dict[str, str]]) -> None:
    printed: list[str] = []
    names: dict[str, object] = {"__name__": "__main__"}
    for place, block in enumerate(blocks):
        if block["file"]:
            Path(block["file"]).parent.mkdir(parents=True, exist_ok=True)
            Path(block["file"]).write_text(block["text"], "utf-8")
        printed.append(
            run_python(block["text"], f"<block {place + 1}>", names) if block["language"] == "python" else ""
        )
        if block["language"] in ("bash", "sh"):
            command = ["bash", "-euo", "pipefail", "-c", block["text"]]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            printed[-1] = done.stdout
            if done.returncode:
                sys.exit(f"exit code {done.returncode} of:\n{block['text']}\n{done.stdout}")
    Path("printed.json").write_text(json.dumps(printed), "utf-8")


def run_python(text: str, name: str, names: dict[str, object]) -> str:
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # for tracebacks
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, name, "exec"), names)
    return out.getvalue()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
