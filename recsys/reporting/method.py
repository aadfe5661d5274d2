"""How a result came about, in rows: the run, its data, its settings, its versions, and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.core.hashing import canonical_json
from recsys.reporting.document import Fact
from recsys.store import Run

REPEATABLE = ("train", "evaluate", "compare", "backtest")


def run_facts(run: Run) -> tuple[Fact, ...]:
    """Return the rows of a run."""
    facts = [
        Fact("run", run.run_id),
        Fact("kind", run.kind),
        Fact("finished (UTC)", f"{run.created_at:%Y-%m-%d %H:%M}"),
    ]
    if run.snapshot_id:
        facts.append(Fact("snapshot", run.snapshot_id))
    if run.parents:
        facts.append(Fact("made from runs", ", ".join(run.parents)))
    if run.trained_through is not None:
        facts.append(Fact("trained through (UTC)", f"{run.trained_through:%Y-%m-%d %H:%M}"))
    if run.seed is not None:
        facts.append(Fact("seed", str(run.seed)))
    facts += [Fact(name, _text(value)) for name, value in run.recipe.items() if value not in (None, [], {}, "")]
    facts += version_facts(run.versions)
    if run.kind in REPEATABLE and run.repeatable:
        facts.append(Fact("repeat", f"recsys runs repeat {run.run_id}", code=True))
    elif not run.repeatable:
        facts.append(Fact("repeat", "not any more: its data or its model is gone"))
    return tuple(facts)


def version_facts(versions: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return versions in one row, recsys first."""
    order = ["recsys", "python", *sorted(set(versions) - {"recsys", "python", "cpu"}), "cpu"]
    known = [f"{name} {versions[name]}" for name in order if name in versions]
    return (Fact("versions", ", ".join(known)),) if known else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical_json(value)
