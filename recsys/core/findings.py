"""`Finding`: one question asked of data before a result is believed, its answer, and what follows from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from recsys.core.jsonable import fit_for_json

CheckStatus = Literal["ok", "warn", "fail", "not_run"]


@dataclass(frozen=True)
class Finding:
    """The answer of one check with its number and its consequence; rooms derive their own ``Check`` from it.

    Parameters
    ----------
    name : str
        What stands behind a colon is a part of the same question: ``srm``, ``srm:stage``.
    status : {"ok", "warn", "fail", "not_run"}
        What fails takes something from the result; what warns is told beside it.
    number : float or None
        What was looked at: a p-value, a share. None when it was not run.
    threshold : float or None
        Where it fails (or warns, if it cannot fail).
    consequence : str
        What follows, in plain words.
    detail : str
        The numbers behind it.

    Examples
    --------
    >>> Finding("srm:day", "fail", 0.0086, 0.01, "the decision is blocked", "44,700 : 45,489").reason
    'srm:day: the decision is blocked (44,700 : 45,489)'
    """

    name: str
    status: CheckStatus
    number: float | None = None
    threshold: float | None = None
    consequence: str = ""
    detail: str = ""

    @property
    def family(self) -> str:
        """The name without what stands behind the colon: ``srm`` of ``srm:day``."""
        return self.name.split(":")[0]

    @property
    def reason(self) -> str:
        """The consequence with its numbers, as results repeat it."""
        return f"{self.name}: {self.consequence}" + (f" ({self.detail})" if self.detail else "")

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return asdict(self)


def graded(number: float, *, fail: float, warn: float, low_is_bad: bool = True) -> CheckStatus:
    """Return the status of a number held against two thresholds.

    Examples
    --------
    >>> graded(0.005, fail=0.001, warn=0.01), graded(0.2, fail=0.01, warn=0.0, low_is_bad=False)
    ('warn', 'fail')
    """
    sign = 1 if low_is_bad else -1
    if sign * number < sign * fail:
        return "fail"
    return "warn" if sign * number < sign * warn else "ok"
