from numpy import float32, float64, int32, int64, uint8
from numpy.typing import NDArray

def ranking_metrics(
    lists: NDArray[int32],
    indptr: NDArray[int64],
    indices: NDArray[int32],
    gains: NDArray[float64],
    kinds: NDArray[int32],
    ks: NDArray[int32],
    gain_rows: NDArray[int32],
    discounts: NDArray[float64],
    ideals: NDArray[float64],
    n_items: int,
    start: int,
    stop: int,
    out: NDArray[float64],
) -> tuple[int, int]: ...
def rank_counts(
    scores: NDArray[float32],
    eligible: NDArray[uint8] | None,
    blocked_indptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_indptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    target_indptr: NDArray[int64],
    targets: NDArray[int32],
    start: int,
    stop: int,
    greater: NDArray[int64],
    equal: NDArray[int64],
    candidates: NDArray[int64],
) -> int: ...
