from numpy import float32, float64, int32, int64
from numpy.typing import NDArray

def row_norms(rows: NDArray[float32], norms: NDArray[float64]) -> None: ...
def score_lists(
    users: NDArray[float32],
    items: NDArray[float32],
    codes: NDArray[int32],
    blocked_ptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_ptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    start: int,
    stop: int,
    indices: NDArray[int32],
    scores: NDArray[float32],
) -> None: ...
def sweep_lists(
    width: int,
    users: NDArray[float32],
    norms: NDArray[float64],
    items: NDArray[float32],
    longest: float,
    codes: NDArray[int32],
    blocked_ptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_ptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    start: int,
    stop: int,
    indices: NDArray[int32],
    scores: NDArray[float32],
) -> None: ...
