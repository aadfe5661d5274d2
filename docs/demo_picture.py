"""Draws docs/demo.svg: the end of the demo as a terminal shows it. Run: python docs/demo_picture.py."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from recsys.display import to_rich
from recsys.workflows.demo import demo

HERE = Path(__file__).resolve().parent
WIDTH = 104
FONT = "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"


def main() -> None:
    """Run the demo in a temporary folder and draw what it prints."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        done = demo(Path("recsys-demo"))
        console.print("[bold]$ recsys demo[/bold]\n")
        console.print(to_rich(done.view()))
    svg = console.export_svg(title="recsys demo", theme=DIMMED_MONOKAI)
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)  # no request to anywhere
    svg = re.sub(r"font-family: Fira Code, monospace", f"font-family: {FONT}", svg)
    (HERE / "demo.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
