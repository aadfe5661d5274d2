from numpy import float32, float64, int32, int64
from numpy.typing import NDArray

def mmr(
    pool: NDArray[int32],
    relevance: NDArray[float64],
    dense: NDArray[float32] | None,
    indptr: NDArray[int64] | None,
    indices: NDArray[int32] | None,
    data: NDArray[float32] | None,
    trade_off: float,
    start: int,
    stop: int,
    out: NDArray[int32],
) -> None: ...
def calibrate(
    pool: NDArray[int32],
    relevance: NDArray[float64],
    feature_ptr: NDArray[int64],
    features: NDArray[int32],
    n_features: int,
    wanted_ptr: NDArray[int64],
    wanted_codes: NDArray[int32],
    wanted: NDArray[float64],
    weight: float,
    smoothing: float,
    start: int,
    stop: int,
    out: NDArray[int32],
) -> None: ...
