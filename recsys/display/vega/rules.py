"""Reference lines and their labels, which stand outside of the plot, where they hide nothing."""

from __future__ import annotations

import math
from typing import Any

from recsys.display.chart import Rule
from recsys.display.vega.marks import INK, Layer, Pen
from recsys.display.vega.scales import Scale

LETTER, ROW = 6.2, 13
"""px of a letter, and from line to line, at the size of a label."""


def rule_layers(pen: Pen, width: int) -> list[Layer]:
    """Return the layers of all rules of a chart on a plot so many px wide."""
    drawn: list[Layer] = []
    taken: list[float] = []
    for rule in sorted(
        pen.chart.rules, key=lambda rule: (rule.axis, (pen.x if rule.axis == "x" else pen.y).number(rule.at))
    ):
        scale = pen.x if rule.axis == "x" else pen.y
        place: dict[str, Any] = {rule.axis: {"datum": scale.json(rule.at), **scale.encoding()}}
        line = {"type": "rule", "color": INK, "opacity": 0.6, "strokeDash": [4, 3]}
        drawn.append(_layer(line, place))
        if not rule.label:
            continue
        text = {"type": "text", "text": rule.label, "color": INK, "opacity": 0.8, "fontSize": 11}
        if rule.axis == "y":
            drawn.append(_layer(text | {"align": "left", "limit": 140}, place | {"x": {"value": width + 6}}))
            continue
        row, side = _free(taken, _share(scale, rule) * width, rule, width)
        drawn.append(_layer(text | {"align": side}, place | {"y": {"value": -7 - ROW * row}}))
    return drawn


def _layer(mark: dict[str, Any], encoding: dict[str, Any]) -> Layer:
    return {"data": {"values": [{}]}, "mark": mark, "encoding": encoding}


def _free(taken: list[float], at: float, rule: Rule, width: int) -> tuple[int, str]:
    """Return the first row above the plot where a label fits, which it takes, and to which side it is aligned."""
    length = LETTER * len(rule.label)
    side = "left" if at < length / 2 else "right" if at > width - length / 2 else "center"
    begin = at - {"left": 0.0, "right": length, "center": length / 2}[side]
    row = next((row for row, end in enumerate(taken) if begin > end + LETTER), len(taken))
    taken[row : row + 1] = [begin + length]
    return row, side


def _share(scale: Scale, rule: Rule) -> float:
    at, low, high = scale.number(rule.at), scale.low, scale.high
    if scale.axis.kind == "log":
        at, low, high = math.log(at), math.log(low), math.log(high)
    return (at - low) / (high - low)
