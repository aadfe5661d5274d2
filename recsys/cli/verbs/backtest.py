"""`recsys backtest`: training and testing over advancing time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli import completion
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys backtest popularity als --event play --windows 4 --test 7d
recsys backtest als bpr --set als.factors=128 --seed 1 --seed 2 --metrics ndcg@10
"""


def command(
    ctx: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(help="Model names.", metavar="MODEL…", autocompletion=completion.models),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="MODEL.NAME=VALUE", help="A hyper-parameter of a model; may be repeated."),
    ] = None,
    windows: Annotated[int, typer.Option(metavar="N", help="How many windows of time.")] = 4,
    test: Annotated[str, typer.Option(metavar="14d", help="The length of the test part of a window.")] = "14d",
    snapshot: Annotated[str | None, typer.Option(metavar="NAME", help="Use a snapshot.")] = None,
    seed: Annotated[list[int] | None, typer.Option(metavar="N", help="Seeds; may be repeated.")] = None,
    metrics: Annotated[list[str] | None, typer.Option(metavar="ndcg@10,…", help="Metrics; may be repeated.")] = None,
) -> None:
    """Train and test over several windows of time."""
    session: Session = ctx.obj
    from recsys import workflows
    from recsys.cli.requests import recipe_from
    from recsys.cli.results import emit_measured
    from recsys.cli.words import joined

    chosen = {name: (name, params) for name, params in _by_model(models, settings or []).items()}
    wanted: dict[str, Any] = {"metrics": joined(metrics)} if metrics else {}
    recorded = workflows.backtest(
        session.open_store(),
        chosen,
        recipe=recipe_from(session.options),
        snapshot=snapshot,
        windows=windows,
        test=test,
        seeds=tuple(seed or (0,)),
        progress=session.progress,
        **wanted,
    )
    emit_measured(session, "backtest", recorded.run, recorded.result)


def _by_model(models: list[str], settings: list[str]) -> dict[str, dict[str, str]]:
    """Return the parameters of each model from ``MODEL.NAME=VALUE`` words."""
    from recsys.cli.words import pairs

    found: dict[str, dict[str, str]] = {name: {} for name in models}
    for path, value in pairs("--set", settings).items():
        model, dot, name = path.partition(".")
        if not dot or model not in found:
            raise ArgumentError(f"--set is {path!r}", f"MODEL.NAME=VALUE with one of {', '.join(models)} was expected")
        found[model][name] = value
    return found
