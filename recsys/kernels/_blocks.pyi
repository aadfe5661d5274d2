from numpy import float32, int32, int64
from numpy.typing import NDArray

def gather_blocks(
    indptr: NDArray[int64],
    indices: NDArray[int32],
    data: NDArray[float32],
    groups: NDArray[int32],
    start: int,
    stop: int,
    out: NDArray[float32],
) -> None: ...
