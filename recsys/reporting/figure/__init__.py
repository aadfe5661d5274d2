"""A `Chart` as inline SVG, by matplotlib: real text, colours by name, the same bytes for the same chart."""

from recsys.reporting.figure.drawing import draw
from recsys.reporting.figure.legend import legend

__all__ = ["draw", "legend"]
