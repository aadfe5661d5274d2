from numpy import float32, int32, int64, uint8
from numpy.typing import NDArray

def count_codes(codes: NDArray[int32], start: int, stop: int, counts: NDArray[int64]) -> None: ...
def scatter(
    rows: NDArray[int32],
    cols: NDArray[int32],
    times: NDArray[int64] | None,
    first: NDArray[float32] | None,
    keep_places: bool,
    start: int,
    stop: int,
    heads: NDArray[int64],
    scratch: NDArray[uint8],
) -> None: ...
def sort_rows(
    indptr: NDArray[int64],
    start: int,
    stop: int,
    scratch: NDArray[uint8],
    first: NDArray[float32] | None,
    second: NDArray[float32] | None,
    cols: NDArray[int32],
    sorted_first: NDArray[float32] | None,
    times: NDArray[int64] | None,
    sorted_second: NDArray[float32] | None,
) -> None: ...
def aggregate_rows(
    indptr: NDArray[int64],
    start: int,
    stop: int,
    cols: NDArray[int32],
    values: NDArray[float32] | None,
    weights: NDArray[float32] | None,
    how: int,
    indices: NDArray[int32],
    data: NDArray[float32],
    lengths: NDArray[int64],
) -> None: ...
def compact_rows(
    indptr: NDArray[int64],
    new_indptr: NDArray[int64],
    start: int,
    stop: int,
    indices: NDArray[int32],
    data: NDArray[float32],
    new_indices: NDArray[int32],
    new_data: NDArray[float32],
) -> None: ...
