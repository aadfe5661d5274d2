"""The documentation site: built without a warning, complete, and asking nobody for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

import recsys
from recsys.cli import catalogue
from recsys.cli.application import option_names
from recsys.cli.options import EVERYWHERE, shared_names

ROOT = Path(__file__).parents[2]
ROOMS = sorted(path.parent.name for path in (ROOT / "recsys").glob("*/__init__.py"))
SECTION = re.compile(r'<h2 id="(recsys-[^"]+)"(.*?)(?=<h2|</article>)', re.DOTALL)
SERIOUS = ("serious", "critical")
LOOKED_AT = (
    "index.html",
    "guide/replay.html",
    "methods/sequential.html",
    "api/scoring.html",
    "cli/data.html",
    "project/architecture.html",
)
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}  # links are not assets


class Page(HTMLParser):
    """What a page loads, and the anchors in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors.add(values.get("id") or "")
        self.loaded.append(values.get("href" if tag == "link" else LOADED.get(tag, "")) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {str(path.relative_to(site)): Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def public_names() -> Iterator[str]:
    for room in ROOMS:
        module = import_module(f"recsys.{room}")
        for name in getattr(module, "__all__", ()) if room != "cli" else ():
            described = getattr(getattr(module, name), "__module__", module.__name__)
            if described.split(".")[:2] in (["recsys", room], ["builtins"], ["typing"]):  # else another room's
                yield f"recsys.{room}.{name}"


def test_every_public_name_has_its_place(pages: dict[str, Page]) -> None:
    anchors = set().union(*(page.anchors for name, page in pages.items() if name.startswith("api/")))
    names = list(public_names())
    assert len(names) > 250
    assert [name for name in names if name not in anchors] == []


def test_the_facade_links_all_that_stands_at_the_top(site: Path) -> None:
    text = (site / "api" / "index.html").read_text("utf-8")
    missing = [
        name for name in recsys.__all__ if not name.startswith("_") and not re.search(rf">(rs\.)?{name}</", text)
    ]
    assert missing == ["core"]  # of which only the errors are for users


def test_every_command_is_told_with_its_options_and_examples(site: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in sorted((site / "cli").glob("*.html")))
    told = {found[1]: re.sub(r"<[^>]+>", "", found[2]) for found in SECTION.finditer(text)}
    for verb, about in catalogue.VERBS.items():
        section = told[f"recsys-{verb.replace(' ', '-')}"]
        assert about.summary.split()[0] in section
        examples = import_module("recsys.cli.verbs." + re.sub("[ -]", "_", verb)).EXAMPLES
        assert examples.split("\n")[1].split("#")[0].strip() in unescape(section)
        own = option_names(verb) - shared_names(EVERYWHERE) - {"help"}
        assert [option for option in own if f"--{option.replace('_', '-')}" not in section] == [], verb


def test_no_page_loads_anything_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    loaded = [(name, link) for name, page in pages.items() for link in page.loaded if link]
    assert len(loaded) > 100
    assert [link for link in loaded if re.match(r"(?!data:)(\w+:|//)", link[1])] == []
    for sheet in site.rglob("*.css"):
        text = sheet.read_text("utf-8")
        assert not re.search(r"url\([\"']?(https?:|//)|@import", text), sheet


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_opened_from_the_disk_are_accessible_searchable_and_quiet(
    browser: Browser, site: Path, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    faults: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    for name in LOOKED_AT:
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((site / name).as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name} scrolls sideways on a phone"
        assert faults == [], name
        found = Axe().run(page, options={"preload": False}).response["violations"]
        serious = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS]
        assert serious == [], name
        faults.clear()
    page.locator(".md-header label[for=__search]").first.click()
    page.locator("input.md-search__input").press_sequentially("CUPED")
    page.wait_for_selector(".md-search-result__item")
    context.close()
    assert len(requests) > len(LOOKED_AT)
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
