from numpy import float64, int32, int64
from numpy.typing import NDArray

BATCH: int

def add_sums(
    wide: bool,
    seed: int,
    keys: NDArray[int64],
    groups: NDArray[int32],
    values: NDArray[float64],
    start: int,
    stop: int,
    batch: int,
    sums: NDArray[float64],
) -> None: ...
def add_places(
    wide: bool,
    seed: int,
    keys: NDArray[int64],
    start: int,
    stop: int,
    batch: int,
    totals: NDArray[int32],
    targets: NDArray[int32],
    places: NDArray[int32],
) -> None: ...
