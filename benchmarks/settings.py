"""Settings that a search chose: what accuracy is held against cost with, beside the defaults."""

from __future__ import annotations

from typing import Any, NamedTuple


class Setting(NamedTuple):
    """A model with hyper-parameters that differ from its defaults."""

    model: str
    params: dict[str, Any]
    chosen: str  # on what, and how


SETTINGS: dict[str, Setting] = {}
