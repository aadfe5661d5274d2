"""Settings that a search chose: what accuracy is held against cost with, beside the defaults."""

from __future__ import annotations

from typing import Any, NamedTuple


class Setting(NamedTuple):
    """A model with hyper-parameters that differ from its defaults."""

    model: str
    params: dict[str, Any]
    chosen: str  # on what, and how


_SEARCHED = "a random fifth of gowalla's training pairs, 3,000 users, ndcg@20; python -m benchmarks.search"
_PAPER = "the paper's own"

SETTINGS: dict[str, Setting] = {
    "graphfilter, searched": Setting(
        "graphfilter",
        {
            "user_exponent": 0.308,
            "item_exponent": 0.365,
            "tilt": 0.144,
            "factors": 256,
            "ideal_weight": 0.108,
            "sharpening": 2.33,
        },
        f"best of 16 trials on {_SEARCHED}",
    ),
    "graphfilter, linear": Setting(
        "graphfilter",
        {"user_exponent": 0.4, "item_exponent": 0.4, "tilt": 0.1, "ideal_weight": 0.0, "sharpening": 0.0},
        "the best of a grid on a random fifth of gowalla's training pairs, 5,000 users",
    ),
    "graphfilter, GF-CF": Setting(
        "graphfilter",
        {
            "user_exponent": 0.5,
            "item_exponent": 0.5,
            "tilt": 0.0,
            "factors": 256,
            "ideal_weight": 0.3,
            "sharpening": 0.0,
            "neighbors": None,
        },
        _PAPER,
    ),
    "ease, 100 neighbours": Setting(
        "ease", {"l2": 40.0, "dropout": 0.3, "neighbors": 100}, f"best of 7 trials on {_SEARCHED}"
    ),
}
