"""Which half of the room answers: the compiled kernels, or their numpy twins."""

from __future__ import annotations

import os

from recsys.core.checks import one_of

VARIABLE = "RECSYS_KERNELS"


def reference_wanted() -> bool:
    """Return whether ``RECSYS_KERNELS=reference`` asks for the numpy twins; read at every call.

    Raises
    ------
    ArgumentError
        For a value other than ``compiled`` (the default) and ``reference``.

    Examples
    --------
    >>> reference_wanted()
    False
    """
    return one_of(VARIABLE, os.environ.get(VARIABLE) or "compiled", ["compiled", "reference"]) == "reference"
