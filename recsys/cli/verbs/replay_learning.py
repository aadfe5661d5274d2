"""`recsys replay-learning`: what policies that learn while they serve would have earned on logged impressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.words import joined, number, pairs
from recsys.core.errors import GateError

if TYPE_CHECKING:
    from recsys.cli.session import Session
    from recsys.ope import LearningReplay

EXAMPLES = """
recsys replay-learning linucb thompson --context age,country --reward click --position 1
recsys replay-learning linucb --context age --set alpha=0.5 --delay 1h --update-every 100 --reward click
recsys replay-learning thompson --log open-bandit/random/men/men.csv
recsys replay-learning als --update-every 1d --reward click --position 1     # refitted every day
recsys replay-learning thompson --log log.parquet --expand --fail-on not-estimable
"""


def command(
    ctx: typer.Context,
    policies: Annotated[
        list[str],
        typer.Argument(
            help="linucb, linear-thompson, thompson, epsilon-greedy, or a model that is refitted.", metavar="POLICY"
        ),
    ],
    log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Impressions in a file, or Open Bandit.  [those of the store]"),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only impressions since this time (UTC).")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Only impressions before this time (UTC).")] = None,
    reward: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What is earned.  [the only column of numbers]")
    ] = None,
    position: Annotated[
        int | None, typer.Option(metavar="N", help="Use the impressions at this position of their requests.")
    ] = None,
    context: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="What linear policies look at; several by commas.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="alpha=0.5", help="A parameter: alpha, scale, epsilon, ridge.")
    ] = None,
    delay: Annotated[
        str, typer.Option(metavar="N|1h", help="When a reward is known: after so many events served, or so long.")
    ] = "0",
    update_every: Annotated[
        str, typer.Option(metavar="N|1d", help="Learn when so many rewards have come, or once in so long.")
    ] = "1",
    floor: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Least propensity of any candidate.  [the least in the log]")
    ] = None,
    capped: Annotated[
        float, typer.Option(metavar="SHARE", help="Rows that may lie below the floor: more events, some bias.")
    ] = 0.0,
    expand: Annotated[
        bool, typer.Option("--expand", help="Bootstrapped replay: as long a service as the log, by repeating events.")
    ] = False,
    replicates: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Replays of the log drawn anew, for the interval.  [100, of refitted models 10]"
        ),
    ] = None,
    versions: Annotated[
        list[str] | None, typer.Option("--logged-by", metavar="POLICY", help="Only what this policy has shown.")
    ] = None,
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="Of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all draws.")] = 0,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="not-estimable,flagged", help="Exit with 6 when an estimate is."),
    ] = None,
) -> None:
    """Say what policies that learn while they serve would have earned.

    The log is gone through event by event; a policy learns from what it would itself have shown. Recorded as a run; a
    log in a file needs no store.
    """
    session: Session = ctx.obj
    from recsys.ope.checks import parse_statuses

    statuses = parse_statuses(joined(fail_on))  # a slip is told before the work
    asked: dict[str, Any] = {
        "log": log,
        "since": since,
        "until": until,
        "reward": reward,
        "position": position,
        "context": joined(context),
        "params": {name: number(f"--set {name}", word) for name, word in pairs("--set", set_).items()} or None,
        "delay": int(delay) if delay.isdecimal() else delay,
        "update_every": int(update_every) if update_every.isdecimal() else update_every,
        "floor": floor,
        "capped": capped,
        "expand": expand,
        "replicates": replicates,
        "versions": joined(versions),
        "confidence": confidence,
        "seed": seed,
    }
    run_id, found = _replay(session, policies, asked)
    failed = found.failed(statuses)
    data = {"run_id": run_id, **found.to_dict(), **({"failed": list(failed)} if statuses else {})}
    session.emit("replay-learning", data, found.view())
    if failed:
        raise GateError("; ".join(failed))
    session.note("not recorded: there is no store" if run_id is None else f"run {run_id}")


def _replay(session: Session, policies: list[str], asked: dict[str, Any]) -> tuple[str | None, LearningReplay]:
    from recsys import workflows

    if asked["log"] is not None and not session.has_store():
        return None, workflows.replay_learning_file(policies, progress=session.progress, **asked)
    run, found = workflows.replay_learning(session.open_store(), policies, progress=session.progress, **asked)
    return run.run_id, found
