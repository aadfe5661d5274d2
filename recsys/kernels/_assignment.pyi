from numpy import int32, int64, uint8
from numpy.typing import NDArray

def hash_numbers(
    prefix: NDArray[uint8], numbers: NDArray[int64], start: int, stop: int, parts: int, out: NDArray[int32]
) -> None: ...
def hash_texts(
    prefix: NDArray[uint8],
    offsets: NDArray[int64],
    data: NDArray[uint8],
    start: int,
    stop: int,
    parts: int,
    out: NDArray[int32],
) -> None: ...
