"""The methods of `Store` that run jobs, by delegating to `recsys.workflows`: the one upward arrow of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from recsys.core.errors import ArgumentError
from recsys.store.recipes import DataRecipe

if TYPE_CHECKING:
    from recsys.evaluation import Backtest, Comparison, Evaluation, Tuning
    from recsys.experiment import Analysis, Decision, Experiment, InterleavingResult, Monitor, Plan, Validation
    from recsys.models import Recommender
    from recsys.ope import LearningReplay, Replay
    from recsys.store.runs import Run
    from recsys.store.store import Store
    from recsys.workflows import Assigned, Created, ExposedUnits, InterleaveSummary, RecommendSummary, Recorded


class Jobs:
    """Train, measure, recommend — and record it. What a notebook records is what a terminal records."""

    def train(
        self, model: str | Recommender, *, recipe: DataRecipe | None = None, snapshot: str | None = None, **options: Any
    ) -> Recorded[Recommender]:
        """Train a model on a snapshot of this store: ``run, als = store.train("als", event="play", holdout="14d")``.

        Parameters
        ----------
        model : str or Recommender
            A model's name, or an unfitted model.
        recipe, snapshot : optional
            Which data. The fields of `DataRecipe` (``event``, ``until``, …) may be given directly instead.
        **options
            params, seed, holdout, n_threads, progress: see `recsys.workflows.train`.

        Returns
        -------
        Recorded
            ``(run, result)``: the run and the fitted model.
        """
        from recsys import workflows

        recipe, options = _with_recipe(recipe, snapshot, options)
        return workflows.train(cast("Store", self), model, recipe=recipe, snapshot=snapshot, **options)

    def refit(self, run: str | Run, **options: Any) -> Recorded[Recommender]:
        """Train the model of a run again, on everything; see `recsys.workflows.refit`."""
        from recsys import workflows

        return workflows.refit(cast("Store", self), run, **options)

    def retrain(self, run: str | Run, **options: Any) -> Recorded[Recommender]:
        """Train with a run's settings on its own snapshot and split; see `recsys.workflows.retrain`."""
        from recsys import workflows

        return workflows.retrain(cast("Store", self), run, **options)

    def evaluate(self, run: str | Run, *args: Any, **options: Any) -> Recorded[Evaluation]:
        """Measure a trained model on its held-out part; see `recsys.workflows.evaluate`."""
        from recsys import workflows

        return workflows.evaluate(cast("Store", self), run, *args, **options)

    def compare(self, runs: Sequence[str | Run], *args: Any, **options: Any) -> Recorded[Comparison]:
        """Compare trained models, user by user; see `recsys.workflows.compare`."""
        from recsys import workflows

        return workflows.compare(cast("Store", self), runs, *args, **options)

    def backtest(
        self,
        models: Mapping[str, Any],
        *,
        recipe: DataRecipe | None = None,
        snapshot: str | None = None,
        **options: Any,
    ) -> Recorded[Backtest]:
        """Train and test models over advancing time; data as in `train`; see `recsys.workflows.backtest`."""
        from recsys import workflows

        recipe, options = _with_recipe(recipe, snapshot, options)
        return workflows.backtest(cast("Store", self), models, recipe=recipe, snapshot=snapshot, **options)

    def tune(
        self, models: Any, *, recipe: DataRecipe | None = None, snapshot: str | None = None, **options: Any
    ) -> Recorded[Tuning]:
        """Search for hyper-parameters, every trial a run; data as in `train`; see `recsys.workflows.tune`."""
        from recsys import workflows

        recipe, options = _with_recipe(recipe, snapshot, options)
        return workflows.tune(cast("Store", self), models, recipe=recipe, snapshot=snapshot, **options)

    def resume(self, tuning: str | Run, **options: Any) -> Recorded[Tuning]:
        """Go on with a search that was interrupted, or make it longer; see `recsys.workflows.resume`."""
        from recsys import workflows

        return workflows.resume(cast("Store", self), tuning, **options)

    def recommend(
        self, run: str | Run, out: str | PathLike[str] | IO[bytes], **options: Any
    ) -> Recorded[RecommendSummary]:
        """Write lists for many users to a file or a stream; see `recsys.workflows.recommend`."""
        from recsys import workflows

        return workflows.recommend(cast("Store", self), run, out, **options)

    def plan(self, what: object, **options: Any) -> Plan:
        """Say how many units and days an experiment takes, and what it can find; see `recsys.workflows.plan`."""
        from recsys import workflows

        return workflows.plan(cast("Store", self), cast("Any", what), **options)

    def interleave(
        self, run_a: str | Run, run_b: str | Run, out: str | PathLike[str] | IO[bytes], **options: Any
    ) -> Recorded[InterleaveSummary]:
        """Write the interleaved lists of two trained models to a file; see `recsys.workflows.interleave`."""
        from recsys import workflows

        return workflows.interleave(cast("Store", self), run_a, run_b, out, **options)

    def create_experiment(self, experiment: Experiment | str | PathLike[str], **options: Any) -> Created:
        """Register an experiment after a look at the data; see `recsys.workflows.create_experiment`."""
        from recsys import workflows

        return workflows.create_experiment(cast("Store", self), experiment, **options)

    def assign(self, name: str, out: str | PathLike[str] | IO[bytes], **options: Any) -> Assigned:
        """Write the arm of each unit of an experiment to a file; see `recsys.workflows.assign`."""
        from recsys import workflows

        return workflows.assign(cast("Store", self), name, out, **options)

    def expose(self, name: str, source: Any, **options: Any) -> ExposedUnits:
        """Record that units have entered an experiment; see `recsys.workflows.expose`."""
        from recsys import workflows

        return workflows.expose(cast("Store", self), name, source, **options)

    def analyze_interleaving(self, lists: object, **options: Any) -> Recorded[InterleavingResult]:
        """Say which of two interleaved models users prefer; see `recsys.workflows.analyze_interleaving`."""
        from recsys import workflows

        return workflows.analyze_interleaving(cast("Store", self), lists, **options)

    def validate(self, test: str | PathLike[str] | Experiment, **options: Any) -> Recorded[Validation]:
        """Try an experiment's tests on the past of its units; see `recsys.workflows.validate`."""
        from recsys import workflows

        return workflows.validate(cast("Store", self), test, **options)

    def analyze(self, experiment: str, **options: Any) -> Recorded[Analysis]:
        """Analyse a registered experiment and record the look; see `recsys.workflows.analyze`."""
        from recsys import workflows

        return workflows.analyze(cast("Store", self), experiment, **options)

    def monitor(self, experiment: str, **options: Any) -> Recorded[tuple[Monitor, ...]]:
        """Return the looks at a registered experiment so far; see `recsys.workflows.monitor`."""
        from recsys import workflows

        return workflows.monitor(cast("Store", self), experiment, **options)

    def decide(self, experiment: str, **options: Any) -> Recorded[Decision]:
        """Return what to do with a registered experiment, and why; see `recsys.workflows.decide`."""
        from recsys import workflows

        return workflows.decide(cast("Store", self), experiment, **options)

    def replay(self, models: str | Run | Sequence[str | Run], **options: Any) -> Recorded[Replay]:
        """Say what trained models would have earned on the impressions here; see `recsys.workflows.replay`."""
        from recsys import workflows

        return workflows.replay(cast("Store", self), models, **options)

    def replay_learning(self, policies: str | Sequence[str], **options: Any) -> Recorded[LearningReplay]:
        """Say what policies that learn while they serve would have earned; see `recsys.workflows.replay_learning`."""
        from recsys import workflows

        return workflows.replay_learning(cast("Store", self), policies, **options)

    def repeat(self, run: str | Run, **options: Any) -> Recorded[Any]:
        """Do a run again and check that its numbers come back; see `recsys.workflows.repeat`."""
        from recsys import workflows

        return workflows.repeat(cast("Store", self), run, **options)

    def report(
        self,
        path: str | PathLike[str],
        *,
        runs: str | Run | Sequence[str | Run] = (),
        experiments: str | Sequence[str] = (),
        ledger: bool = False,
        title: str | None = None,
    ) -> Path:
        """Write runs, experiments and the ledger to an HTML, Markdown or JSON file; by default an index of the store.

        Parameters
        ----------
        path : str or path
            Ends in ``.html``, ``.md`` or ``.json``.
        runs : str, Run or sequence of them
            What to tell of, such as ``@latest``.
        experiments : str or sequence of str
            Their names.
        ledger : bool
            Also how well offline numbers have predicted A/B tests.
        title : str, optional
            The heading.

        Raises
        ------
        NotFoundError
            There is no such run, experiment or folder.
        ArgumentError
            The ending is another, or the name is taken by something that is not a file.
        """
        from recsys import reporting

        store = cast("Store", self)
        chosen = [runs] if isinstance(runs, str) or not isinstance(runs, Sequence) else runs
        tests = [experiments] if isinstance(experiments, str) else experiments
        return reporting.report(reporting.of_store(store, chosen, tests, ledger=ledger, title=title), path)


def _with_recipe(
    recipe: DataRecipe | None, snapshot: str | None, options: dict[str, Any]
) -> tuple[DataRecipe | None, dict[str, Any]]:
    """Take the fields of a recipe out of the options."""
    named = {name: value for name, value in options.items() if name in DataRecipe.__dataclass_fields__}
    if not named:
        return recipe, options
    if recipe is not None or snapshot is not None:
        given = "recipe" if recipe is not None else "snapshot"
        raise ArgumentError(f"{', '.join(named)} and {given} were both given", "one of them was expected")
    return DataRecipe.of(**named), {name: value for name, value in options.items() if name not in named}
