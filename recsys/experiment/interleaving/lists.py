"""Two ranked lists a user, read from frames or recommendations into arrays: what interleaving starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.core.frames import as_polars
from recsys.dataset import Vocabulary
from recsys.dataset.vocabulary import id_series
from recsys.scoring import Recommendations


class ListDefects(NamedTuple):
    """What was found in the lists of the two rankers and mended.

    Attributes
    ----------
    repeated : int
        Rows left out because the same item stood higher in the same list.
    tied : int
        Rows with a rank that another item of the list has too; the smaller item id goes first.
    only_in_a, only_in_b : int
        Users whom one ranker only has a list for: nothing can be compared on them, so they are left out.
    """

    repeated: int
    tied: int
    only_in_a: int
    only_in_b: int


@dataclass(frozen=True, slots=True)
class PairedLists:
    """The lists of the users that both rankers serve; rows are users, ordered by id.

    Attributes
    ----------
    users : Series
        (n,) external ids.
    items : Vocabulary
        What the codes mean.
    a, b : (n, depth) int32
        Item codes, best first; −1 behind the end of a list.
    a_in_b, b_in_a : (n, depth) int32
        The place of each item in the other list, from 0; −1: it is not there.
    defects : ListDefects
    """

    users: pl.Series
    items: Vocabulary
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    a_in_b: NDArray[np.int32]
    b_in_a: NDArray[np.int32]
    defects: ListDefects


def pair_lists(a: object, b: object, names: tuple[str, str] = ("a", "b")) -> PairedLists:
    """Read the lists of two rankers.

    Parameters
    ----------
    a, b : Recommendations or frame
        Columns user_id, item_id, rank (the smallest is the best). Order of rows, gaps between ranks and lengths of the
        lists do not matter.
    names : (str, str)
        What messages call the two.

    Raises
    ------
    DataError
        A column is missing, a value is null, or one has integer ids and the other text.
    """
    tables = [_rows(each, name) for each, name in zip((a, b), names, strict=True)]
    users = [Vocabulary.from_ids(table["user_id"]) for table in tables]
    for column in ("user_id", "item_id"):
        kinds = [table[column].dtype for table in tables if len(table)]
        if len(set(kinds)) > 1:
            raise DataError(
                f"{column} has the types {kinds[0]} and {kinds[1]} in the two lists", "one type was expected"
            )
    both = Vocabulary(users[0].ids.filter(users[1].encode(users[0].ids) >= 0).rename("user_id"))
    items = Vocabulary.from_ids(*(table["item_id"] for table in tables))
    read = [_matrix(table, both, items) for table in tables]
    defects = ListDefects(
        sum(each.repeated for each in read),
        sum(each.tied for each in read),
        *(len(each) - len(both) for each in users),
    )
    left, right = read[0].codes, read[1].codes
    width = max(len(items), 1)
    return PairedLists(both.ids, items, left, right, _places(left, right, width), _places(right, left, width), defects)


class _Read(NamedTuple):
    codes: NDArray[np.int32]
    repeated: int
    tied: int


def _rows(lists: object, name: str) -> pl.DataFrame:
    """Return the three columns of a ranker's lists, checked."""
    frame = lists.to_polars() if isinstance(lists, Recommendations) else as_polars(lists, f"the lists of {name}")
    missing = [column for column in ("user_id", "item_id", "rank") if column not in frame.columns]
    if missing:
        raise DataError(f"the lists of {name} have no column {missing[0]!r}", "user_id, item_id and rank were expected")
    rank = frame["rank"]
    if not rank.dtype.is_numeric():
        raise DataError(
            f"rank of {name} has the type {rank.dtype}", "numbers were expected, the best item's the smallest"
        )
    if rank.null_count() or not bool(rank.cast(pl.Float64).is_finite().all()):
        raise DataError(f"a rank of {name} is missing or not finite", "a rank in every row was expected")
    ids = [id_series(frame[column], name=column).rename(column) for column in ("user_id", "item_id")]
    return pl.DataFrame([*ids, rank])


def _matrix(table: pl.DataFrame, users: Vocabulary, items: Vocabulary) -> _Read:
    """Return the lists of some users as rows of codes; repeats dropped, ties broken by item id."""
    user, item = users.encode(table["user_id"]), items.encode(table["item_id"])
    rank = table["rank"].cast(pl.Float64).to_numpy()
    kept = np.flatnonzero(user >= 0)
    order = kept[np.lexsort((item[kept], rank[kept], user[kept]))]
    user, item, rank = user[order], item[order], rank[order]
    pairs = user.astype(np.int64) * max(len(items), 1) + item
    _, first = np.unique(pairs, return_index=True)  # the first of equal pairs, so that of the best rank
    first.sort()
    user, item, rank = user[first], item[first], rank[first]
    starts = np.searchsorted(user, np.arange(len(users) + 1))
    place = np.arange(len(user)) - starts[user]
    codes = np.full((len(users), int(np.diff(starts).max(initial=0))), -1, np.int32)
    codes[user, place] = item
    same = (user[1:] == user[:-1]) & (rank[1:] == rank[:-1])
    tied = np.zeros(len(user), np.bool_)
    tied[1:] |= same
    tied[:-1] |= same
    return _Read(codes, len(order) - len(first), int(tied.sum()))


def _places(of: NDArray[np.int32], within: NDArray[np.int32], n_items: int) -> NDArray[np.int32]:
    """Return where each item of a row stands in the same row of the other lists; −1 where it does not."""
    n, depth = within.shape
    if not depth:
        return np.full(of.shape, -1, np.int32)
    rows = np.arange(n, dtype=np.int64)[:, None] * (n_items + 1)
    keys = (rows + within + 1).ravel()
    order = np.argsort(keys, kind="stable")
    wanted = (rows + of + 1).ravel()
    found = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    at = order[found]
    hit = (keys[at] == wanted) & (of.ravel() >= 0)
    return np.where(hit, at % depth, -1).astype(np.int32).reshape(of.shape)
