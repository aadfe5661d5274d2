"""Seeds after SPEC 7: a whole number, a sequence of them, a `SeedSequence` or a `Generator`; never global state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys.core.errors import ArgumentError

Seed = int | Sequence[int] | np.random.SeedSequence | np.random.Generator | None


def generator(seed: Seed) -> np.random.Generator:
    """Return a random generator; the same seed gives the same stream (SPEC 7).

    Examples
    --------
    >>> int(generator(7).integers(100)) == int(generator(7).integers(100))
    True
    """
    _refuse_bool(seed)
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise _unusable(seed) from None


def derived_int(seed: Seed, *stream: int) -> int:
    """Return a 31-bit integer that depends only on seed and stream, for libraries that take plain integers.

    Examples
    --------
    >>> derived_int(7, 1) != derived_int(7, 2)
    True
    """
    _refuse_bool(seed)
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**31 - 1))
    if isinstance(seed, np.random.SeedSequence):
        sequence = np.random.SeedSequence(entropy=seed.entropy, spawn_key=(*seed.spawn_key, *stream))
    else:
        try:
            sequence = np.random.SeedSequence(seed, spawn_key=stream)
        except (TypeError, ValueError):
            raise _unusable(seed) from None
    return int(sequence.generate_state(1)[0] >> 1)


def _refuse_bool(seed: object) -> None:
    """Raise for a truth value: it counts as a number in Python, but nobody means it as a seed."""
    if isinstance(seed, bool):
        raise _unusable(seed)


def _unusable(seed: object) -> ArgumentError:
    return ArgumentError(f"seed is {seed!r}", "a whole number of at least 0 was expected", "use seed=7")
