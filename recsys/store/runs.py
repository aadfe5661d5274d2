"""Runs: one row for each finished job, written in one transaction after all work is done."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.hashing import canonical_json
from recsys.display import Card, View
from recsys.store import sql
from recsys.store.arrow import fetch_frame, offered

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KINDS = (
    "train",
    "evaluate",
    "compare",
    "backtest",
    "tune",
    "trial",
    "recommend",
    "analysis",
    "replay",
    "replay-learning",
    "interleave",
    "interleave-analysis",
)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: in order, and nothing that looks like another
_EPOCH_S = 1_735_689_600  # 2025-01-01 UTC
_TICKS_PER_S = 32
_TIME_DIGITS, _RANDOM_DIGITS = 7, 5


@dataclass(frozen=True)
class Run(Card):
    """One finished job, with all that is needed to understand and repeat it.

    Attributes
    ----------
    run_id : str
        Sorts by the time at which the job began.
    kind : {"train", "evaluate", "compare", "backtest", "tune", "trial", "recommend", "analysis", "replay",
        "replay-learning", "interleave", "interleave-analysis"}
        What was done; a trial is one setting of a tuning, an analysis is one of an experiment.
    created_at : datetime
        When it was finished (UTC).
    recipe : mapping
        Everything that was asked for, defaults included: model, params, data, holdout, cut, metrics, ….
    seed : int or None
        The seed, where the job has one.
    snapshot_id : str or None
        The data that was read.
    parents : tuple of str
        The runs that it was made from.
    trained_through : datetime or None
        The newest training event.
    versions : mapping of str to str
        Libraries and CPU family.
    metrics : mapping of str to float
        What came out, in single numbers.
    result : mapping
        All that came out, as plain values: intervals, segments, tests, conventions.
    wall_s, peak_rss_mb : float
        Duration in seconds; the most memory that the process had held by the end of the job, in MB.
    artifact : str or None
        SHA-256 of the fitted model.
    status : str
        ``"finished"``: a job that failed leaves no row. Trials may also be ``"pruned"`` or ``"failed"``.
    repeatable : bool
        False where the data or the model is gone, e.g. after a person was forgotten.
    warnings : tuple of str
        What a reader of the numbers should know.
    view : mapping or None
        What the result showed, as `View.to_dict` gives it. None for a run of an earlier version, a trial, and where it
        named a person who was forgotten.
    """

    run_id: str
    kind: str
    created_at: datetime
    recipe: Mapping[str, Any]
    seed: int | None = None
    snapshot_id: str | None = None
    parents: tuple[str, ...] = ()
    trained_through: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    wall_s: float = 0.0
    peak_rss_mb: float = 0.0
    artifact: str | None = None
    status: str = "finished"
    repeatable: bool = True
    warnings: tuple[str, ...] = ()
    view: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Run({self.run_id}, {self.kind}, {self.status}, {self.created_at:%Y-%m-%d %H:%M})"

    def card(self) -> View:
        """Return what a notebook shows: what was done, and what the result had shown."""
        from recsys.store.cards import run_card

        return run_card(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain values."""
        plain = asdict(self)
        for name in ("created_at", "trained_through"):
            plain[name] = None if plain[name] is None else plain[name].isoformat()
        return {**plain, "parents": list(self.parents), "warnings": list(self.warnings)}


_NAMES = tuple(part.name for part in fields(Run))
_JSON = ("recipe", "parents", "versions", "metrics", "result", "warnings", "view")


def new_run_id(now: float | None = None) -> str:
    """Return an id of 12 characters: the time in 1/32 s, then 25 random bits, so that writers need not agree.

    Parameters
    ----------
    now : float, optional
        Seconds since 1970; by default the clock.

    Examples
    --------
    >>> new_run_id(1_800_000_000.0) < new_run_id(1_800_000_000.1)
    True
    """
    ticks = int(((time.time() if now is None else now) - _EPOCH_S) * _TICKS_PER_S)
    return _base32(max(ticks, 0), _TIME_DIGITS) + _base32(secrets.randbits(5 * _RANDOM_DIGITS), _RANDOM_DIGITS)


def add_run(con: DuckDBPyConnection, run: Run, per_user: pl.DataFrame | None = None) -> None:
    """Write a run and its per-user metrics inside the caller's transaction.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor in a write transaction.
    run : Run
        The row.
    per_user : polars.DataFrame, optional
        `user_id`, `metric`, `value`; nulls and NaN are left out.
    """
    one_of("kind", run.kind, KINDS)
    values = [_json(getattr(run, name)) if name in _JSON else getattr(run, name) for name in _NAMES]
    con.execute(f"INSERT INTO runs ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})", values)
    if per_user is None or not len(per_user):
        return
    with offered(con, "incoming_user_metrics", per_user.select("user_id", "metric", "value")) as incoming:
        con.execute(
            f"INSERT INTO user_metrics SELECT ?, k.user_key, m.metric, m.value FROM {incoming} m"
            " JOIN user_keys k ON k.user_id = m.user_id WHERE m.value IS NOT NULL AND NOT isnan(m.value)"
            " ORDER BY m.metric, k.user_key",
            [run.run_id],
        )


def refuse_forgotten(con: DuckDBPyConnection, since: datetime) -> None:
    """Raise DataError if a person was forgotten since a job began: what it computed may still hold them."""
    if sql.one_row(con, "SELECT count(*) FROM audit WHERE action = 'forget' AND happened_at >= ?", [since])[0]:
        raise DataError("a person was forgotten while the job ran", "nothing of it was kept", "run it again")


def find_run(con: DuckDBPyConnection, ref: str | Run, kinds: Collection[str] = KINDS) -> Run:
    """Return a run by its id, a unique beginning of it, ``@latest``, or ``@latest:train``.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    ref : str or Run
        The reference; a `Run` stands for its id.
    kinds : collection of str
        What ``@latest`` looks at.

    Raises
    ------
    NotFoundError
        There is none.
    ArgumentError
        Several ids begin so, or the run that is named is of another kind.
    """
    ref = ref.run_id if isinstance(ref, Run) else ref
    if ref.startswith("@"):
        return _latest(con, ref, kinds)
    found = _select(con, "WHERE starts_with(run_id, ?) ORDER BY run_id DESC LIMIT 4", [ref]) if ref else []
    if not found:
        raise NotFoundError(
            f"there is no run {ref!r}",
            "a run id, a unique beginning of one, or @latest was expected",
            "recsys runs list",
        )
    if len(found) > 1:
        named = ", ".join(run.run_id for run in found[:3]) + (", …" if len(found) > 3 else "")
        raise ArgumentError(f"run {ref!r} is ambiguous ({named})", "a unique beginning of a run id was expected")
    if found[0].kind not in kinds:
        raise ArgumentError(
            f"run {found[0].run_id} is of kind {found[0].kind!r}",
            f"a run of kind {' or '.join(kinds)} was expected",
            f"use @latest:{next(iter(kinds))}",
        )
    return found[0]


def find_trials(con: DuckDBPyConnection, ref: str | Run) -> list[Run]:
    """Return the trials of a tuning, in the order in which they were over.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    ref : str or Run
        The id of the tuning or of one of its trials, a unique beginning of it, or ``@latest``; a `Run` stands for its
        id. A tuning that was interrupted has no run of its own yet; its trials name it.

    Raises
    ------
    NotFoundError
        There is none.
    ArgumentError
        Several ids begin so, or the run that is named is of another kind.
    """
    kinds = ("tune", "trial")
    ref = ref.run_id if isinstance(ref, Run) else ref
    if ref.startswith("@"):
        found = {str(_latest(con, ref, kinds).recipe["tuning"])}
    else:
        rows = con.execute(
            "SELECT DISTINCT recipe->>'$.tuning' FROM runs WHERE kind IN ('tune', 'trial')"
            " AND (starts_with(run_id, ?) OR starts_with(recipe->>'$.tuning', ?))",
            [ref, ref],
        ).fetchall()
        found = {str(row[0]) for row in rows if ref}
    if len(found) > 1:
        raise ArgumentError(f"tuning {ref!r} is ambiguous ({', '.join(sorted(found)[:3])})", "a whole id was expected")
    trials = _select(
        con, "WHERE kind = 'trial' AND recipe->>'$.tuning' = ? ORDER BY created_at, run_id", sorted(found)[:1] or [""]
    )
    if not trials:
        others = _select(con, "WHERE starts_with(run_id, ?) LIMIT 1", [ref]) if ref else []
        if others:
            raise ArgumentError(
                f"run {others[0].run_id} is of kind {others[0].kind!r}",
                "a tuning or one of its trials was expected",
                "recsys runs list --kind tune",
            )
        raise NotFoundError(
            f"there is no tuning {ref!r}", "a run of tune with a trial was expected", "recsys runs list --kind tune"
        )
    return trials


def list_runs(con: DuckDBPyConnection, kind: str | None = None, limit: int | None = None) -> pl.DataFrame:
    """Return one row a run, the newest first: run_id, kind, created_at, model, snapshot_id, …, metrics as JSON text.

    `experiment` and `asked_for` are the experiment's name and the question: analyze, monitor, decide or validate.
    Trials are many: they are listed only if `kind` is ``"trial"``.
    """
    conditions, params = "WHERE kind != 'trial'", []
    if kind is not None:
        conditions, params = "WHERE kind = ?", [one_of("kind", kind, KINDS)]
    bound = "" if limit is None else f"LIMIT {positive_int('limit', limit)}"
    return fetch_frame(
        con,
        "SELECT run_id, kind, created_at,"
        " coalesce(recipe->>'$.model', array_to_string(json_keys(recipe->'$.models'), ', ')) AS model, snapshot_id,"
        " recipe->>'$.experiment' AS experiment, recipe->>'$.asked_for' AS asked_for,"
        " view->>'$.title' AS conclusion, seed, trained_through, metrics, wall_s, peak_rss_mb,"
        " artifact, status, repeatable,"
        f" json_array_length(warnings)::INTEGER AS warnings FROM runs {conditions}"
        f" ORDER BY created_at DESC, run_id DESC {bound}",
        params,
    )


def read_user_metrics(con: DuckDBPyConnection, run_id: str) -> pl.DataFrame:
    """Return the per-user metrics of a run: user_id, metric, value."""
    return fetch_frame(
        con,
        "SELECT k.user_id, m.metric, m.value FROM user_metrics m JOIN user_keys k USING (user_key)"
        " WHERE m.run_id = ? ORDER BY m.metric, k.user_id",
        [run_id],
    )


def diff(first: Run, second: Run) -> pl.DataFrame:
    """Return what differs between two runs: field, first, second, all as text; nested fields are joined by dots.

    Examples
    --------
    >>> now = datetime(2026, 1, 1)
    >>> one, two = (Run(name, "train", now, {"params": {"factors": n}}) for name, n in (("a", 32), ("b", 64)))
    >>> diff(one, two).rows()
    [('run_id', 'a', 'b'), ('recipe.params.factors', '32', '64')]
    """
    # A view shows what the other fields hold.
    left, right = (dict(_flat(_plain({**run.to_dict(), "view": None}))) for run in (first, second))
    names = [name for name in dict.fromkeys([*left, *right]) if left.get(name) != right.get(name)]
    rows = [(name, left.get(name), right.get(name)) for name in names]
    return pl.DataFrame(rows, schema={"field": pl.String, "first": pl.String, "second": pl.String}, orient="row")


def _latest(con: DuckDBPyConnection, ref: str, kinds: Collection[str]) -> Run:
    word, _, kind = ref.partition(":")
    if word != "@latest":
        raise NotFoundError(f"there is no reference {ref!r}", "@latest or @latest:train was expected")
    wanted = [one_of("kind", kind, KINDS)] if kind else list(kinds)
    marks = ", ".join("?" * len(wanted))
    found = _select(con, f"WHERE kind IN ({marks}) ORDER BY created_at DESC, run_id DESC LIMIT 1", wanted)
    if not found:
        named = f"{' or '.join(wanted)} " if len(wanted) < len(KINDS) else ""
        raise NotFoundError(f"the store has no {named}run yet", "", "recsys train als --holdout 14d")
    if found[0].kind not in kinds:
        raise ArgumentError(
            f"{ref} is of kind {kind!r}",
            f"a run of kind {' or '.join(kinds)} was expected",
            f"use @latest:{next(iter(kinds))}",
        )
    return found[0]


def _select(con: DuckDBPyConnection, condition: str, params: list[Any]) -> list[Run]:
    rows = con.execute(f"SELECT {', '.join(_NAMES)} FROM runs {condition}", params).fetchall()
    return [_run(dict(zip(_NAMES, row, strict=True))) for row in rows]


def _run(row: dict[str, Any]) -> Run:
    for name in _JSON:
        row[name] = None if row[name] is None else json.loads(row[name])
    for name in ("parents", "warnings"):
        row[name] = tuple(row[name])
    return Run(**row)


def _json(value: Any) -> str | None:
    return None if value is None else canonical_json(_plain(value))


def _plain(value: Any) -> Any:
    """Return JSON values: times as ISO text, numbers that JSON does not have as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, value if isinstance(value, str) else canonical_json(value)


def _base32(number: int, digits: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(digits)))
