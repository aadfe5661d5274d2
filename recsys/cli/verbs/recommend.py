"""`recsys recommend`: lists for everybody into a file, or for a few users onto the terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli import completion
from recsys.cli.arguments import LISTS_FILE, FileFormat, History, K, OnUnknown, ServedAt, Users, UsersSince
from recsys.cli.sinks import STDOUT, check_sink, written
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session
    from recsys.store import Store

EXAMPLES = """
recsys recommend @latest:train --out recs.parquet
recsys recommend 3f2a --k 20 --history now --deny withdrawn.csv --out recs.parquet
recsys recommend 3f2a --users vip.csv --on-unknown skip --out vip.csv
recsys recommend 3f2a --since 2026-06-01 --out changed.jsonl
recsys recommend 3f2a --user 42 --user 43            # a look, on the terminal
recsys recommend 3f2a --rerank mmr --set-rerank attribute=genres --explore epsilon=0.1 --seed 7 --out recs.parquet
recsys recommend 3f2a --out - | gzip > recs.csv.gz   # rows on stdout, as they come
"""


def command(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            help="A run id, a unique prefix, or @latest:train.", metavar="RUN", autocompletion=completion.runs
        ),
    ],
    out: Annotated[Path | None, LISTS_FILE] = None,
    k: K = 10,
    user: Annotated[list[str] | None, typer.Option(metavar="ID", help="This user; may be repeated.")] = None,
    users: Users = None,
    since: UsersSince = None,
    history: History = None,
    at: ServedAt = None,
    rerank: Annotated[
        str | None,
        typer.Option(metavar="mmr|calibrated", help="Re-rank the best: diverse, or as in the history."),
    ] = None,
    set_rerank: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of --rerank; may be repeated.")
    ] = None,
    explore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Draw lists: epsilon=0.1, or temperature=1 (Plackett-Luce); also pool=100, by=rank|score. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Makes the draws of --explore repeatable.  [default: a new one]")
    ] = None,
    on_unknown: OnUnknown = "fallback",
    format: FileFormat = None,  # noqa: A002 - the word that users type
) -> None:
    """Write recommendations for all users, or for some.

    The file has one row a recommendation: user_id, item_id, rank, score, source (model, fallback or exploration), and
    with --explore how probable the draw was: propensity_position, propensity_slate, propensity_given_above. Beside it
    stands a manifest. No row breaks the rules of --deny, --allow and --available: the finished rows are checked once
    more.
    Without --out, the lists of --user, --users or --since are shown, if they are few.
    """
    session: Session = ctx.obj
    if out is None and not user and users is None and since is None:
        raise ArgumentError(
            "recommend has nowhere to write to", "--out FILE, or --user ID for a look, was expected",
            "--out recs.parquet",
        )  # fmt: skip
    if out is None and format is not None:
        raise ArgumentError("--format was given without --out", "a file or - was expected", "--out recs.parquet")
    check_sink(session, out)
    if user and users is not None:
        raise ArgumentError("--user and --users were both given", "one of them was expected")
    from recsys.cli.requests import eligibility_from, explorer_from, read_ids, reranker_from

    store = session.open_store()
    asked: dict[str, Any] = {
        "k": k,
        "users": list(user) if user else read_ids("--users", users, "user_id") if users is not None else None,
        "history": history,
        "at": at,
        "on_unknown": on_unknown,
        "eligibility": eligibility_from(session.options),
        "rerank": reranker_from(rerank, set_rerank),
        "explore": explorer_from(explore, seed),
        "since": since,
    }
    if out is None:
        _look(session, store, run, asked)
    else:
        _write(session, store, run, out, {**asked, "format": format})


def _write(session: Session, store: Store, run: str, out: Path, asked: dict[str, Any]) -> None:
    from recsys import workflows

    recorded = written(out, lambda sink: workflows.recommend(store, run, sink, **asked, progress=session.progress))
    if recorded is None:
        return
    for warning in recorded.run.warnings:
        session.warn(warning)
    if out != STDOUT:
        session.emit("recommend", {"run_id": recorded.run.run_id, "out": out, "summary": recorded.result}, str(out))
    session.note(f"{recorded.result}")


def _look(session: Session, store: Store, run: str, asked: dict[str, Any]) -> None:
    from recsys import workflows

    lists = workflows.look(store, run, asked.pop("users"), **asked)
    for warning in lists.warnings:
        session.warn(warning)
    # under --json the warnings stand in the envelope alone
    session.emit("recommend", {"recommendations": lists.frame}, replace(lists, warnings=()).view())
