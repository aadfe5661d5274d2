"""`Effect`: what one arm does to one metric, against the control, with everything that a reader must know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import isnan, nan
from typing import Any, Literal, NamedTuple

from recsys.core.jsonable import fit_for_json
from recsys.experiment.comparing import Compared, compare_arms
from recsys.experiment.metrics import Direction, Form, Role
from recsys.experiment.outcomes import Cap, Outcome

Verdict = Literal["better", "worse", "not clear", "safe", "broken", "not shown safe", "too early", "not estimable"]
REASONS = {
    "empty_arm": "an arm has no unit whose window has ended",
    "not_matured": "no unit's window has ended yet",
    "not_seen": "no exposed unit occurs in the data, so that there is nothing to measure",
    "too_few": "an arm has fewer than two units",
    "zero_variance": "the values do not vary",
    "zero_denominator": "the denominator is 0",
    "unbounded": "the control is too close to 0 for a relative effect",
    "burn_in": "too few units for a first look",
}

WITHHELD = "p-values are withheld before the planned size (look='final' asks for them)"
NEAR_ZERO = "the denominator is too close to 0"


class Sequential(NamedTuple):
    """What may be said of an effect however often one looked.

    Attributes
    ----------
    method : str
    ci_low, ci_high : float
        Of the difference; infinite before the first look.
    pvalue : float
        Always-valid, or NaN for group-sequential bounds.
    crossed : bool
        Whether the effect left the region of no difference, at this look or one before.
    fraction : float
        Matured units over the planned ones; NaN without a plan.
    status : str
    """

    method: str
    ci_low: float
    ci_high: float
    pvalue: float
    crossed: bool
    fraction: float
    status: str = "ok"


@dataclass(frozen=True)
class Effect:
    """One metric of one arm against the control; differences are arm − control.

    Parameters
    ----------
    metric, role, form, direction : str
        Of the metric.
    arm, control : str
        The effect is arm − control.
    n, n_control : int
        Units that entered: those whose window has ended.
    enrolled, enrolled_control : int
        Units of the arms.
    value, control_value : float
        Mean, share, ratio or quantile of each arm, not adjusted.
    difference, ci_low, ci_high, standard_error : float
        Adjusted for the covariates where there are any; the interval is one of a single look.
    relative, relative_ci_low, relative_ci_high : float
        Over the size of the control's value.
    pvalue : float
        Of a single look; NaN when it is withheld or there is none.
    pvalue_adjusted : float
        The same, or the sequential one, for all goals and arms together; NaN for other roles.
    unadjusted : mapping of str to float
        ``difference, ci_low, ci_high, relative, relative_ci_low, relative_ci_high, pvalue`` without covariates.
    variance_reduction : float
        By the covariates.
    covariates : tuple of str
        What it was adjusted for.
    caps : tuple of Cap
        Where columns were winsorised.
    uncapped : mapping of str to float
        ``difference, ci_low, ci_high, pvalue`` without winsorising; empty without a cap.
    margin : float or None
        Of a guardrail: the relative change to the worse that is tolerated.
    method, status, relative_status, reason : str
        ``ok``, or why numbers are missing, in a word and in words.
    withheld : bool
        Whether the p-value was not told because the planned size is not reached.
    sequential : Sequential or None
        The group-sequential test, where the experiment has one.
    verdict : str
        ``better``, ``worse`` or ``not clear`` of a goal; ``safe``, ``broken`` or ``not shown safe`` of a guardrail;
        ``too early``; ``not estimable``.
    """

    metric: str
    role: Role
    form: Form
    direction: Direction
    arm: str
    control: str
    n: int
    n_control: int
    enrolled: int
    enrolled_control: int
    value: float
    control_value: float
    difference: float
    ci_low: float
    ci_high: float
    standard_error: float
    relative: float
    relative_ci_low: float
    relative_ci_high: float
    pvalue: float
    pvalue_adjusted: float
    unadjusted: dict[str, float]
    variance_reduction: float
    covariates: tuple[str, ...]
    caps: tuple[Cap, ...]
    uncapped: dict[str, float]
    margin: float | None
    method: str
    status: str
    relative_status: str
    reason: str
    withheld: bool = False
    sequential: Sequential | None = None
    verdict: Verdict = "not clear"

    def __hash__(self) -> int:
        return hash((self.metric, self.arm, self.control, self.difference))

    @property
    def sign(self) -> int:
        """1 when more is better, −1 when less is."""
        return 1 if self.direction == "increase" else -1

    def row(self) -> dict[str, Any]:
        """Return the numbers as one flat row."""
        flat = {key: value for key, value in asdict(self).items() if not isinstance(value, dict | tuple)}
        flat |= {f"unadjusted_{key}": value for key, value in self.unadjusted.items()}
        flat["covariates"] = ", ".join(self.covariates)
        flat["capped_units"] = sum(cap.units for cap in self.caps)
        for key in ("difference", "ci_low", "ci_high", "pvalue"):
            flat[f"uncapped_{key}"] = self.uncapped.get(key, nan)
        for key in Sequential._fields:
            flat[f"sequential_{key}"] = getattr(self.sequential, key, None)
        flat.pop("sequential")
        return flat

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        plain = asdict(self)
        plain["caps"] = [cap._asdict() for cap in self.caps]
        plain["sequential"] = None if self.sequential is None else self.sequential._asdict()
        plain["covariates"] = list(self.covariates)
        return plain


def effect_of(outcome: Outcome, arm: int, confidence: float) -> Effect:
    """Return what an arm does to a metric, at a single look and without regard to other metrics."""
    return effects_of(outcome, [arm], confidence)[0]


def effects_of(outcome: Outcome, arms: Sequence[int], confidence: float) -> list[Effect]:
    """Return what several arms do to a metric: the units are gone through once."""
    found = []
    for arm in arms:
        status = _whether_measured(outcome, arm)
        compared = compare_arms(outcome, arm, confidence) if status == "ok" else None
        uncapped = {}
        if compared is not None and outcome.caps:
            plain = compare_arms(outcome.raw, arm, confidence).absolute
            uncapped = {key: float(getattr(plain, name)) for key, name in _PLAIN.items()}
        found.append(_effect(outcome, arm, compared, status, uncapped))
    return found


_PLAIN = {"difference": "estimate", "ci_low": "ci_low", "ci_high": "ci_high", "pvalue": "pvalue"}
_RELATIVE = {"relative": "estimate", "relative_ci_low": "ci_low", "relative_ci_high": "ci_high"}


def _whether_measured(outcome: Outcome, arm: int) -> str:
    """Return ``ok``, or why there is nothing to compare: zeros of units that never joined are no measurement."""
    sides = [arm, 0]
    if not outcome.sizes[sides].all():
        return "not_matured" if outcome.table.sizes[sides].all() else "empty_arm"
    if not outcome.joined[sides].all():
        return "not_seen"
    return "ok"


def _effect(outcome: Outcome, arm: int, found: Compared | None, status: str, uncapped: dict[str, float]) -> Effect:
    metric, table = outcome.metric, outcome.table
    sizes, used = (one[[arm, 0]].tolist() for one in (table.sizes, outcome.sizes))
    values = dict.fromkeys((*_PLAIN, *_RELATIVE, "standard_error", "value", "control_value"), nan)
    unadjusted = dict.fromkeys((*_PLAIN, *_RELATIVE), nan)
    relative_status, method, reduction = status, "none", nan
    if found is not None:
        status, relative_status, method = found.absolute.status, found.relative.status, found.absolute.method
        reduction = found.variance_reduction
        values |= _numbers(found.absolute, found.relative)
        values |= {"standard_error": found.absolute.standard_error}
        values |= {"value": found.plain.treatment, "control_value": found.plain.control}
        unadjusted = _numbers(found.plain, found.plain_relative)
    return Effect(
        metric=metric.name, role=metric.role, form=metric.form, direction=metric.direction,
        arm=table.arms[arm], control=table.arms[0], n=used[0], n_control=used[1],
        enrolled=sizes[0], enrolled_control=sizes[1], value=values["value"], control_value=values["control_value"],
        difference=values["difference"], ci_low=values["ci_low"], ci_high=values["ci_high"],
        standard_error=values["standard_error"], relative=values["relative"],
        relative_ci_low=values["relative_ci_low"], relative_ci_high=values["relative_ci_high"],
        pvalue=values["pvalue"], pvalue_adjusted=nan,
        unadjusted=unadjusted, variance_reduction=reduction, covariates=outcome.covariate_names, caps=outcome.caps,
        uncapped=uncapped, margin=metric.margin, method=method, status=status, relative_status=relative_status,
        reason=NEAR_ZERO if status == "unbounded" and metric.form == "ratio" else REASONS.get(status, ""),
    )  # fmt: skip


def _numbers(absolute: Any, relative: Any) -> dict[str, float]:
    found = {key: float(getattr(absolute, name)) for key, name in _PLAIN.items()}
    return found | {key: float(getattr(relative, name)) for key, name in _RELATIVE.items()}


def withhold(effect: Effect) -> Effect:
    """Return the effect without its p-values of a single look: the planned size is not reached."""
    return replace(
        effect,
        pvalue=nan,
        withheld=not isnan(effect.pvalue),
        unadjusted=effect.unadjusted | {"pvalue": nan},
        uncapped=effect.uncapped | ({"pvalue": nan} if effect.uncapped else {}),
    )


def all_effects(outcomes: Iterable[Outcome], confidence: float) -> list[Effect]:
    """Return the effects of all arms on all metrics."""
    return [effect for one in outcomes for effect in effects_of(one, range(1, len(one.table.arms)), confidence)]
