from collections.abc import Sequence
from typing import Any, Literal

from numpy import int64
from numpy.typing import NDArray

class Bandit:
    rows: NDArray[int64]
    steps: NDArray[int64]
    accepted: int
    arrived: int
    learned: int
    batches: int

    def __init__(self, arrays: Sequence[NDArray[Any]], setting: Sequence[float], n_arms: int) -> None: ...
    def run(self, start: int, stop: int) -> None: ...

def draws(what: Literal["normal", "beta"], key: int, first: float = 1.0, second: float = 1.0) -> float: ...
