from numpy import float32, int32, int64, uint8
from numpy.typing import NDArray

def multiply_rows(
    history_ptr: NDArray[int64],
    history: NDArray[int32],
    history_data: NDArray[float32],
    weight_ptr: NDArray[int64],
    weight_codes: NDArray[int32],
    weights: NDArray[float32],
    eligible: NDArray[uint8] | None,
    blocked_ptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_ptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    start: int,
    stop: int,
    indices: NDArray[int32],
    scores: NDArray[float32],
) -> int: ...
