from numpy import float64, int32, int64
from numpy.typing import NDArray

def sums_of_first(
    columns: list[NDArray[float64]],
    groups: NDArray[int32],
    most: int,
    counts: NDArray[int64],
    firsts: NDArray[float64],
    sums: NDArray[float64],
) -> None: ...
def sums_and_products(
    columns: list[NDArray[float64]],
    groups: NDArray[int32],
    bases: NDArray[float64],
    counts: NDArray[int64],
    blocks: NDArray[float64],
    totals: NDArray[float64],
) -> None: ...
