import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.core.seeds import derived_int, generator


def test_seeds_give_equal_streams():
    assert generator(7).random() == generator(np.random.SeedSequence(7)).random()
    given = np.random.default_rng(1)
    assert generator(given) is given
    assert derived_int(7, 1) == derived_int(np.random.SeedSequence(7), 1)
    assert len({derived_int(7, stream) for stream in range(100)}) == 100
    for bad in (-1, 1.5, "x", True):
        with pytest.raises(ArgumentError, match="seed is"):
            generator(bad)
        with pytest.raises(ArgumentError, match="seed is"):
            derived_int(bad)
