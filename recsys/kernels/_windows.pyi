from numpy import float64, int32, int64, uint8, uint64
from numpy.typing import NDArray

def add(
    units: NDArray[int32],
    times: NDArray[int64],
    starts: NDArray[int64],
    start: int,
    stop: int,
    first_unit: int,
    last_unit: int,
    windows: NDArray[int64],
    window_totals: NDArray[uint64],
    masks: list[NDArray[uint8]],
    mask_totals: NDArray[uint64],
    unfiltered: int,
    functions: NDArray[int32],
    columns: list[NDArray[float64] | None],
    sums: NDArray[float64],
    left_out: NDArray[int64],
) -> None: ...
