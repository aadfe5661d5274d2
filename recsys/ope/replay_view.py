"""How a replay is shown: estimates with their intervals drawn, differences, checks, conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Cell, Interval, Percent, Plot, PValue, Table, View, counted, shared_axis
from recsys.ope.checks import Check
from recsys.ope.concluding import adjusted
from recsys.ope.replay_charts import replay_charts

if TYPE_CHECKING:
    from recsys.ope.replay_result import Replay

MARKS = {"fail": "FAIL", "warn": "warn"}


def replay_view(replay: Replay) -> View:
    """Return the conclusion, estimates, differences, checks and conventions."""
    tables = [_estimates(replay, reward.reward) for reward in replay.logged]
    if replay.differences:
        tables.append(_differences(replay))
    tables.append(checks_table(replay.checks))
    return View(replay.conclusion, tuple(tables), _notes(replay), replay_charts(replay))


def _estimates(replay: Replay, reward: str) -> Table:
    rows = [one for one in (*replay.logged, *replay.estimates) if one.reward == reward]
    axis = shared_axis([(one.ci_low, one.value, one.ci_high) for one in rows])
    cells: list[tuple[Cell, ...]] = [
        (
            one.policy,
            one.estimator,
            one.value,
            Interval(one.ci_low, one.ci_high),
            Plot(one.ci_low, one.value, one.ci_high, axis),
            round(one.effective_n),
            one.status.replace("_", " "),
        )
        for one in rows
    ]
    level = f"{100 * rows[0].confidence:g} % interval"
    columns = ("policy", "estimator", f"{reward} per {rows[0].estimand}", level, "", "effective n", "status")
    return Table(columns, tuple(cells), f"{reward}: what would have been earned")


def _differences(replay: Replay) -> Table:
    several = len(replay.logged) > 1
    rows: list[tuple[Cell, ...]] = []
    for one in replay.differences:
        share = one.estimate / abs(one.baseline_value) if one.baseline_value else None
        lead = (one.policy, *((one.reward,) if several else ()), one.estimator)
        rows.append(
            (
                *lead,
                one.estimate,
                Percent(share, signed=True),
                Interval(one.ci_low, one.ci_high),
                PValue(one.adjusted_pvalue),
                one.status.replace("_", " "),
            )
        )
    lead_columns = ("policy", *(("reward",) if several else ()), "estimator")
    columns = (*lead_columns, "difference", "relative", "interval", "p", "status")
    return Table(columns, tuple(rows), f"against {replay.baseline}, paired")


def checks_table(checks: tuple[Check, ...]) -> Table:
    """Return what fails and warns, each with its reason, and how many checks are fine or were not run."""
    loud = [check for status in MARKS for check in checks if check.status == status]
    rows: list[tuple[Cell, ...]] = [
        (MARKS[check.status], check.name, _subject(check, loud), check.reason.removeprefix(f"{check.name}: "))
        for check in loud
    ]
    for status, mark in (("ok", "ok"), ("not_run", "not run")):
        quiet = [check.name for check in checks if check.status == status]
        if quiet:
            rows.append((mark, counted(len(quiet), "check"), "", ", ".join(dict.fromkeys(quiet))))
    return Table(("", "check", "of", "what it says"), tuple(rows), "whether the log can answer")


def _subject(check: Check, others: list[Check]) -> str:
    """Return what a check was asked of: its policy, and the reward, weights and estimator if others differ by them."""
    alike = [one for one in others if (one.name, one.policy) == (check.name, check.policy)]
    told = [check.policy or "the log"]
    for part, noun in (("reward", ""), ("weighting", " weights"), ("estimator", "")):
        own = getattr(check, part)
        if own and len({getattr(one, part) for one in alike}) > 1:
            told.append(f"{own}{noun}")
    return ", ".join(told)


def _notes(replay: Replay) -> tuple[str, ...]:
    log = replay.log
    when = ""
    if log.since is not None and log.until is not None:
        when = f", {from_micros(log.since):%Y-%m-%d} to {from_micros(log.until):%Y-%m-%d}"
    users = "" if log.users is None else f", {counted(log.users, 'user')}"
    written = f"written by {', '.join(log.versions)}"
    requests = "" if log.requests is None else f" in {counted(log.requests, 'request')}"
    facts = f"{counted(log.impressions, 'impression')}{requests}{users}{when}; {written}"
    one = replay.estimates[0]
    tested = f"p-values of {counted(len(replay.differences), 'difference')} {adjusted(replay.correction)}"
    notes = [facts, f"intervals: {one.interval}; {tested}; an interval is for one comparison"]
    return (*notes, *replay.notes)
