"""`Check`: one question about the integrity of an experiment, its answer, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import get_args

from recsys.core.checks import finite_float, one_of
from recsys.core.findings import CheckStatus, Finding

STATUSES: tuple[CheckStatus, ...] = get_args(CheckStatus)


@dataclass(frozen=True)
class Check(Finding):
    """One check of an experiment: one that fails blocks the decision, one that warns is told beside it.

    Attributes
    ----------
    name : str
        What is checked.
    status : {"ok", "warn", "fail", "not_run"}
        How it came out.
    number : float or None
        What was measured.
    threshold : float or None
        What it was held against.
    consequence : str
        What it means for the result.
    detail : str
        The facts in words.

    Examples
    --------
    >>> Check("srm", "fail", 0.0086, 0.01, "the decision is blocked", "44,700 : 45,489").blocks
    True
    """

    @property
    def blocks(self) -> bool:
        """Whether it keeps the experiment from being decided."""
        return self.status == "fail"


@dataclass(frozen=True)
class Thresholds:
    """Where the checks warn and fail.

    Parameters
    ----------
    srm : float
        The sample ratio fails below this p-value (overall, by stage, sequential).
    srm_parts : float
        By day and by segment, and of the units with an outcome by metric, adjusted by Holm; they warn below `srm`.
    several_arms, mismatch : float
        Largest share of units in several arms, and of units in another arm than the one they were assigned.
    balance, pre_period : float
        Covariates, and metrics before exposure, fail below this p-value.
    difference : float
        Standardised difference of a covariate at which the check warns.
    seen : float
        Smallest share of an arm's units that occur in the data at all.
    seen_warn : float
        Share below which that check warns: units that never occur count as zeros.
    unmapped : float
        Largest share of coarser units, such as accounts, that no user belongs to.
    influence : float
        A unit that makes up more than this share of a metric's variance is an outlier.
    """

    _: KW_ONLY
    srm: float = 0.01
    srm_parts: float = 0.001
    several_arms: float = 0.01
    mismatch: float = 0.01
    balance: float = 0.001
    pre_period: float = 0.001
    difference: float = 0.1
    seen: float = 0.1
    seen_warn: float = 0.5
    unmapped: float = 0.1
    influence: float = 0.05

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            finite_float(name, value, minimum=0, maximum=1)


CHECKS = (
    "arms", "srm", "duplicates", "several-arms", "unusable", "assignment", "overrides", "seen", "mapping", "balance",
    "pre-period", "outliers", "missing-outcomes", "missing-values", "skewness", "windows", "maturity", "complete",
    "whole-weeks", "holidays",
)  # fmt: skip
"""The families of checks, as gates name them."""
GUARDRAIL = "guardrail"


def parse_gates(words: Sequence[str]) -> tuple[str, ...]:
    """Return names of gates: families of checks, single checks such as ``srm:day``, and ``guardrail``.

    Raises
    ------
    ArgumentError
        There is no such gate.

    Examples
    --------
    >>> parse_gates(["srm", "guardrail"])
    ('srm', 'guardrail')
    """
    return tuple(f"{one_of('a gate', family, (*CHECKS, GUARDRAIL))}{rest}" for family, rest in map(_split, words))


def _split(word: str) -> tuple[str, str]:
    family, colon, rest = word.partition(":")
    return family, colon + rest


def failed_gates(checks: Sequence[Check], wanted: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks that do not hold among those named: a name, or the family of several (``srm``).

    One that could not be made does not hold, unless another of its family could.
    """
    found: list[Check] = []
    for word in dict.fromkeys(wanted):
        named = [check for check in checks if word in (check.name, check.family)]
        made = any(check.status != "not_run" for check in named)
        found += [check for check in named if check.blocks or not made]
    return tuple(dict.fromkeys(found))
