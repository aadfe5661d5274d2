from numpy import float32, float64, int32, int64
from numpy.typing import NDArray

GROUP_USERS: int
PANEL_ITEMS: int
PATHS: tuple[str, ...]

def row_norms(rows: NDArray[float32], norms: NDArray[float64]) -> None: ...
def score_lists(
    users: NDArray[float32],
    items: NDArray[float32],
    codes: NDArray[int32],
    blocked_ptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_ptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    start: int,
    stop: int,
    indices: NDArray[int32],
    scores: NDArray[float32],
) -> None: ...
def pack_panels(
    items: NDArray[float32], codes: NDArray[int32], start: int, stop: int, panels: NDArray[float32]
) -> None: ...
def score_tiles(
    users: NDArray[float32],
    user_norms: NDArray[float64],
    items: NDArray[float32],
    panels: NDArray[float32],
    item_norms: NDArray[float64],
    codes: NDArray[int32],
    blocked_ptr: NDArray[int64],
    blocked: NDArray[int32],
    allowed_ptr: NDArray[int64] | None,
    allowed: NDArray[int32] | None,
    path: int,
    start: int,
    stop: int,
    indices: NDArray[int32],
    scores: NDArray[float32],
) -> None: ...
