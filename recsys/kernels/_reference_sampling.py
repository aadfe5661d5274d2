"""Twin of the quadrature of position marginals: the same nodes, the same recursions, on whole arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOGETHER, SMALLEST = 4, 1e-18

Nodes = NDArray[np.float64]


def position_marginals(
    weights: NDArray[np.float64],
    octaves: NDArray[np.int32],
    first_times: NDArray[np.float64],
    step: float,
    k: int,
) -> NDArray[np.float64]:
    """Twin of `recsys.kernels.position_marginals` on checked arguments."""
    out = np.zeros((len(weights), k))
    for row, given in enumerate(weights):
        own = given[given >= 0]
        listed = min(k, len(own))
        times = first_times[row].copy()
        tiny = own[:, None] * times
        gone = tiny - 0.5 * tiny * tiny + tiny * tiny * tiny / 6.0
        left = 1.0 - gone
        total, rate = np.zeros((listed, len(times))), np.cumsum(own)[-1:].sum()
        for _ in range(octaves[row, 0] if listed else 0):
            for group in range(0, len(times), TOGETHER):
                part = slice(group, group + TOGETHER)
                reached = _reached(listed, rate * times[part][-1])
                total[:reached, part] += _integrand(own, gone[:, part], left[:, part], times[part], reached)
            doubled, squared = gone * (2.0 - gone), left * left
            gone = np.where(doubled < 0.5, doubled, 1.0 - squared)
            left = np.where(doubled < 0.5, 1.0 - doubled, squared)
            times = times * 2.0
        summed = np.zeros(listed)
        for node in range(total.shape[1]):
            summed += total[:, node]
        out[row, :listed] = summed * step
    return out


def _reached(listed: int, arrivals: float) -> int:
    """Return how many positions count yet: position j grows with the j-th power of time."""
    reached, share = 1, arrivals
    while reached < listed and share > SMALLEST:
        share *= arrivals
        reached += 1
    return reached


def _integrand(own: Nodes, gone: Nodes, left: Nodes, times: Nodes, listed: int) -> Nodes:
    """Return the (listed, nodes) integrand over log time."""
    others = _nobody(listed, len(times))
    for place in range(listed, len(own)):
        others = _with(others, gone[place], left[place])
    later = [_nobody(listed, len(times))]
    for place in range(listed - 1, 0, -1):
        later.insert(0, _with(later[0], gone[place], left[place]))
    found = np.zeros((listed, len(times)))
    for place in range(listed):
        for count in range(place + 1):
            found[place] += others[count] * later[place][place - count]
        found[place] = found[place] * left[place] * (own[place] * times)
        others = _with(others, gone[place], left[place])
    return found


def _nobody(k: int, nodes: int) -> Nodes:
    counts = np.zeros((k, nodes))
    counts[:1] = 1.0
    return counts


def _with(counts: Nodes, gone: Nodes, left: Nodes) -> Nodes:
    following = counts * left
    following[1:] += counts[:-1] * gone
    return following
