"""The notebooks as pages, with the outputs that are committed; nothing is run.

Text stays Markdown, code and printed text become blocks, a table is the HTML that a notebook shows, and a chart the
SVG that is kept beside it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
ORDER = ("quickstart", "offline_evaluation", "replay", "ab_test")  # as a reader meets them; others come last
NOTEBOOK, PAGE = re.compile(r"\]\((\w+)\.ipynb"), "](../docs/"  # links between notebooks, and to the site's own pages


def names() -> list[str]:
    """Return the names of all notebooks, in the order of the navigation."""
    found = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    return [*(name for name in ORDER if name in found), *(name for name in found if name not in ORDER)]


def on_config(config: MkDocsConfig) -> None:
    """Put the pages under "Notebooks"."""
    pages = [f"notebooks/{name}.md" for name in names()]
    next(entry for entry in config.nav if "Notebooks" in entry)["Notebooks"] = ["notebooks/index.md", *pages]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Write a page for each notebook, and its pictures beside it."""
    for name in names():
        pictures: dict[str, str] = {}
        files.append(File.generated(config, f"notebooks/{name}.md", content=_page(name, pictures)))
        for path, picture in pictures.items():
            files.append(File.generated(config, f"notebooks/{path}", content=picture))


def _page(name: str, pictures: dict[str, str]) -> str:
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))["cells"]
    parts: list[str] = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(NOTEBOOK.sub(r"](\1.md", source).replace(PAGE, "](../"))
        elif cell["cell_type"] == "code":
            parts += [_fenced("python", source), *(_output(each, name, pictures) for each in cell["outputs"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _output(output: dict[str, Any], name: str, pictures: dict[str, str]) -> str:
    """Return an output as Markdown: of its forms the one that shows most without a script."""
    if output["output_type"] == "stream":
        return _fenced("text", "".join(output["text"]))
    data = {kind: "".join(text) for kind, text in output["data"].items() if not isinstance(text, dict)}
    if "image/svg+xml" in data:
        path = f"{name}-{len(pictures) + 1}.svg"
        pictures[path] = data["image/svg+xml"]
        return f"![{_title(pictures[path])}]({path})"
    if "text/html" in data:  # a blank line would end the block of HTML
        lines = (line.strip() for line in data["text/html"].splitlines())
        return f'<div class="shown">{"".join(line for line in lines if line)}</div>'
    return _fenced("text", data["text/plain"])


def _title(picture: str) -> str:
    """Return what a picture says of itself, for those who do not see it."""
    _, _, rest = picture.partition("<title")
    found = rest.partition(">")[2].partition("</title>")[0]
    return found.replace("[", "(").replace("]", ")").replace("\n", " ") or "A chart"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```" if text.strip() else ""
