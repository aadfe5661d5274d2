from collections.abc import Sequence

from numpy import float32, float64, int8, int32, int64, uint8
from numpy.typing import NDArray

from recsys.kernels._prepare import Segment

PANEL_ITEMS: int
BLOCK_SIZE: int
EXTREMES: int
SHORT_SHARE: float
LONGEST_HEAD: int
PATHS: tuple[str, ...]
PATH_CODES: dict[str, int]

def columns_a_step(path: int) -> int: ...
def sums_in_32_bits(path: int) -> bool: ...

class Plan:
    def __init__(
        self,
        path: int,
        basis: NDArray[float32] | None,
        d: int,
        head: int,
        tail_width: int,
        item_scale: float,
        rate: float,
    ) -> None: ...
    def attach(self, parts: Sequence[Segment]) -> None: ...
    def pack(
        self,
        items: NDArray[float32],
        norms: NDArray[float64],
        rows: NDArray[int32],
        start: int,
        stop: int,
        heads: NDArray[int8],
        tails: NDArray[int8],
        starts: NDArray[int8],
        panels: NDArray[float32],
        blocks: NDArray[float32],
    ) -> None: ...
    def query(
        self,
        users: NDArray[float32],
        norms: NDArray[float64],
        eligible: NDArray[uint8] | None,
        blocked_ptr: NDArray[int64],
        blocked: NDArray[int32],
        allowed_ptr: NDArray[int64] | None,
        allowed: NDArray[int32] | None,
        few: NDArray[int32] | None,
        start: int,
        stop: int,
        indices: NDArray[int32],
        scores: NDArray[float32],
    ) -> None: ...
