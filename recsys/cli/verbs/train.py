"""`recsys train`: one training run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from recsys.cli import completion
from recsys.cli.catalogue import MODEL_NAMES
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session
    from recsys.workflows.holding import SplitKind

EXAMPLES = """
recsys train als --holdout 14d --event play
recsys train als --set factors=64 --set iterations=20 --seed 7 --holdout 14d
recsys train popularity --snapshot june
recsys train auto --holdout 14d               # the model that suits the data; says why
recsys train itemknn --split random --holdout 0.2      # for a log without times
recsys train --refit @latest                  # the same recipe on everything
recsys train --params-of 3f2a                 # the settings of a trial, or the best of a tuning
RUN=$(recsys train bpr --holdout 14d -q)      # stdout is the run id alone
"""


def command(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            help=f"{', '.join(MODEL_NAMES[:-1])} or {MODEL_NAMES[-1]}; auto chooses one.",
            autocompletion=completion.trainable,
            metavar="MODEL",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A hyper-parameter; may be repeated.")
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option(
            metavar="14d", help="Keep the last days apart, to be tested on; with --split, a share or a number."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="temporal|random|leave-last-out", help="What to keep apart instead: random pairs, newest items."
        ),
    ] = None,
    snapshot: Annotated[str | None, typer.Option(metavar="NAME", help="Train on a snapshot.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Makes the training repeatable.")] = None,
    refit: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="Train a run's or trial's recipe on everything.", autocompletion=completion.runs
        ),
    ] = None,
    params_of: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Train with a trial's settings, with the same part kept apart.",
            autocompletion=completion.runs,
        ),
    ] = None,
) -> None:
    """Train a model and print its run id.

    With --holdout, the newest days are kept apart, and `evaluate` and `compare` test on them. Without it the
    model learns from everything, and nothing is left to test it on. Only a split in time shows how well the past
    predicts the future; the results of the others say so.
    """
    session: Session = ctx.obj
    sources = {"--refit": refit, "--params-of": params_of}
    if sum(one is not None for one in (model, *sources.values())) != 1:
        raise ArgumentError(
            "train needs a model, --refit RUN or --params-of RUN"
            if model is None and refit is None
            else "train takes a model, --refit RUN or --params-of RUN, and one of them only",
            f"one of {', '.join((*MODEL_NAMES, 'auto'))} was expected",
            "recsys train als --holdout 14d",
        )
    from recsys import workflows
    from recsys.cli.requests import recipe_from
    from recsys.cli.results import emit_training
    from recsys.cli.words import pairs

    if model is None:
        _refuse_with_run(session, sources, settings, holdout, split, snapshot, seed)
    store = session.open_store()
    if refit is not None:
        recorded = workflows.refit(store, refit, until=session.options.get("until"), progress=session.progress)
    elif params_of is not None:
        recorded = workflows.retrain(store, params_of, progress=session.progress)
    else:
        recorded = workflows.train(
            store,
            str(model),
            params=pairs("--set", settings),
            seed=seed,
            recipe=recipe_from(session.options),
            snapshot=snapshot,
            holdout=holdout,
            split=cast("SplitKind | None", split),
            progress=session.progress,
        )
    emit_training(session, "train", recorded.run)
    for reason in recorded.run.result.get("auto", {}).get("reasons", ()):
        session.note(reason)
    session.note(
        f"trained in {recorded.run.wall_s:.1f} s. Next: recsys "
        + (
            f"recommend {recorded.run.run_id} --out recs.parquet"
            if recorded.run.recipe["holdout"] is None
            else f"evaluate {recorded.run.run_id}"
        )
    )


def _refuse_with_run(session: Session, sources: dict[str, str | None], *own: object) -> None:
    from recsys.cli.requests import recipe_from

    option = next(name for name, run in sources.items() if run is not None)
    allowed = {"until"} if option == "--refit" else set()
    others = {name: value for name, value in session.options.items() if name not in allowed}
    if any(value is not None for value in own) or recipe_from(others) is not None:
        raise ArgumentError(
            f"{option} repeats the recipe of a run",
            f"no option that changes it{' (other than --until)' if allowed else ''} was expected",
        )
