"""The library's logger; the library itself adds no handler that prints."""

from __future__ import annotations

import logging

logger = logging.getLogger("recsys")
logger.addHandler(logging.NullHandler())
