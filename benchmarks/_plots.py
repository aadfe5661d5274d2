"""The pictures in ``docs/``: SVG, small, readable in black and white and without telling red from green."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito 2008
MARKS = ("o", "s", "^", "D", "v", "P")


class Point(NamedTuple):
    """A place on a curve: where, the median, its quartiles."""

    at: float
    middle: float
    low: float
    high: float


Curves = Mapping[str, Sequence[Point]]


def picture(draw: Callable[[], Any], path: Path) -> None:
    """Draw and write a picture, the same bytes for the same figures; without matplotlib, say so."""
    try:
        import matplotlib as mpl
    except ImportError:
        print(f"{path.name} is not drawn: matplotlib is not installed")
        return
    mpl.use("Agg")
    style = {
        "svg.hashsalt": "recsys",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "figure.facecolor": "white",
    }
    with mpl.rc_context(style):
        figure = draw()
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    print(f"{path} is drawn")


def growth_chart(panels: Mapping[str, Curves], unit: str, note: str) -> Any:
    """Return one panel a quantity that grows, with a line a contestant; both axes logarithmic."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    figure, axes = plt.subplots(1, len(panels), figsize=(2.6 * len(panels), 2.9), sharey=True, layout="constrained")
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        for (name, points), ink, mark in zip(curves.items(), INKS, MARKS, strict=False):
            places, middles = [point.at for point in points], [point.middle for point in points]
            axis.fill_between(
                places, [point.low for point in points], [point.high for point in points], color=ink, alpha=0.2, lw=0
            )
            axis.plot(places, middles, color=ink, marker=mark, ms=4, lw=1.4, label=name)
        axis.set(xscale="log", yscale="log", xlabel=title)
        ticks = sorted({point.at for points in curves.values() for point in points})
        axis.set_xticks(ticks, [_short(tick) for tick in ticks])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].set_ylabel(unit)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6, frameon=False)
    figure.supxlabel(note, fontsize=7.5, color="#444444")
    return figure


def _short(value: float) -> str:
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


class Spot(NamedTuple):
    """A model on the chart of accuracy against cost."""

    name: str
    cost: float
    gain: float
    size: float
    hollow: bool  # a peer


def spots_chart(spots: Sequence[Spot], cost: str, gain: str, size: str, note: str) -> Any:
    """Return gain against cost (logarithmic) with a name at every spot, and a second panel of size against cost."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(9, 9), sharex=True, layout="constrained", height_ratios=(3, 2.6)
    )
    for axis, value in ((upper, "gain"), (lower, "size")):
        for hollow, ink in ((False, INKS[0]), (True, INKS[1])):
            kind = [spot for spot in spots if spot.hollow == hollow]
            axis.scatter(
                [max(spot.cost, 0.01) for spot in kind],
                [getattr(spot, value) for spot in kind],
                s=36,
                marker="s" if hollow else "o",
                facecolor="none" if hollow else ink,
                edgecolor=ink,
                lw=1.3,
                label="peer" if hollow else "recsys",
            )
        axis.set_xscale("log")
    lower.set(xlabel=cost, ylabel=size, yscale="log")
    ticks = [tick for tick in (100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000) if _within(tick, spots)]
    lower.set_ylim(0.65 * min(spot.size for spot in spots), 1.3 * max(spot.size for spot in spots))
    lower.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    lower.minorticks_off()
    upper.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    upper.set_ylabel(gain)
    upper.legend(loc="lower right", frameon=False)
    figure.supxlabel(note, fontsize=7.5, color="#444444")
    figure.canvas.draw()  # the places of the spots are known from here on
    _name_spots(upper, [(spot.name, max(spot.cost, 0.01), spot.gain) for spot in spots])
    _name_spots(lower, [(spot.name, max(spot.cost, 0.01), spot.size) for spot in spots])
    return figure


def _within(tick: float, spots: Sequence[Spot]) -> bool:
    sizes = [spot.size for spot in spots]
    return 0.8 * min(sizes) <= tick <= 1.25 * max(sizes)


def _name_spots(axis: Any, spots: Sequence[tuple[str, float, float]]) -> None:
    """Write every name beside its spot, at the first of some places where it touches nothing else."""
    from matplotlib.transforms import Bbox

    renderer = axis.figure.canvas.get_renderer()
    centres = [axis.transData.transform(spot[1:]) for spot in spots]
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in centres]
    frame = axis.get_window_extent(renderer)
    places = [(side, 11 * step) for step in (0, 1, -1, 2, -2, 3, -3, 4, -4) for side in (1, -1)]
    for (name, x, y), own in zip(spots, list(taken), strict=True):
        label = None
        for side, rise in places:
            if label is not None:
                label.remove()
            label = axis.annotate(
                name,
                (x, y),
                xytext=(side * (7 if rise == 0 else 12), rise),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=7.5,
                arrowprops=None if rise == 0 else {"arrowstyle": "-", "lw": 0.5, "color": "#888888"},
            )
            box = label.get_window_extent(renderer)
            others = [other for other in taken if other is not own]
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in others):
                break
        taken.append(box)
