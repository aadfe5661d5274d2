"""What every workflow shares: the clock, the memory, and the one transaction that records a finished job."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from recsys.core.memory import peak_rss_mb
from recsys.core.times import utc_now
from recsys.display import View, to_html
from recsys.store.runs import Run, add_run, new_run_id, refuse_forgotten
from recsys.store.snapshots import Snapshot, find_snapshot, keep_snapshot
from recsys.store.versions import versions

if TYPE_CHECKING:
    import polars as pl

    from recsys.store import Store

Result = TypeVar("Result")


class Recorded(NamedTuple, Generic[Result]):
    """What a workflow did: ``run, result = store.train("als")``.

    Attributes
    ----------
    run : Run
        The row in the store.
    result : object
        The model, evaluation, comparison, backtest or summary.
    """

    run: Run
    result: Result

    def __repr__(self) -> str:
        return f"run {self.run.run_id}\n{self.result!r}"

    def _repr_html_(self) -> str:
        shown = getattr(self.result, "_repr_html_", None)
        return to_html(View(f"run {self.run.run_id}")) + shown() if shown is not None else self.run._repr_html_()


class Job:
    """A job under way. Nothing of it is in the store until `record`.

    Parameters
    ----------
    store : Store
        Where it will be recorded.
    kind : str
        What is being done.
    """

    def __init__(self, store: Store, kind: str) -> None:
        self.store, self.kind, self.run_id = store, kind, new_run_id()
        self._began, self._began_at = time.perf_counter(), utc_now()

    def part(self, kind: str) -> Job:
        """Return a part of this job that is recorded for itself; it looks at what happened since the job began."""
        part = Job(self.store, kind)
        part._began_at = self._began_at
        return part

    def record(
        self,
        *,
        recipe: Mapping[str, Any],
        snapshot: Snapshot | str | None = None,
        parents: Sequence[str] = (),
        warnings: Sequence[str] = (),
        per_user: pl.DataFrame | None = None,
        seed: int | None = None,
        trained_through: datetime | None = None,
        metrics: Mapping[str, float | None] | None = None,
        result: Mapping[str, Any] | None = None,
        view: View | None = None,
        artifact: str | None = None,
        status: str = "finished",
        wall_s: float | None = None,
    ) -> Run:
        """Write the finished job, with its snapshot and per-user metrics, in one short transaction.

        A `snapshot` that is a text is the id of one that is kept already; the others are the fields of `Run`. `wall_s`
        is by default the time since the job began.

        Raises
        ------
        DataError
            A person was forgotten while the job ran: what it computed may still hold them.
        """
        run = Run(
            run_id=self.run_id,
            kind=self.kind,
            created_at=utc_now(),
            recipe=recipe,
            seed=seed,
            parents=tuple(parents),
            trained_through=trained_through,
            versions=versions(),
            metrics=metrics or {},
            result=result or {},
            view=None if view is None else view.to_dict(),
            wall_s=time.perf_counter() - self._began if wall_s is None else wall_s,
            peak_rss_mb=peak_rss_mb(),
            artifact=artifact,
            status=status,
            warnings=tuple(dict.fromkeys(warnings)),
        )
        with self.store.write() as con:
            refuse_forgotten(con, self._began_at)
            if snapshot is not None:
                kept = find_snapshot(con, snapshot) if isinstance(snapshot, str) else keep_snapshot(con, snapshot)
                run = replace(run, snapshot_id=kept.snapshot_id, repeatable=kept.repeatable)
            add_run(con, run, per_user)
        return run
