"""A/B tests in a simulated service, with the true effect beside the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError, DataError
from recsys.core.seeds import derived_int, generator
from recsys.display import Axis, Chart, Percent, Rule, Series, Spark, Table, View, Viewable, cell_text
from recsys.scoring.draws import uniforms, user_keys
from recsys.simulation.behaviour import World
from recsys.simulation.serving import first_requests

_ASSIGNED, _CHANGED = 1, 2  # streams of random numbers


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedExperiment(Viewable):
    """An experiment in a simulated service.

    Attributes
    ----------
    name : str
        Of the experiment.
    exposures : DataFrame
        experiment, unit_id, variant, ts: one row a unit, at its first request from the start on.
    events : DataFrame
        The columns of `Simulation.events`, with the history before the experiment.
    effects : mapping of str to float
        The true relative effect of each arm against the first: on the number of plays after the exposure and the
        minutes of them (`Simulation.experiment`), or on clicks per unit (`Simulation.ab_test`). The first has 0.
    impressions : DataFrame or None
        Of an A/B test of lists: what was shown, and the clicks.
    """

    name: str
    exposures: pl.DataFrame
    events: pl.DataFrame
    effects: Mapping[str, float]
    impressions: pl.DataFrame | None = None

    def view(self) -> View:
        """Return the true effects, and how many units came into each arm day by day."""
        arms, control = list(self.effects), next(iter(self.effects))
        sizes = self.exposures.group_by("variant", pl.col("ts").dt.date().alias("day")).len().sort("day")
        days = sizes["day"].unique().sort()
        daily = {
            arm: days.to_frame().join(sizes.filter(pl.col("variant") == arm), on="day", how="left")["len"].fill_null(0)
            for arm in arms
        }
        rows = tuple(
            (arm, int(daily[arm].sum()), Spark(tuple(daily[arm].to_list())), Percent(self.effects[arm], signed=True))
            for arm in arms
        )
        told = ", ".join(f"{cell_text(Percent(self.effects[arm], signed=True))} with {arm}" for arm in arms[1:])
        what = "plays and minutes after exposure" if self.impressions is None else "clicks per unit"
        truth = Chart(
            f"True effect on {what}",
            Axis(f"difference relative to {control}", percent=True),
            Axis("arm", kind="category"),
            (Series("truth", "point", tuple(self.effects[arm] for arm in arms[1:]), tuple(arms[1:])),),
            (Rule("x", 0.0, "no difference"),),
            "What an analysis of these data estimates, with its interval around it in 95 of 100 worlds.",
        )
        table = Table(("arm", "units", "a day", "true effect"), rows, f"relative to {control}, on {what}")
        return View(f"{self.name}, simulated: truly {told} against {control}", (table,), charts=(truth,))


def checked_shares(arms: Mapping[str, float]) -> dict[str, float]:
    """Return the arms' shares of the units, summing to 1, or raise ArgumentError."""
    shares = {str(name): finite_float(f"the share of {name}", share, above=0) for name, share in arms.items()}
    if len(shares) < 2:
        raise ArgumentError(f"the arms are {list(arms)}", "two or more were expected, the control first")
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def draw_exposures(
    world: World, name: str, shares: Mapping[str, float], first_day: int, seed: int, users: pl.Series | None = None
) -> pl.DataFrame:
    """Return one exposure a user who comes, at the first request; the arm depends on the user's id and the seed."""
    first = first_requests(world, first_day)
    if users is not None:
        first = first.filter(pl.col("user_id").is_in(users.implode()))
    point = uniforms(user_keys(first["user_id"], derived_int(seed, _ASSIGNED)), 1)[:, 0]
    ends = np.cumsum(list(shares.values()))
    arm = np.minimum(np.searchsorted(ends, point, side="right"), len(ends) - 1)
    return pl.DataFrame(
        {
            "experiment": pl.Series([name]).gather(np.zeros(len(first), np.int64)),
            "unit_id": first["user_id"],
            "variant": pl.Series(list(shares)).gather(arm),
            "ts": first["ts"],
        }
    ).sort("ts", "unit_id")


def common_users(lists: Sequence[pl.DataFrame]) -> pl.Series:
    """Return the users who have a list in every one of the frames, or raise DataError when nobody has."""
    users = lists[0].select("user_id").unique(maintain_order=True)
    for each in lists[1:]:
        users = users.join(each, on="user_id", how="semi")
    if not len(users):
        raise DataError("no user has a list in every arm", "lists of the same users were expected")
    return users["user_id"]


def assigned_rows(lists: pl.DataFrame, exposures: pl.DataFrame, arm: str) -> pl.DataFrame:
    """Return the lists of the units of an arm."""
    units = exposures.filter(pl.col("variant") == arm).select(pl.col("unit_id").alias("user_id"))
    return lists.join(units, on="user_id", how="semi", maintain_order="left")


def with_lifts(
    events: pl.DataFrame, exposures: pl.DataFrame, lifts: Mapping[str, float], event: str, seed: int
) -> pl.DataFrame:
    """Return the events with each arm's lift: some plays after the exposure taken away, or so many added.

    A lift of −0.1 takes every tenth play away; one of 0.1 repeats every tenth some minutes later, with its value.
    """
    arms = exposures.select(pl.col("unit_id").alias("user_id"), pl.col("variant"), pl.col("ts").alias("exposed_at"))
    joined = events.join(arms, on="user_id", how="left", maintain_order="left")
    lift = joined["variant"].replace_strict(lifts, default=0.0, return_dtype=pl.Float64).to_numpy()
    counts = (joined["event"] == event) & (joined["ts"] >= joined["exposed_at"])
    after = counts.fill_null(False).to_numpy()
    point, minutes = generator(derived_int(seed, _CHANGED)).random((2, len(events)))
    removed = after & (point < -lift)
    added = after & (point < lift)
    later = pl.Series((1 + 29 * minutes[added]) * 60e6).cast(pl.Int64).cast(pl.Duration("us"))
    copies = events.filter(pl.Series(added)).with_columns(
        (pl.col(column) + later).alias(column) for column in ("ts", "arrived_at")
    )
    return pl.concat([events.filter(pl.Series(~removed)), copies]).sort("ts", maintain_order=True)
