"""`recsys replay`: what policies would have earned on logged impressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli import completion
from recsys.cli.words import joined, number, pairs
from recsys.core.errors import GateError

if TYPE_CHECKING:
    from recsys.cli.session import Session
    from recsys.ope import Replay
    from recsys.store import Run

EXAMPLES = """
recsys replay 3f2a --reward click
recsys replay uniform 3f2a --reward click                   # beside a policy that shows any item, all alike
recsys replay uniform --log open-bandit/bts/men/men.csv     # a log that is in no store
recsys replay new.csv --log log.parquet --reward click      # item_id, probability, and what it depends on
recsys replay 3f2a 91bc --since 2026-06-01 --reward click,minutes --estimator snips,ips --compare
recsys replay 3f2a --explore epsilon=0.1 --estimand request --interval bootstrap
recsys replay 3f2a --fail-on not-estimable,flagged          # exit code 6 when the log cannot answer
"""


def command(
    ctx: typer.Context,
    policies: Annotated[
        list[str],
        typer.Argument(
            help="Training runs, uniform, popularity, or files: item_id and probability, or the log of a policy.",
            metavar="POLICY",
            autocompletion=completion.runs,
        ),
    ],
    log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Impressions in a file, or Open Bandit.  [those of the store]"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Only impressions since this time (UTC).  [later than all training]"),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Only impressions before this time (UTC).")] = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(metavar="snips|ips|dr|…", help="Several by commas; the first decides.  [snips]"),
    ] = None,
    reward: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Several by commas; the first decides.  [the only column of numbers]"),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Against the first policy, and not against what the log has earned.")
    ] = False,
    explore: Annotated[
        list[str] | None,
        typer.Option(metavar="epsilon=0.1|temperature=1", help="Lists drawn at random, and not the best items."),
    ] = None,
    versions: Annotated[
        list[str] | None, typer.Option("--logged-by", metavar="NAME", help="Only what this policy has shown.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="KIND", help="Events that popularity counts.  [those of the models]")
    ] = None,
    estimand: Annotated[
        str | None,
        typer.Option(metavar="impression|request|user", help="What values are the mean over.  [by the estimator]"),
    ] = None,
    interval: Annotated[
        str, typer.Option(metavar="delta|bootstrap|bernstein|exact|sequence", help="How intervals are made.")
    ] = "delta",
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="Of the intervals.")] = 0.95,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="clip=10", help="A parameter: clip, threshold, shrinkage.  [chosen by SLOPE]"),
    ] = None,
    bound: Annotated[
        float | None, typer.Option(metavar="VALUE", help="Known largest weight × reward, for bernstein and sequence.")
    ] = None,
    lowest: Annotated[float, typer.Option(metavar="VALUE", help="Known least weight × reward, likewise.")] = 0.0,
    reward_range: Annotated[
        str | None,
        typer.Option(metavar="LOW,HIGH", help="Known bounds of rewards: they bound what is never shown."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap and of rejection sampling.")] = 0,
    k: Annotated[
        int | None, typer.Option("--k", "-k", metavar="N", help="Slots of a list.  [the positions of the log]")
    ] = None,
    categories: Annotated[
        str | None, typer.Option(metavar="FILE", help="item_id and a category of each item, for mips.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of --categories.  [category, or the only one]")
    ] = None,
    logger: Annotated[
        str | None, typer.Option(metavar="uniform|FILE", help="The policy that wrote the log, for mips.")
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="not-estimable,flagged", help="Exit with 6 when an estimate is."),
    ] = None,
) -> None:
    """Say what policies would have earned on logged impressions.

    Or why the log cannot tell. Users are served with their history as of each request. A replay is recorded as a run; a
    log in a file needs no store, unless a policy does.
    """
    session: Session = ctx.obj
    from recsys.cli.requests import eligibility_from, explorer_from
    from recsys.ope.checks import parse_statuses

    statuses = parse_statuses(joined(fail_on))  # a slip is told before the work
    asked: dict[str, Any] = {
        "log": log,
        "since": since,
        "until": until,
        "estimator": joined(estimator) or ("snips",),
        "reward": joined(reward) or None,
        "compare": compare,
        "explore": explorer_from(explore, None),
        "versions": joined(versions),
        "estimand": estimand,
        "interval": interval,
        "confidence": confidence,
        "parameters": {name: number(f"--set {name}", word) for name, word in pairs("--set", set_).items()} or None,
        "bound": bound,
        "lowest": lowest,
        "reward_range": None if reward_range is None else _range(reward_range),
        "seed": seed,
        "k": k,
        "categories": categories,
        "category": category,
        "logger": logger,
        "eligibility": eligibility_from(session.options),
    }
    recorded, found = _replay(session, policies, asked, event)
    for warning in () if recorded is None else recorded.warnings:
        if warning not in (*found.warnings, *found.notes):
            session.warn(warning)
    run_id = None if recorded is None else recorded.run_id
    data = {"run_id": run_id, **found.to_dict()}
    failed = found.failed(statuses)
    if statuses:
        data["failed"] = list(failed)
    session.emit("replay", data, found.view())
    if failed:
        raise GateError("; ".join(failed))
    session.note("not recorded: there is no store" if run_id is None else f"run {run_id}")


def _replay(
    session: Session, policies: list[str], asked: dict[str, Any], event: str | None
) -> tuple[Run | None, Replay]:
    """Replay on the store, or without one when there is none and nothing needs it."""
    from recsys import workflows
    from recsys.workflows.replay_policies import needs_store

    if asked["log"] is not None and not any(map(needs_store, policies)) and not session.has_store():
        return None, workflows.replay_file(policies, progress=session.progress, **asked)
    return workflows.replay(session.open_store(), policies, event=event, progress=session.progress, **asked)


def _range(text: str) -> tuple[float, float]:
    from recsys.core.errors import ArgumentError

    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"--reward-range is {text!r}", "two numbers with a comma were expected", "use 0,1"
        ) from None
    return low, high
