from numpy import float32, int32, int64
from numpy.typing import NDArray

PATHS: tuple[str, ...]

def solve_rows(
    indptr: NDArray[int64],
    indices: NDArray[int32],
    weights: NDArray[float32],
    offset: float,
    vectors: NDArray[float32],
    spectrum: NDArray[float32],
    ridge: NDArray[float32],
    means: NDArray[float32] | None,
    begin: NDArray[float32] | None,
    exact_below: int,
    block: int,
    steps: int,
    path: int,
    start: int,
    stop: int,
    out: NDArray[float32],
) -> None: ...
