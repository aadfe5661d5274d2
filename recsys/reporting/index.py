"""What a store holds, as documents: chosen runs, one experiment, the ledger, or an index of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from recsys.display import Cell, Table, View, counted
from recsys.reporting.document import Document, Fact, Section, assembled, version_facts
from recsys.reporting.runs import KINDS, kept_view, run_section
from recsys.store.runs import find_run
from recsys.store.snapshots import find_snapshot
from recsys.store.versions import versions

if TYPE_CHECKING:
    from recsys.store import Run, Store
    from recsys.store.registered import RegisteredExperiment

NEWEST = 50


def section_of(store: Store, ref: str | Run) -> Section:
    """Return a run of the store as a section, with the hash of its data.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    with store.read() as con:
        run = find_run(con, ref)
        snapshot = None if run.snapshot_id is None else find_snapshot(con, run.snapshot_id)
    return run_section(run, None, snapshot, store.path.name)


def experiment_sections(store: Store, name: str) -> tuple[Section, ...]:
    """Return what is known of an experiment: its latest analysis, then its plan and what happened.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    """
    found = store.experiment(name)
    looked = (section_of(store, found.last_analysis),) if found.last_analysis else ()
    return (*looked, Section("Plan and history", found.view()))


def ledger_section(store: Store) -> Section:
    """Return how well offline numbers have predicted A/B tests."""
    return Section("Ledger", store.ledger().view())


def of_store(
    store: Store,
    runs: Sequence[str | Run] = (),
    experiments: Sequence[str] = (),
    *,
    ledger: bool = False,
    title: str | None = None,
) -> Document:
    """Return chosen runs, experiments and the ledger as one document; an index of the store where none is chosen.

    Parameters
    ----------
    store : Store
        What is reported.
    runs : sequence of str
        Ids of runs, or ``@latest`` and the like.
    experiments : sequence of str
        Names of experiments.
    ledger : bool
        Whether the ledger is wanted.
    title : str, optional
        Instead of the conclusion.

    Raises
    ------
    NotFoundError
        There is no such run or experiment.

    Examples
    --------
    >>> import tempfile
    >>> from recsys.store import Store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     document = of_store(Store.create(f"{folder}/shop"))
    >>> document.sections[0].title
    'Data'
    """
    if not (runs or experiments or ledger):
        return index(store, title)
    sections = [section_of(store, ref) for ref in runs]
    for name in experiments:
        sections += experiment_sections(store, name)
    if ledger:
        sections.append(ledger_section(store))
    # What one experiment came to is the conclusion of its report; several things have one each.
    lead = sections[0].conclusion if len(experiments) == 1 and not runs else ""
    heading = title or (f"Experiment {experiments[0]}" if lead else None)
    return assembled(sections, heading, lead)


def index(store: Store, title: str | None = None) -> Document:
    """Return an index of the store: its data, the newest runs of each kind with what they concluded, experiments.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from recsys.store import Store
    >>> document = index(Store(Path(tempfile.mkdtemp()) / "shop"))
    >>> document.title, document.lead
    ('Store shop', '0 events of 0 users on 0 items; 0 runs and 0 experiments.')
    """
    described = store.describe()
    runs, experiments = store.runs(), store.experiments()
    lead = (
        f"{counted(described.rows, 'event')} of {counted(described.users, 'user')} on "
        f"{counted(described.items, 'item')}; {counted(len(runs), 'run')} and "
        f"{counted(len(experiments), 'experiment')}."
    )
    shown = described.view()
    # Where the store lies is nobody's business who gets the file.
    named = replace(shown, title=shown.title.replace(str(store.path), store.path.name))
    sections = [Section("Data", named)]
    kinds = [kind for kind in KINDS if kind in set(runs["kind"])]
    sections += [_kind_section(store, kind) for kind in sorted(kinds, key=_rank)]
    if experiments:
        sections.append(_experiments(store, experiments))
    ledger = store.ledger()
    if ledger.predictions or ledger.outcomes:
        sections.append(Section("Ledger", ledger.view()))
    method = (Fact("a run in full", "recsys report RUN --out run.html", code=True),) if len(runs) else ()
    return Document(title or f"Store {store.path.name}", lead, tuple(sections), (*method, *version_facts(versions())))


def _rank(kind: str) -> int:
    """Return where a kind stands: comparisons before the trainings that they are made of."""
    first = ("compare", "backtest", "replay", "replay-learning", "analysis", "interleave-analysis")
    order = (*first, "evaluate", "tune", "train")
    return order.index(kind) if kind in order else len(order)


def _kind_section(store: Store, kind: str) -> Section:
    ids = store.runs(kind=kind)["run_id"].to_list()
    newest = [store.run(run_id) for run_id in ids[:NEWEST]]
    asked = kind == "analysis"
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            run.run_id,
            f"{run.created_at:%Y-%m-%d %H:%M}",
            *((run.recipe.get("experiment"), run.recipe.get("asked_for")) if asked else ()),
            kept_view(run).title,
            _marks(run),
        )
        for run in newest
    )
    columns = ("run", "finished (UTC)", *(("experiment", "question") if asked else ()), "conclusion", "notes")
    shown = "newest first" if len(ids) <= NEWEST else f"the newest {NEWEST} of {len(ids):,}"
    view = View(
        # What the only run came to stands in the table.
        f"The newest of {len(ids):,}: {kept_view(newest[0]).title}" if len(ids) > 1 else "1 run",
        (Table(columns, rows, f"runs of kind {kind}, {shown}"),),
    )
    return Section(KINDS[kind], view)


def _marks(run: Run) -> str | None:
    told = [counted(len(run.warnings), "warning")] if run.warnings else []
    return "; ".join([*told, *([] if run.repeatable else ["not repeatable"])]) or None


def _experiments(store: Store, experiments: Sequence[RegisteredExperiment]) -> Section:
    running = sum(one.status == "running" for one in experiments)
    rows: list[tuple[Cell, ...]] = []
    for one in experiments:
        concluded = kept_view(store.run(one.last_analysis)).title if one.last_analysis else None
        rows.append((one.name, one.status, one.exposed, f"{one.created_at:%Y-%m-%d}", concluded))
    table = Table(("experiment", "status", "units exposed", "created", "latest analysis"), tuple(rows))
    return Section("Experiments", View(f"{counted(len(rows), 'experiment')}, {running} of them running", (table,)))
