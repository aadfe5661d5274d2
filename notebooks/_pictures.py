"""Charts in committed notebooks: the Vega-Lite specification, and beside it an SVG for where no script draws it.

By default altair writes a page that fetches its scripts, under an id that differs each time. A committed notebook is to
be read as it is, by Jupyter and by whatever shows its file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import count
from typing import Any

from recsys.display import Chart, View

WIDTH, LINE, LETTER = 720, 22, 7.2  # px; a letter of the legend is about so wide
COLOURS = {"ink": "#1b1f24", "quiet": "#59636e", "hair": "#e4e7eb", "rule": "#818b98", "paper": "#ffffff"} | {
    f"s{place}": hue for place, hue in enumerate(("#0072b2", "#d55e00", "#00805f", "#b4508a", "#a87400", "#3a8fc4"), 1)
}  # those of the report in the light: an SVG that stands alone has no style sheet


def install() -> None:
    """From now on ``.plot()`` gives charts that show themselves as specification and as SVG."""
    drawn: Callable[..., Any] = View.plot
    charts: dict[str, Sequence[Chart]] = {}
    keys = count()

    def show(specification: dict[str, Any], **_: object) -> dict[str, Any]:
        import altair

        key = specification.pop("usermeta", {}).get("recsys", "")
        picture = {"image/svg+xml": as_svg(charts[key], key)} if key in charts else {}
        return {f"application/vnd.vegalite.{altair.SCHEMA_VERSION.split('.')[0]}+json": specification, **picture}

    def plot(view: View, which: int | str | None = None) -> Any:
        import altair

        chart = drawn(view, which)
        if "recsys" not in altair.renderers.names():
            altair.renderers.register("recsys", show)
            altair.renderers.enable("recsys")
        key = f"chart-{next(keys)}"
        charts[key] = [one for place, one in enumerate(view.charts) if which in (None, place, one.title)]
        chart.usermeta = {"recsys": key}
        return chart

    View.plot = plot  # type: ignore[method-assign]


def as_svg(charts: Sequence[Chart], key: str) -> str:
    """Return charts below one another, each with its title and its legend, as one SVG that needs no style sheet."""
    from recsys.reporting.figure import draw, legend

    parts: list[str] = []
    below = 0.0
    for place, chart in enumerate(charts):
        figure = draw(chart, f"{key}-{place}", WIDTH)
        height = float(figure.split('viewBox="0 0 ')[1].split('"')[0].split()[1])
        parts.append(f'<text x="4" y="{below + 16}" font-weight="bold">{escape(chart.title)}</text>')
        parts.append(figure.replace("<svg", f'<svg y="{below + LINE}" width="{WIDTH}" height="{height}"', 1))
        below += LINE + height
        x = 4.0
        for name, drawing in legend(chart):
            step = 28 + 6 + LETTER * len(name) + 18
            if x + step > WIDTH:
                x, below = 4.0, below + LINE
            parts.append(drawing.replace("<svg", f'<svg x="{x}" y="{below + 2}"', 1))
            parts.append(f'<text x="{x + 34}" y="{below + 13}">{escape(name)}</text>')
            x += step
        below += (LINE if x > 4 else 0) + LINE / 2
    whole = "".join(parts)
    for role, colour in COLOURS.items():
        whole = whole.replace(f"var(--{role})", colour)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {below}" width="{WIDTH}" height="{below}" '
        f'font-family="sans-serif" font-size="12" fill="{COLOURS["ink"]}">'
        f'<rect width="{WIDTH}" height="{below}" fill="{COLOURS["paper"]}"/>{whole}</svg>'
    )
