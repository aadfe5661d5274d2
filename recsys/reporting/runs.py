"""A run as a section: what it concluded, how it came about, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.core.hashing import canonical_json
from recsys.display import Cell, Table, View, counted, number_text
from recsys.evaluation.ranking import primary_metric
from recsys.metrics import parse_metric
from recsys.reporting.document import Fact, Section, version_facts
from recsys.reporting.wording import settings
from recsys.store import Run
from recsys.store.snapshots import Snapshot

KINDS = {
    "train": "Training",
    "evaluate": "Evaluation",
    "compare": "Comparison",
    "backtest": "Backtest",
    "tune": "Tuning",
    "trial": "Trial of a tuning",
    "recommend": "Recommendations",
    "analysis": "Analysis of an experiment",
    "replay": "Replay",
    "replay-learning": "Replay of learning policies",
    "interleave": "Interleaved lists",
    "interleave-analysis": "Interleaving",
}
QUESTIONS = {
    "analyze": "Analysis of",
    "monitor": "Looks at",
    "decide": "Decision on",
    "validate": "Validation of",
}
REPEATABLE = ("train", "evaluate", "compare", "backtest")
MOST_NUMBERS = 6
_NOT_KEPT = "what this run showed was not kept: below are its numbers and its recipe"


def run_section(run: Run, view: View | None = None, snapshot: Snapshot | None = None, store: str = "") -> Section:
    """Return the section of a run.

    Parameters
    ----------
    run : Run
        The run.
    view : View, optional
        What its result shows; by default what was kept with the run, else its numbers.
    snapshot : Snapshot, optional
        Its data.
    store : str
        The name of the store's folder, for how to repeat it.
    """
    shown = view or kept_view(run)
    marked = tuple(f"warning: {text}" for text in run.warnings if not any(text in note for note in shown.notes))
    if not run.repeatable:
        marked = (*marked, "warning: a person was forgotten since: this run cannot be repeated any more")
    view = View(shown.title, shown.tables, (*marked, *shown.notes), shown.charts)
    return Section(run_title(run), view, run_facts(run, snapshot, store))


def run_title(run: Run) -> str:
    """Return what kind of thing a run is; of an experiment, which question was asked of which.

    Examples
    --------
    >>> from datetime import datetime
    >>> run_title(Run("00", "analysis", datetime(2026, 1, 1), {"experiment": "rows", "asked_for": "decide"}))
    'Decision on experiment rows'
    """
    if run.kind != "analysis" or not run.recipe.get("experiment"):
        return KINDS.get(run.kind, run.kind)
    asked = str(run.recipe.get("asked_for", "analyze"))
    return f"{QUESTIONS.get(asked, 'Analysis of')} experiment {run.recipe['experiment']}"


def kept_view(run: Run) -> View:
    """Return what was kept of a run's result; its numbers, and that there is no more, where nothing was.

    Examples
    --------
    >>> from datetime import datetime
    >>> run = Run("0000000000aa", "evaluate", datetime(2026, 1, 1), {"model": "als"}, metrics={"ndcg@10": 0.12})
    >>> kept_view(run).title
    'Evaluation of als: ndcg@10 0.1200.'
    """
    if run.view is not None:
        return View.from_dict(run.view)
    rows: tuple[tuple[Cell, ...], ...] = tuple(run.metrics.items())
    tables = (Table(("metric", "value"), rows, "numbers of the run"),) if rows else ()
    return View(_told(run), tables, (_NOT_KEPT,))


def _told(run: Run) -> str:
    """Say what a run was and what it measured: the size of a training, else the primary metric of every model."""
    models = list(run.recipe.get("models") or ())
    named = run.recipe.get("model") or ", ".join(models)
    what = f"{run_title(run)}{f' of {named}' if named else ''}"
    if run.recipe.get("experiment") and run.kind != "analysis":
        what = f"{what} of experiment {run.recipe['experiment']}"
    known = {name: value for name, value in run.metrics.items() if value is not None}
    if run.kind == "train":
        events, held = (known.get(name) for name in ("train_events", "test_events"))
        size = "" if events is None else f" on {counted(int(events), 'event')}"
        rest = f"; {counted(int(held), 'event')} held out" if held else ""
        return f"{what}{size}{rest}."
    asked = tuple(run.recipe.get("metrics") or ())
    if not asked:
        return f"{what}{': ' if known else ''}{_listed(known)}."
    primary = primary_metric([parse_metric(metric) for metric in asked]).name
    of_models = {name: known.get(f"{name} {primary}".strip()) for name in models or ("",)}
    told = {name or primary: value for name, value in of_models.items() if value is not None}
    if not told:
        return f"{what}: {primary} is not known."
    return f"{what}: {f'{primary} of ' if models else ''}{_listed(told)}."


def _listed(numbers: Mapping[str, float]) -> str:
    shown = [f"{name} {number_text(value)}" for name, value in list(numbers.items())[:MOST_NUMBERS]]
    return ", ".join([*shown, *(["…"] if len(numbers) > MOST_NUMBERS else [])])


def run_facts(run: Run, snapshot: Snapshot | None = None, store: str = "") -> tuple[Fact, ...]:
    """Return how a run came about: itself, its data, its settings, its versions, how to repeat it."""
    facts = [Fact("run", f"{run.run_id}, finished {run.created_at:%Y-%m-%d %H:%M} UTC, {run.wall_s:.3g} s")]
    if run.snapshot_id:
        facts.append(Fact("snapshot", run.snapshot_id))
    if snapshot is not None:
        size = f"{snapshot.rows:,} events, {snapshot.users:,} users, {snapshot.items:,} items"
        facts += [Fact("data", size), Fact("content hash", snapshot.content_hash)]
    if run.trained_through is not None:
        facts.append(Fact("trained through", f"{run.trained_through:%Y-%m-%d %H:%M:%S} UTC"))
    recipe = canonical_json(run.recipe)
    if untold := [parent for parent in run.parents if parent not in recipe]:
        facts.append(Fact("made from", ", ".join(f"run {parent}" for parent in untold[:20])))
    if run.seed is not None:
        facts.append(Fact("seed", str(run.seed)))
    facts += [Fact(name, text) for name, text in settings(run.recipe)]
    facts += version_facts(run.versions)
    return (*facts, *_again(run, store))


def _again(run: Run, store: str) -> tuple[Fact, ...]:
    if not run.repeatable:
        return (Fact("repeat", "not any more: the data or the model is gone"),)
    if run.kind in REPEATABLE:
        command = f"recsys runs repeat {run.run_id}"
        python = f'rs.Store("{store}").repeat("{run.run_id}")' if store else ""
        return (Fact("repeat", command, code=True), *([Fact("in Python", python, code=True)] if python else []))
    return (Fact("all that is known", f"recsys runs show {run.run_id} --json", code=True),)
