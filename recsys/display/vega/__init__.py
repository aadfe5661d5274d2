"""A `Chart` as a Vega-Lite specification, and as an altair chart: what `.plot()` gives."""

from recsys.display.vega.plotting import plot
from recsys.display.vega.specification import specification

__all__ = ["plot", "specification"]
