"""Every report in a browser: what it loads, whether it fits, whether all can read it. Pictures: build/pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

KINDS = (
    "index",
    "description",
    "evaluation",
    "comparison",
    "backtest",
    "tuning",
    "replay",
    "experiment",
    "ledger",
    "hostile",
)
DESK, PHONE = 1280, 390
PICTURES = Path(__file__).parents[2] / "build" / "pictures"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"], "resultTypes": ["violations"]}


@contextmanager
def opened(browser: Browser, path: Path, width: int = DESK, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """Open a file; yield the page and what it asked of the network or complained of."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page, told = context.new_page(), list[str]()
    page.on("request", lambda request: told.append(request.url) if request.url != path.as_uri() else None)
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path.as_uri())
    yield page, told
    context.close()


def wider_than_the_page(page: Page) -> list[str]:
    """Return the elements outside of the page, but for those in a box that scrolls, and what is left for ears."""
    return list(
        page.evaluate("""() => [...document.body.querySelectorAll('*')].filter(one =>
            one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
            && !one.closest('.scroll') && !one.closest('svg')).map(one => one.outerHTML.slice(0, 200))""")
    )


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_report_loads_nothing_and_fits(browser, files, kind, scheme, width):
    assert files[kind].stat().st_size <= 1_000_000
    with opened(browser, files[kind], width, color_scheme=scheme) as (page, told):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{kind}-{scheme}-{width}.png", full_page=True)
        assert told == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert wider_than_the_page(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_everybody_can_read_a_report(browser, files, kind, scheme):
    # The checks are a script, which the page's own policy would not let in.
    with opened(browser, files[kind], PHONE, color_scheme=scheme, bypass_csp=True) as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_needs_no_script(browser, files, kind):
    with opened(browser, files[kind], java_script_enabled=False) as (page, _):
        assert page.locator("h1").count() == 1
        assert page.locator("h1").inner_text().strip()
        figures = page.locator("figure").all()
        for figure in figures:
            figure.locator("summary").click()
            assert figure.locator("tbody tr").first.is_visible()
            assert figure.locator("svg[role=img]:visible").count() == 1


def test_texts_are_shown_and_nothing_of_them_runs(browser, files):
    with opened(browser, files["hostile"], bypass_csp=True) as (page, told):
        page.wait_for_timeout(100)
        assert page.evaluate("window.hit") is None
        assert told == []
        assert page.locator("script, main img").count() == 0
        assert page.locator("h1").inner_text() == "<script>window.hit=1</script><img src=x onerror=window.hit=1>"
        assert page.locator("figcaption").first.inner_text().startswith("</title></svg><script>")


def test_the_same_texts_do_run_where_they_are_not_escaped(browser, tmp_path):
    control = tmp_path / "control.html"
    for text in ("<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>"):
        control.write_text(f"<!doctype html><title>control</title><h1>{text}</h1>")
        with opened(browser, control) as (page, _):
            page.wait_for_function("window.hit === 1", timeout=5_000)


def test_the_keyboard_reaches_the_evidence_and_the_tables(browser, files):
    with opened(browser, files["comparison"], PHONE) as (page, _):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
        stops = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            stops.add(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
        assert {"scroll", "SUMMARY"} <= stops


def test_paper_is_white_and_shows_the_wide_figures(browser, files):
    with opened(browser, files["comparison"], PHONE, color_scheme="dark") as (page, _):
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator("svg.wide:visible").count() == page.locator("figure").count() > 0
        page.pdf(path=PICTURES / "comparison.pdf")


def test_on_a_phone_captions_are_read_whole_and_a_table_that_goes_on_says_so(browser, files):
    with opened(browser, files["comparison"], PHONE) as (page, _):
        captions = page.locator(".scroll caption span:visible").all()
        assert captions
        for caption in captions:
            box = caption.bounding_box()
            assert box["x"] + box["width"] <= PHONE
        going_on = page.locator(".scroll:visible").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => getComputedStyle(one).background)"
        )
        assert going_on
        assert all("linear-gradient" in painted for painted in going_on)
