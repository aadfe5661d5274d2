"""`plot`: the charts of a view as an altair chart; altair is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotEstimableError, NotFoundError, RecsysError
from recsys.display.chart import Chart
from recsys.display.vega.specification import CONFIG, specification
from recsys.display.view import View

if TYPE_CHECKING:
    from altair import LayerChart, VConcatChart


def plot(view: View, which: int | str | None = None) -> LayerChart | VConcatChart:
    """Return the charts of a view below one another, or one of them.

    Parameters
    ----------
    view : View
        What a result shows.
    which : int or str, optional
        The place of one chart, from 0, or its title.

    Raises
    ------
    NotEstimableError
        The view has no chart.
    NotFoundError
        It has not this one.
    RecsysError
        altair is not installed.
    """
    charts = _chosen(view, which)
    try:
        import altair
    except ImportError:
        raise RecsysError(
            "altair is not installed", "plots are drawn by the extra `notebook`", 'pip install "recsys[notebook]"'
        ) from None
    whole: dict[str, Any] = {"config": CONFIG}
    if len(charts) == 1:
        whole |= specification(charts[0])
        return altair.LayerChart.from_dict(whole)
    whole["vconcat"] = [specification(chart) for chart in charts]
    whole["resolve"] = {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")}
    return altair.VConcatChart.from_dict(whole)


def _chosen(view: View, which: int | str | None) -> Sequence[Chart]:
    if not view.charts:
        raise NotEstimableError(
            "there is nothing to plot", "this result has no charts", "its numbers are in its view()"
        )
    if which is None:
        return view.charts
    if isinstance(which, int):
        if 0 <= which < len(view.charts):
            return view.charts[which : which + 1]
        raise NotFoundError(f"there is no chart {which}", f"0 to {len(view.charts) - 1} were expected")
    titles = [chart.title for chart in view.charts]
    if which not in titles:
        known = ", ".join(map(repr, titles))
        raise NotFoundError(f"there is no chart {which!r}", f"one of {known} was expected", did_you_mean(which, titles))
    place = titles.index(which)
    return view.charts[place : place + 1]
