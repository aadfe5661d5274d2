"""The methods of `Store` that freeze data and find what was computed: snapshots, runs, models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys.core.errors import NotFoundError
from recsys.store.folder import StoreFolder

if TYPE_CHECKING:
    import polars as pl

    from recsys.dataset import Dataset
    from recsys.models import Recommender
    from recsys.store.runs import Run
    from recsys.store.snapshots import Snapshot


class Records(StoreFolder):
    """Frozen data, and the runs and models that came of it."""

    def dataset(self, **recipe: Any) -> Dataset:
        """Return the Dataset of a recipe, with the attributes of its users and items.

        Parameters
        ----------
        **recipe
            ``event, value, label, relevance, relevance_column, until, as_of, min_user_events, min_item_events``; see
            `recsys.store.DataRecipe`.

        Raises
        ------
        NotFoundError
            There is no such event type or column.
        ArgumentError
            `event` is missing and the store holds several types, or an argument is not usable.
        DataError
            No event is left.
        """
        from recsys.store.recipes import DataRecipe
        from recsys.store.snapshots import extract

        return extract(self, DataRecipe.of(**recipe))[0]

    def snapshot(self, name: str | None = None, **recipe: Any) -> Snapshot:
        """Freeze the Dataset of a recipe under a name, or only under its id; `recipe` as in `dataset`.

        Raises
        ------
        ArgumentError
            The name belongs to other data.
        """
        from recsys.store.recipes import DataRecipe
        from recsys.store.snapshots import freeze, keep_snapshot

        fresh = freeze(self, DataRecipe.of(**recipe), name).snapshot
        with self.write() as con:
            return keep_snapshot(con, fresh)

    def load_snapshot(self, ref: str) -> Dataset:
        """Return the Dataset of a snapshot (name, id, beginning of an id, ``@latest``), rebuilt and checked.

        Raises
        ------
        NotFoundError
            There is no such snapshot.
        DataError
            The rows no longer give the same content hash.
        """
        from recsys.store.snapshots import find_snapshot, rebuild

        with self.read() as con:
            found = find_snapshot(con, ref)
        return rebuild(self, found)

    def snapshots(self) -> list[Snapshot]:
        """Return all snapshots, the newest first."""
        from recsys.store.snapshots import list_snapshots

        with self.read() as con:
            return list_snapshots(con)

    def runs(self, *, kind: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """Return one row a run, the newest first; the trials of tunings only if `kind` is ``"trial"``."""
        from recsys.store.runs import list_runs

        with self.read() as con:
            return list_runs(con, kind, limit)

    def run(self, ref: str | Run) -> Run:
        """Return a run by its id, a unique beginning of it, ``@latest``, or ``@latest:train``.

        Wherever a run is named, a `Run` may stand for its id.

        Raises
        ------
        NotFoundError
            There is none.
        ArgumentError
            Several ids begin so.
        """
        from recsys.store.runs import find_run

        with self.read() as con:
            return find_run(con, ref)

    def diff_runs(self, first: str | Run, second: str | Run) -> pl.DataFrame:
        """Return what differs between two runs: field, first, second, as text."""
        from recsys.store.runs import diff

        return diff(self.run(first), self.run(second))

    def user_metrics(self, ref: str | Run) -> pl.DataFrame:
        """Return the per-user metrics of a run: user_id, metric, value."""
        from recsys.store.runs import read_user_metrics

        found = self.run(ref)
        with self.read() as con:
            return read_user_metrics(con, found.run_id)

    def load_model(self, ref: str | Run) -> Recommender:
        """Return the fitted model of a training run.

        Raises
        ------
        NotFoundError
            There is no such run, or its model is gone.
        DataError
            The model's files were changed.
        """
        from recsys.store.artifacts import load_artifact
        from recsys.store.runs import find_run

        with self.read() as con:
            found = find_run(con, ref, kinds=("train",))
        if found.artifact is None:
            raise NotFoundError(f"run {found.run_id} keeps no model", "a training run with a model was expected")
        return load_artifact(self.artifacts, found.artifact)
