from numpy import float32, int32, int64, uint8
from numpy.typing import NDArray

def select_rows(
    scores: NDArray[float32],
    start: int,
    stop: int,
    eligible: NDArray[uint8] | None,
    blocked_ptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_ptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    indices: NDArray[int32],
    values: NDArray[float32],
) -> int: ...
