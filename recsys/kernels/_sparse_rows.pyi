from numpy import float32, int32, int64
from numpy.typing import NDArray

def add_rows(
    history_ptr: NDArray[int64],
    history: NDArray[int32],
    history_data: NDArray[float32],
    weight_ptr: NDArray[int64],
    weight_codes: NDArray[int32],
    weights: NDArray[float32],
    start: int,
    stop: int,
    out: NDArray[float32],
) -> None: ...
