"""recsys: an embedded, single-node engine for recommendation experiments."""

from __future__ import annotations

from recsys._version import __version__

__all__ = ["__version__"]
