from numpy import int32, int64, uint8
from numpy.typing import NDArray

def keep(
    units: NDArray[int32],
    times: NDArray[int64],
    codes: NDArray[int64],
    passes: NDArray[uint8] | None,
    starts: NDArray[int64],
    begin: int,
    length: int,
    start: int,
    stop: int,
    kept_units: NDArray[int32],
    kept_codes: NDArray[int64],
) -> tuple[int, int]: ...
def add(
    slots: NDArray[int64],
    size: int,
    units: NDArray[int32],
    codes: NDArray[int64],
    start: int,
    stop: int,
    first_unit: int,
    last_unit: int,
    counts: NDArray[int32],
) -> tuple[int, int]: ...
def move(old: NDArray[int64], slots: NDArray[int64]) -> None: ...
