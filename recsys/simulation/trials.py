"""`serve`, `ab_test`, `experiment`: what happens in a simulated service when something is tried in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.simulation.behaviour import World
from recsys.simulation.experiments import (
    SimulatedExperiment,
    assigned_rows,
    checked_shares,
    common_users,
    draw_exposures,
    with_lifts,
)
from recsys.simulation.policy import Policy, policy_rows
from recsys.simulation.serving import Served, serve_lists
from recsys.simulation.settings import DAY, Settings, day_number
from recsys.simulation.tables import TIMESTAMP
from recsys.simulation.truth import Truth


class Trials(ABC):
    """The methods of `Simulation` that try something."""

    world: World

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """The parameters of the world."""

    @property
    @abstractmethod
    def truth(self) -> Truth:
        """What no log tells."""

    @abstractmethod
    def events(self) -> pl.DataFrame:
        """Return all events, in order of time."""

    def serve(self, lists: Policy, *, since: str | datetime, name: str = "served", seed: int = 0) -> Served:
        """Return what users do from a day on when these lists, not the log's, are on their home page.

        Sessions and searches are those of the log; on each request the user's list is shown, looked at and clicked as
        any list is. An item that cannot be watched there and then earns nothing. What a list is truly worth:
        ``truth.since(since).policy_value(lists)`` is the expected value of a click or the minutes per request.

        Parameters
        ----------
        lists : frame, or anything with ``to_polars()``
            user_id, item_id, rank. Ranks beyond the slots of a request are not shown; only these users are in the
            result.
        since : str or datetime
            The day from which they are served, to the end of the simulation.
        name : str
            Column policy of the impressions.
        seed : int
            Of looks and clicks: other seeds are other worlds with the same sessions.

        Raises
        ------
        ArgumentError
            The day is not one of the simulation.
        NotFoundError
            An id is not of this world.
        DataError
            The lists are not lists: a rank or an item occurs twice.

        Examples
        --------
        >>> from recsys.simulation import simulate
        >>> service = simulate(users=50, items=40, days=10)
        >>> served = service.serve(service.truth.ideal_policy(6), since="2026-01-06")
        >>> clicked = served.events.filter(event="play").drop_nulls("request_id")
        >>> int(served.impressions["click"].sum()) == len(clicked) > 0
        True
        """
        seed = positive_int("seed", seed, minimum=0)
        return serve_lists(self.world, lists, day_number(self.settings, "since", since), seed, name)

    def ab_test(
        self,
        arms: Mapping[str, Policy],
        *,
        since: str | datetime,
        shares: Mapping[str, float] | None = None,
        name: str = "lists",
        seed: int = 0,
    ) -> SimulatedExperiment:
        """Return an A/B test of lists: users with a list in all arms, assigned at random, served from a day on.

        Parameters
        ----------
        arms : mapping of str to lists
            The control first; each as in `serve`.
        since : str or datetime
        shares : mapping of str to float, optional
            Of the units by arm; by default equal.
        name : str
            Of the experiment.
        seed : int
            Of assignment, looks and clicks.

        Returns
        -------
        SimulatedExperiment
            `effects` is the true relative effect on clicks per unit, ``truth.since(since).lift(arm, control)``.

        Examples
        --------
        >>> from recsys.simulation import simulate
        >>> service = simulate(users=50, items=40, days=10)
        >>> arms = {"popular": service.truth.popular_policy(6), "ideal": service.truth.ideal_policy(6)}
        >>> found = service.ab_test(arms, since="2026-01-06")
        >>> found.effects["popular"], found.effects["ideal"] > 0
        (0.0, True)
        """
        seed, first_day = positive_int("seed", seed, minimum=0), day_number(self.settings, "since", since)
        fractions = checked_shares(dict.fromkeys(arms, 1.0) if shares is None else shares)
        if set(fractions) != set(arms):
            raise ArgumentError(f"shares are given for {list(fractions)}", f"one for each of {list(arms)} was expected")
        fractions = {arm: fractions[arm] for arm in arms}
        lists = {arm: policy_rows(policy) for arm, policy in arms.items()}
        users = common_users(list(lists.values()))
        lists = {arm: rows.filter(pl.col("user_id").is_in(users.implode())) for arm, rows in lists.items()}
        exposures = draw_exposures(self.world, name, fractions, first_day, seed, users)
        served = [
            serve_lists(self.world, assigned_rows(rows, exposures, arm), first_day, seed, arm)
            for arm, rows in lists.items()
            if arm in set(exposures["variant"])
        ]
        start = pl.lit(self.settings.start + first_day * DAY).cast(TIMESTAMP)
        before = self.events().filter(pl.col("ts") < start)
        truth, (control, *_) = self.truth.since(since), arms
        return SimulatedExperiment(
            name,
            exposures,
            pl.concat([before, *(each.events for each in served)]).sort("ts", maintain_order=True),
            {arm: truth.lift(rows, lists[control]).relative if arm != control else 0.0 for arm, rows in lists.items()},
            pl.concat([each.impressions for each in served]).sort("ts", maintain_order=True),
        )

    def experiment(
        self,
        lifts: Mapping[str, float],
        *,
        since: str | datetime,
        shares: Mapping[str, float] | None = None,
        event: str = "play",
        name: str = "lift",
        seed: int = 0,
    ) -> SimulatedExperiment:
        """Return an experiment on the log itself, each arm with a known lift of its events; quick to make.

        Units enter at their first request from a day on. After its exposure a unit of an arm with the lift 0.1 has a
        tenth more plays than without (repeated some minutes later), with the lift −0.1 a tenth fewer; before it nothing
        changes.

        Parameters
        ----------
        lifts : mapping of str to float
            The true relative lift of each arm, −1 to 1; the first is the control and has 0.
        since : str or datetime
            The day on which units begin to enter.
        shares : mapping of str to float, optional
            Of the units by arm; by default equal.
        event : str
            Which events the lift is of: ``"play"`` or ``"rating"``.
        name : str
            Of the experiment.
        seed : int
            Of assignment and lift.

        Examples
        --------
        >>> from recsys.simulation import simulate
        >>> found = simulate(users=50, items=40, days=10).experiment({"a": 0.0, "b": 0.2}, since="2026-01-04", seed=1)
        >>> found.exposures.columns
        ['experiment', 'unit_id', 'variant', 'ts']
        """
        seed, first_day = positive_int("seed", seed, minimum=0), day_number(self.settings, "since", since)
        one_of("event", event, ("play", "rating"))
        lifts = {arm: finite_float(f"the lift of {arm}", lift, minimum=-1, maximum=1) for arm, lift in lifts.items()}
        fractions = checked_shares(dict.fromkeys(lifts, 1.0) if shares is None else shares)
        if set(fractions) != set(lifts) or next(iter(lifts.values())) != 0:
            raise ArgumentError(
                f"lifts are {lifts} and shares of {list(fractions)}",
                "the same arms, the first with the lift 0, were expected",
            )
        exposures = draw_exposures(self.world, name, {arm: fractions[arm] for arm in lifts}, first_day, seed)
        events = with_lifts(self.events(), exposures, lifts, event, seed)
        return SimulatedExperiment(name, exposures, events, lifts)
