from numpy import float32, int32, int64, uint8
from numpy.typing import NDArray

def fill_cells(
    indptr: NDArray[int64],
    items: NDArray[int32],
    blocks: NDArray[uint8],
    start: int,
    stop: int,
    seed: int,
    pairs: NDArray[int32],
    starts: NDArray[int64],
) -> None: ...
def descend(
    pairs: NDArray[int32],
    start: int,
    stop: int,
    pool: NDArray[int32],
    indptr: NDArray[int64],
    items: NDArray[int32],
    user_vectors: NDArray[float32],
    item_vectors: NDArray[float32],
    item_biases: NDArray[float32],
    slopes: NDArray[float32],
    rate: float | float32,
    keep: float | float32,
    negatives: int,
    seed: int,
    wide: int,
) -> None: ...
def descend_users(
    indptr: NDArray[int64],
    items: NDArray[int32],
    start: int,
    stop: int,
    pool: NDArray[int32],
    user_vectors: NDArray[float32],
    item_vectors: NDArray[float32],
    item_biases: NDArray[float32],
    slopes: NDArray[float32],
    rates: NDArray[float32],
    keeps: NDArray[float32],
    negatives: int,
    seed: int,
    wide: int,
) -> None: ...
