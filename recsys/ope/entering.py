"""From a frame of impressions to `LoggedFeedback`: every demand on a log is checked here, once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.dataset import Vocabulary, id_series
from recsys.dataset.columns import micros_of
from recsys.ope.entry_checks import check_propensities, finite_column, refuse, whole_positions
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.ordering import Keys, Order, order_of

PROPENSITIES = ("propensity_position", "propensity_given_above", "propensity_slate")
_ARRAYS = ("ts", "user_id", "item_id", "position", *PROPENSITIES, "policy", "policy_version")
_NO_REWARDS = ("request_id", "viewed", "candidate_set", "event_id", "rank", "score", "explored", "source")
_LOOK_ALIKE = ("propensity", "propensity_score", "propensityscore", "pscore", "action_prob", "probability", "prob", "p")
_NO_OUTCOMES = {*_ARRAYS, *_NO_REWARDS, *_LOOK_ALIKE}
UNKNOWN_VERSION = "unknown"


def feedback_of(frame: object, reward: str | Sequence[str] | None) -> LoggedFeedback:
    """Return the checked log of a frame; see `LoggedFeedback.from_frame`."""
    table = _table_of(frame)
    rewards = _reward_names(table, reward)
    items_of_rows = id_series(_needed(table, "item_id"), name="item_id")
    columns, has_requests = set(table.columns), "request_id" in table.columns
    positions = whole_positions(table) if "position" in columns else np.ones(len(table), np.int32)
    values = {name: finite_column(table, name, "a reward") for name in rewards}
    logged = {name: check_propensities(table, name) for name in PROPENSITIES if name in columns}
    times = micros_of(table["ts"]) if "ts" in columns and len(table) else None
    user_ids = _optional_ids(table["user_id"]) if "user_id" in columns else None
    users = None if user_ids is None else Vocabulary.from_ids(user_ids.drop_nulls())
    user_codes = None if users is None or user_ids is None else users.encode(user_ids)
    items = Vocabulary.from_ids(items_of_rows)
    actions = items.encode(items_of_rows)
    order = order_of(table, Keys(times, user_codes, actions, positions if "position" in columns else None))
    if has_requests:
        _one_a_request(table, order, user_id=user_codes, propensity_slate=logged.get("propensity_slate"))
    versions, version_codes = _versions(table)
    propensities, notes = _propensities(logged, order, has_requests and "position" in columns)
    rest = [name for name in table.columns if name not in {*_ARRAYS, *rewards}]
    rows = order.rows
    feedback = LoggedFeedback(
        offsets=order.offsets,
        items=items,
        actions=actions[rows],
        positions=positions[rows],
        rewards={name: column[rows] for name, column in values.items()},
        propensities=propensities,
        users=users,
        user_codes=None if user_codes is None else user_codes[rows],
        times=None if times is None else times[rows],
        versions=versions,
        version_codes=version_codes[rows],
        context=table.select(pl.col(rest).gather(pl.Series(rows))) if rest else pl.DataFrame(height=len(table)),
        has_requests=has_requests,
        has_positions="position" in columns,
        duplicates=order.duplicates,
        copies=order.copies,
    )
    if reward is None and len(rewards) > 1:
        notes.append(f"rewards: {', '.join(rewards)}, all columns of numbers; name those that count with reward=")
    return feedback.noted(*notes, *_notes(feedback))


def _table_of(frame: object) -> pl.DataFrame:
    if isinstance(frame, str | PurePath):
        raise ArgumentError(
            f"the log is the path {str(frame)!r}",
            "a frame of impressions was expected",
            "pl.read_csv(path) reads one, recsys.layouts.load_layout('open-bandit', path)['impressions'] that of Open"
            " Bandit; on the command line recsys replay POLICY --log FILE takes both",
        )
    return _without_empty_columns(as_polars(frame, "the log", ids=("item_id", "user_id", "request_id")))


def _optional_ids(column: pl.Series) -> pl.Series:
    """Return ids with nulls; NaN is how pandas says that a whole number is missing."""
    return id_series(column.fill_nan(None) if column.dtype.is_float() else column, nulls=True, name=column.name)


def _without_empty_columns(table: pl.DataFrame) -> pl.DataFrame:
    """Leave out columns that hold nothing but nulls: a store has all the columns that a log may have."""
    objects = [name for name, dtype in table.schema.items() if dtype == pl.Object]
    if objects:
        raise DataError(f"column {objects[0]!r} holds Python objects", "plain values were expected", "drop or cast it")
    if not len(table):
        return table
    return table.select(name for name in table.columns if table[name].null_count() < len(table))


def _needed(table: pl.DataFrame, name: str) -> pl.Series:
    if name not in table.columns:
        raise NotFoundError(
            f"column {name!r} is missing (found: {', '.join(table.columns) or 'none'})",
            f"a log of impressions with {name!r} was expected",
            "rename the column first",
        )
    return table[name]


def _reward_names(table: pl.DataFrame, reward: str | Sequence[str] | None) -> list[str]:
    """Return the columns that are rewards: those named, else all numbers that are nothing else."""
    if not any(name in table.columns for name in PROPENSITIES):
        for name in table.columns:
            if name.lower() in _LOOK_ALIKE:
                raise DataError(
                    f"column {name!r} looks like a propensity, and the log has no column of that meaning",
                    f"{', '.join(PROPENSITIES)} were expected",
                    f"rename {name} to what it is, or drop it",
                )
    if reward is not None:
        if not isinstance(reward, str | Sequence):
            raise ArgumentError(f"reward is {reward!r}", "the name of a column, or several, was expected")
        names = [reward] if isinstance(reward, str) else list(reward)
        for name in names:
            if name not in table.columns:
                near = did_you_mean(str(name), table.columns)
                raise NotFoundError(f"the log has no column {name!r}", f"it has {', '.join(table.columns)}", near)
            if name in (*_ARRAYS, "request_id"):
                raise ArgumentError(f"reward is {name!r}", "a column of outcomes such as 'click' was expected")
        return list(dict.fromkeys(names))
    numbers = _numbers(table)
    if not numbers:
        raise NotFoundError(
            f"the log has no reward (found: {', '.join(table.columns)})",
            "a column of numbers, such as click or minutes, was expected",
            _text_to_cast(table),
        )
    return numbers


def _text_to_cast(table: pl.DataFrame) -> str:
    """Return the advice where no column is numbers: outcomes that came as text, such as yes and no."""
    text = [name for name, dtype in table.schema.items() if name not in _NO_OUTCOMES and dtype == pl.String]
    if not text or not len(table):
        return "add what each impression has earned"
    told = f"{', '.join(text)} {'is' if len(text) == 1 else 'are'} text such as {table[text[0]].drop_nulls()[0]!r}"
    return f"{told}: make the outcome 0 and 1, or true and false"


def _numbers(table: pl.DataFrame) -> list[str]:
    return [
        name
        for name, dtype in table.schema.items()
        if name and name not in _NO_OUTCOMES and (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null))
    ]


def one_reward(frame: object, reward: str | Sequence[str] | None) -> str | Sequence[str] | None:
    """Return the rewards asked for; without, the one column that can be it.

    Raises
    ------
    ArgumentError
        Several columns are numbers: which of them count, and which decides, only the user knows.

    Examples
    --------
    >>> one_reward({"item_id": ["a"], "click": [1]}, None)
    """
    if reward is not None:
        return reward
    table = _table_of(frame)
    names = _numbers(table)
    if len(names) > 1 and "item_id" in table.columns:
        raise ArgumentError(
            f"the log has several columns that may be the reward: {', '.join(names)}",
            "those that count were expected, the one that decides first",
            f"give reward={names[0]!r}",
        )
    return None


def _one_a_request(table: pl.DataFrame, order: Order, **columns: NDArray[np.generic] | None) -> None:
    """Refuse what differs within a request and must not: its user, the propensity of its list."""
    inside = np.ones(len(table), np.bool_)
    inside[order.offsets[:-1]] = False
    for name, column in columns.items():
        if column is None:
            continue
        values = column[order.rows]
        bad = np.zeros(len(table), np.bool_)
        bad[order.rows[inside & np.append(False, values[1:] != values[:-1])[: len(values)]]] = True
        refuse(table, bad, f"{name} differs within a request", f"one {name} a request was expected")


def _versions(table: pl.DataFrame) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names of the policies that wrote the log, sorted, and the code of each row."""
    parts = [pl.col(name).cast(pl.String) for name in ("policy", "policy_version") if name in table.columns]
    if not parts or not len(table):
        return (UNKNOWN_VERSION,) if len(table) else (), np.zeros(len(table), np.int32)
    named = table.select(pl.concat_str(parts, separator="/", ignore_nulls=True).alias("name"))["name"]
    named = named.set(named == "", None).fill_null(UNKNOWN_VERSION)
    vocabulary = Vocabulary.from_ids(named)
    return tuple(vocabulary.ids), vocabulary.encode(named)


def _propensities(
    logged: dict[str, NDArray[np.float64]], order: Order, has_lists: bool
) -> tuple[Propensities, list[str]]:
    """Return the propensities in the canonical order; those of lists need to know the lists."""
    position, above, slate = (logged.get(name) for name in PROPENSITIES)
    notes = []
    if not has_lists and (above is not None or slate is not None):
        names = [name for name in PROPENSITIES[1:] if name in logged]
        notes = [f"{' and '.join(names)} left out: the log does not name requests and positions"]
        above = slate = None
    rows, starts = order.rows, order.offsets[:-1]
    return (
        Propensities(
            None if position is None else position[rows],
            None if above is None else above[rows],
            None if slate is None else slate[rows][starts],
        ),
        notes,
    )


def _notes(feedback: LoggedFeedback) -> list[str]:
    known = [kind for kind in feedback.propensities if kind is not None]
    notes = []
    if not len(feedback):
        notes.append("the log is empty")
    elif not known:
        notes.append("the log has no propensities: they can be estimated, or only direct methods serve")
    elif any(bool((kind == 1).all()) for kind in known):
        notes.append("the logging policy is deterministic (all propensities are 1): not estimable by weighting")
    if feedback.duplicates:
        notes.append(f"{feedback.duplicates:,} rows repeat another one in all columns; they were kept")
    gaps = feedback.gaps
    if gaps:
        notes.append(f"{gaps:,} of {feedback.n_slates:,} requests lack positions: rows of their lists are missing")
    return notes
