"""Text for a terminal that knows nothing but ASCII."""

from __future__ import annotations

from recsys.display.plot import SIGNS
from recsys.display.spark import SIGNS as LEVELS

_WORDS = str.maketrans(
    {
        **SIGNS, **LEVELS,
        "─": "-", "━": "-", "–": "-", "−": "-", "…": "...", "×": "x", "∞": "inf", "χ": "chi", "²": "^2", "≥": ">=",
        "≤": "<=", "τ": "tau", "α": "alpha", "σ": "sigma", "ρ": "rho", "→": "->",
    }
)  # fmt: skip


def in_ascii(text: str) -> str:
    """Return text in ASCII: drawings and signs have stand-ins, what else there is becomes a question mark.

    Examples
    --------
    >>> in_ascii("p ≤ .05  ··│·├─●─┤·")
    'p <= .05  ..|.<-o->.'
    """
    return text.translate(_WORDS).encode("ascii", "replace").decode()
