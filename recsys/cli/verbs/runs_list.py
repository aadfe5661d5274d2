"""`recsys runs list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys runs list
recsys runs list --kind train --limit 5 --json
"""


def command(
    ctx: typer.Context,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="train|evaluate|compare|backtest|tune|trial|recommend|analysis",
            help="Only runs of this kind; trials are listed only so.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.")] = 20,
) -> None:
    """List the runs, newest first."""
    session: Session = ctx.obj
    from recsys.core.checks import positive_int
    from recsys.display import Table, View, counted

    positive_int("--limit", limit)
    frame = session.open_store().runs(kind=kind, limit=limit)
    columns = ("run", "kind", "of", "finished (UTC)", "found", "time")  # whole ids at 80 columns
    rows = tuple(_row(row) for row in frame.iter_rows(named=True))
    plain = [{**row, "metrics": json.loads(row["metrics"])} for row in frame.iter_rows(named=True)]
    shown = View(f"{counted(len(rows), 'run')}, newest first", (Table(columns, rows),))
    none = View("no runs yet", (), ("train a model with recsys train als --holdout 14d",))
    session.emit("runs-list", plain, shown if rows else none)


def _row(run: dict[str, Any]) -> tuple[str | None, ...]:
    metrics = json.loads(run["metrics"])
    return (
        run["run_id"],
        f"{run['kind']}: {run['asked_for']}" if run["asked_for"] else run["kind"],
        run["experiment"] or _models(run["model"]),
        f"{run['created_at']:%Y-%m-%d %H:%M}",
        _found(run["kind"], metrics),
        f"{run['wall_s']:.1f} s",
    )


def _models(text: str | None) -> str | None:
    """Return the names of several models, which the store keeps as the keys of a JSON object."""
    return ", ".join(json.loads(text)) if text is not None and text.startswith("{") else text


def _found(kind: str, metrics: dict[str, float | None]) -> str:
    """Return the one number that says most; the others are in ``runs show``."""
    name = {"train": "train_events", "recommend": "users"}.get(kind)
    if name is None:
        name = next((metric for metric in metrics if "ndcg" in metric), next(iter(metrics), ""))
    value = metrics.get(name)
    return "" if value is None else f"{name.replace('train_', '')} {value:,.6g}"
