"""`recsys tune`: a search for hyper-parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli import completion
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session
    from recsys.evaluation import Tuning
    from recsys.workflows import Recorded

EXAMPLES = """
recsys tune als --event play --holdout 14d
recsys tune als itemknn --trials 60 --metric recall@20 --jobs 2 --timeout 10m --holdout 14d
recsys tune als --space factors=32,64,128 --space regularization=1e-3..1:log --holdout 14d
recsys tune als bpr --space als.factors=64 --space bpr.factors=16..128:log --seed 7
recsys tune --resume @latest                  # after Ctrl-C, or for more: --trials 100
RUN=$(recsys tune als --holdout 14d -q --json | jq -r .data.best_run)
"""


def command(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Model names.", metavar="MODEL…", autocompletion=completion.models, show_default=False),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODEL.]NAME=VALUES",
            help="Where to look: a,b,c, or low..high, or low..high:log; may be repeated.",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(metavar="N", help="How many settings to try.  [30]")] = None,
    metric: Annotated[str | None, typer.Option(metavar="METRIC", help="What to look at.  [ndcg@10]")] = None,
    holdout: Annotated[
        str | None, typer.Option(metavar="14d", help="Keep the last days out of the search, to test on them later.")
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(metavar="14d", help="How much of the rest to look at.  [as much as --holdout, or a fifth]"),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="temporal|random|leave-last-out", help="How both parts are chosen, as in train."),
    ] = None,
    snapshot: Annotated[str | None, typer.Option(metavar="NAME", help="Use a snapshot.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the settings and the models.  [0]")] = None,
    sampler: Annotated[
        str | None, typer.Option(metavar="tpe|random", help="How settings are chosen.  [tpe, if optuna is installed]")
    ] = None,
    rung_users: Annotated[
        int | None, typer.Option(metavar="N", help="The fewest users that a first look learns from.  [1000]")
    ] = None,
    no_pruning: Annotated[bool, typer.Option("--no-pruning", help="Train every trial on all users.")] = False,
    jobs: Annotated[int, typer.Option(metavar="N", help="Trials at a time; the result does not depend on it.")] = 1,
    timeout: Annotated[str | None, typer.Option(metavar="10m", help="Stop after this time.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="TUNING", help="Go on with a search.", autocompletion=completion.runs),
    ] = None,
) -> None:
    """Search for hyper-parameters on a part of the training period.

    Every trial is a run of its own. What --holdout keeps apart is never looked at. Ctrl-C loses only the trials under
    way: --resume goes on, and ends as if nothing had happened.
    """
    session: Session = ctx.obj
    asked = {
        "space": space,
        "metric": metric,
        "holdout": holdout,
        "validation": validation,
        "split": split,
        "snapshot": snapshot,
        "seed": seed,
        "sampler": sampler,
        "rung_users": rung_users,
        "no_pruning": no_pruning or None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if bool(models) == (resume is not None):
        raise ArgumentError(
            "tune takes models or --resume TUNING, not both" if models else "tune needs a model or --resume TUNING",
            "one of them was expected",
            "recsys tune als --holdout 14d",
        )
    running: dict[str, Any] = {"jobs": jobs, "timeout": timeout, **({} if trials is None else {"trials": trials})}
    try:
        recorded = (
            _start(session, models or [], given, running)
            if resume is None
            else _resume(session, resume, given, running)
        )
    except KeyboardInterrupt:
        session.note("The trials that were over are kept. Next: recsys tune --resume @latest")
        raise
    _show(session, recorded)


def _start(session: Session, models: list[str], given: dict[str, Any], running: dict[str, Any]) -> Recorded[Tuning]:
    from recsys import workflows
    from recsys.cli.requests import recipe_from
    from recsys.cli.words import pairs

    if given.pop("no_pruning", False):
        if "rung_users" in given:
            raise ArgumentError("--rung-users and --no-pruning were both given", "one of them was expected")
        given["rung_users"] = None
    space = pairs("--space", given.pop("space", None))
    return workflows.tune(
        session.open_store(),
        models,
        space=space,
        recipe=recipe_from(session.options),
        progress=session.progress,
        **given,
        **running,
    )


def _resume(session: Session, tuning: str, given: dict[str, Any], running: dict[str, Any]) -> Recorded[Tuning]:
    from recsys import workflows
    from recsys.cli.requests import recipe_from

    if given or recipe_from(session.options) is not None:
        raise ArgumentError(
            "--resume goes on with a search as it was", "no option other than --trials, --jobs, --timeout was expected"
        )
    return workflows.resume(session.open_store(), tuning, progress=session.progress, **running)


def _show(session: Session, recorded: Recorded[Tuning]) -> None:
    run, found = recorded.run, recorded.result
    shown = () if session.as_json else found.warnings  # the view has these itself
    for warning in run.warnings:
        if warning not in shown:
            session.warn(warning)
    best = run.result["best_run"]
    nothing_held = run.recipe["holdout"] is None
    test = "" if nothing_held else f"recsys train --params-of {best}    # to test it: recsys evaluate @latest\n"
    plain = f"best: trial {found.best.number}, run {best}\n{test}recsys train --refit {best}        # on everything"
    session.emit("tune", {"run_id": run.run_id, **run.result}, found.view(), plain=plain)
    session.note(f"run {run.run_id}, in {run.wall_s:.1f} s")
