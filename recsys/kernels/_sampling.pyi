from numpy import float64, int32
from numpy.typing import NDArray

def position_marginals(
    weights: NDArray[float64],
    octaves: NDArray[int32],
    first_times: NDArray[float64],
    step: float,
    start: int,
    stop: int,
    out: NDArray[float64],
) -> None: ...
