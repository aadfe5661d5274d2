"""`recsys interleave generate`: one list a user out of two models'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli import completion
from recsys.cli.arguments import LISTS_FILE, FileFormat, History, K, OnUnknown, ServedAt, Users, UsersSince
from recsys.cli.sinks import STDOUT, check_sink, written

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys interleave generate 3f2a 91bc --k 10 --out lists.parquet
recsys interleave generate 3f2a 91bc --method probabilistic --seed 7 --history now --out lists.parquet
recsys interleave generate 3f2a 91bc --users panel.csv --deny withdrawn.csv --out lists.csv
"""


def command(
    ctx: typer.Context,
    run_a: Annotated[
        str, typer.Argument(help="A training run: the control.", metavar="RUN_A", autocompletion=completion.runs)
    ],
    run_b: Annotated[str, typer.Argument(help="Another one.", metavar="RUN_B", autocompletion=completion.runs)],
    out: Annotated[Path, LISTS_FILE],
    k: K = 10,
    method: Annotated[
        str, typer.Option(metavar="team-draft|balanced|probabilistic", help="How the lists are merged.")
    ] = "team-draft",
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Makes the coins repeatable.  [default: a new one]")
    ] = None,
    users: Users = None,
    since: UsersSince = None,
    history: History = None,
    at: ServedAt = None,
    on_unknown: OnUnknown = "fallback",
    format: FileFormat = None,  # noqa: A002 - the word that users type
) -> None:
    """Write interleaved lists of two trained models.

    The file has one row a shown item: user_id, item_id, rank, team (a, b, both, or nothing where the other list had
    ended), rank_a and rank_b (its places in the two models' own lists), with --method probabilistic also chance_a and
    chance_b, and method. Beside it stands a manifest. Show the lists, then ask: recsys interleave analyze.
    """
    session: Session = ctx.obj
    check_sink(session, out)
    from recsys import workflows
    from recsys.cli.requests import eligibility_from, read_ids

    asked: dict[str, Any] = {
        "k": k,
        "method": method,
        "seed": seed,
        "users": None if users is None else read_ids("--users", users, "user_id"),
        "since": since,
        "history": history,
        "at": at,
        "on_unknown": on_unknown,
        "eligibility": eligibility_from(session.options),
        "format": format,
        "progress": session.progress,
    }
    store = session.open_store()
    recorded = written(out, lambda sink: workflows.interleave(store, run_a, run_b, sink, **asked))
    if recorded is None:
        return
    for warning in recorded.run.warnings:
        session.warn(warning)
    if out != STDOUT:
        data = {"run_id": recorded.run.run_id, "out": out, "summary": recorded.result}
        session.emit("interleave-generate", data, str(out))
    session.note(f"{recorded.result}")
