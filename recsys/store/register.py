"""The methods of `Store` that keep the register of experiments, and the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recsys.core.times import utc_now
from recsys.store.folder import StoreFolder

if TYPE_CHECKING:
    from recsys.ledger import Ledger, Outcome, Prediction
    from recsys.store.registered import RegisteredExperiment
    from recsys.store.units import StoreUnits


class Register(StoreFolder):
    """Experiments as they were declared and run, and what was foretold of them."""

    def experiments(self) -> list[RegisteredExperiment]:
        """Return all registered experiments, the newest first."""
        from recsys.store.experiments import list_experiments

        with self.read() as con:
            return list_experiments(con, utc_now())

    def experiment(self, name: str) -> RegisteredExperiment:
        """Return a registered experiment: its declaration, the plan that was frozen, deviations, overrides, history.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        """
        from recsys.store.experiments import find_experiment

        with self.read() as con:
            return find_experiment(con, name, utc_now())

    def stop_experiment(self, name: str, reason: str | None = None) -> RegisteredExperiment:
        """Write down that an experiment is over; it can still be analysed. One that is over stays as it is.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        """
        from recsys.store.experiments import stop

        with self.write() as con:
            return stop(con, name, utc_now(), reason)

    def override_units(self, name: str, units: Mapping[int | str, str | None]) -> RegisteredExperiment:
        """Put units into an arm of an experiment by hand, whatever their hash says; None takes it back.

        Raises
        ------
        NotFoundError
            There is no such experiment.
        ArgumentError
            It has no such arm.
        """
        from recsys.store.experiments import find_experiment, override

        with self.write() as con:
            override(con, name, units, utc_now())
            return find_experiment(con, name, utc_now())

    def units(self) -> StoreUnits:
        """Return the store as a source of units for experiments, as it is now however much arrives meanwhile."""
        from recsys.store.units import StoreUnits

        return StoreUnits(self)

    def record_prediction(self, prediction: Prediction) -> None:
        """Write down an offline estimate of two policies; an earlier one of the same things gives way.

        The predictions of a run for an experiment are written by ``store.decide(name, predicted_by=run)``.
        """
        from recsys.store.ledger import record

        with self.write() as con:
            record(con, prediction, utc_now())

    def record_outcome(self, outcome: Outcome) -> None:
        """Write down what an A/B test found, such as one that ran elsewhere; `store.decide` does so by itself."""
        from recsys.store.ledger import record

        with self.write() as con:
            record(con, outcome, utc_now())

    def ledger(self, *, confidence: float = 0.95) -> Ledger:
        """Return the predictions of offline estimates beside what A/B tests found; see `recsys.ledger.ledger`."""
        from recsys.store.ledger import read_ledger

        with self.read() as con:
            return read_ledger(con, confidence)
