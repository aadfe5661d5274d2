"""Pages that stand elsewhere: what the repository's own files say is included, never copied.

`ARCHITECTURE.md`, `CONTRIBUTING.md` and `CHANGELOG.md` become pages, and a page may take over a section of the README
with ``<!-- README: heading -->``, or only the first code block of it with ``<!-- README code: heading -->``.
A decision that is named (``docs/decisions/0025``) is linked.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {f"project/{name.lower()}": name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")}
ELSEWHERE = {name: page for page, name in PAGES.items()} | {"README.md": "index.md", "LICENSE": ""}

INCLUDE = re.compile(r"^<!-- README( code)?: (.+) -->$", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
DECISION = re.compile(r"(?<![\w/`(])docs/decisions/(\d{4})(?![\w-])")


def on_config(config: MkDocsConfig) -> None:
    """Put the decisions under "Project", in their order."""
    folder = Path(config.docs_dir) / "decisions"
    pages = ["decisions/README.md", *(f"decisions/{each.name}" for each in sorted(folder.glob("[0-9]*.md")))]
    project = next(entry["Project"] for entry in config.nav if "Project" in entry)
    next(entry for entry in project if "Decisions" in entry)["Decisions"] = pages


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that the repository's own files are."""
    for page, name in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take over what a page names, and turn the repository's links into the site's."""
    here = page.file.src_uri
    text = INCLUDE.sub(lambda found: _localised(_section(found[2], code=bool(found[1])), "index.md", here), markdown)
    if here in PAGES:
        text = _localised(text, here, here)
    return DECISION.sub(lambda found: _decision(found[1], here, files), text)


def _section(heading: str, *, code: bool) -> str:
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"README.md has no section {heading!r}")
    if not code:
        return found[1].strip()
    return re.search(r"^```.*?^```$", found[1], re.MULTILINE | re.DOTALL)[0]


def _localised(text: str, source: str, here: str) -> str:
    """Return the text with links that were relative to the repository's root relative to a page."""
    return LINK.sub(lambda found: _target(found[1], here), text)


def _target(link: str, here: str) -> str:
    page = ELSEWHERE.get(link) or link.removeprefix("docs/")
    return posixpath.relpath(page, posixpath.dirname(here) or ".")


def _decision(number: str, here: str, files: Files) -> str:
    named = [file.src_uri for file in files if file.src_uri.startswith(f"decisions/{number}-")]
    if not named or here == named[0]:
        return f"docs/decisions/{number}"
    return f"[decision {number}]({posixpath.relpath(named[0], posixpath.dirname(here) or '.')})"
