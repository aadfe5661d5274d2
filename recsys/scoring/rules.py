"""The rules behind `Eligibility`. Each answers two questions, independently written, and only ever takes pairs away.

``closed(...)``: which cells of groups × items are closed — masks for the kernels. ``forbids(pairs, at)``: which named
pairs are forbidden — plain frame operations, the hard check of rows that are about to leave the house. Ids are kept as
text; `Vocabulary.encode` understands it for integer ids too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.dataset import Vocabulary

Mask = NDArray[np.bool_]


class GroupRule(Protocol):
    """A rule over items and groups of users."""

    @property
    def by(self) -> str | None:
        """The user attribute that makes the groups; None: the rule is for everyone."""

    @property
    def items(self) -> pl.Series:
        """The item ids that the rule names."""

    def closed(self, groups: pl.Series | None, items: Vocabulary, at: int) -> Mask:
        """Return (n_groups, n_items) bool, one row where `by` is None; True = closed."""

    def forbids(self, pairs: pl.DataFrame, at: int) -> pl.Series:
        """Return a boolean for each row of `pairs`: user_id and item_id as text, and the user's attributes."""


@dataclass(frozen=True, eq=False)
class ItemRule:
    """Items closed for everyone, or, with ``allow``, the only items open to anyone."""

    items: pl.Series
    allow: bool
    by: None = None

    def closed(self, groups: pl.Series | None, items: Vocabulary, at: int) -> Mask:
        """Return the (1, n_items) mask of closed items."""
        listed = named(items, self.items)
        return (~listed if self.allow else listed)[None, :]

    def forbids(self, pairs: pl.DataFrame, at: int) -> pl.Series:
        """Return whether each pair's item is closed."""
        listed = pairs["item_id"].is_in(self.items.implode())
        return ~listed if self.allow else listed


@dataclass(frozen=True, eq=False)
class GroupDenial:
    """Items closed for users whose attribute has one of the values, or is missing."""

    items: pl.Series
    by: str
    values: pl.Series

    def closed(self, groups: pl.Series | None, items: Vocabulary, at: int) -> Mask:
        """Return the (n_groups, n_items) mask of closed items."""
        return self._concerns(group_keys(groups, self.by)).to_numpy()[:, None] & named(items, self.items)[None, :]

    def forbids(self, pairs: pl.DataFrame, at: int) -> pl.Series:
        """Return whether each pair's item is closed for its user's group."""
        return pairs["item_id"].is_in(self.items.implode()) & self._concerns(group_keys(pairs[self.by], self.by))

    def _concerns(self, keys: pl.Series) -> pl.Series:
        return keys.is_in(_same_kind(self.values, keys, self.by).implode()).fill_null(True)


@dataclass(frozen=True, eq=False)
class Availability:
    """Rights: an item is open where a row says so, for the row's group, within the row's window.

    Parameters
    ----------
    rows : polars.DataFrame
        ``item_id``, ``from`` and ``until`` (int64 µs; null = no bound) and, where `by` is given, ``group``.
    by : str or None
        The user attribute that `group` is compared with.
    unlisted : {"deny", "allow"}
        What happens to items without any row.
    """

    rows: pl.DataFrame
    by: str | None
    unlisted: Literal["deny", "allow"]

    @property
    def items(self) -> pl.Series:
        """The item ids that the rule names."""
        return self.rows["item_id"].unique()

    @property
    def timed(self) -> bool:
        """Whether any row opens or closes at some time."""
        return bool(self.rows["from"].null_count() + self.rows["until"].null_count() < 2 * len(self.rows))

    def closed(self, groups: pl.Series | None, items: Vocabulary, at: int) -> Mask:
        """Return the mask of closed items, one row a group."""
        free = ~named(items, self.items) if self.unlisted == "allow" else np.zeros(len(items), dtype=np.bool_)
        rights = self._rights(at)
        if self.by is None:
            return ~(free | named(items, rights["item_id"]))[None, :]
        keys = group_keys(groups, self.by)
        codes = pl.Series("code", items.encode(rights["item_id"]))
        named_cells = rights.select(codes, _same_kind(rights["group"], keys, self.by)).filter(pl.col("code") >= 0)
        cells = named_cells.join(pl.DataFrame({"group": keys, "place": np.arange(len(keys))}), on="group")
        is_open = np.tile(free, (len(keys), 1))
        is_open[cells["place"].to_numpy(), cells["code"].to_numpy()] = True
        return ~is_open

    def forbids(self, pairs: pl.DataFrame, at: int) -> pl.Series:
        """Return whether no right covers each pair."""
        asked, rights, on = pairs.select("item_id").with_row_index("row"), self._rights(at), ["item_id"]
        if self.by is not None:
            asked = asked.with_columns(group_keys(pairs[self.by], self.by))
            rights = rights.with_columns(_same_kind(rights["group"], asked["group"], self.by))
            on = ["item_id", "group"]
        covered = asked.join(rights, on=on, how="semi")["row"]
        closed = ~asked["row"].is_in(covered.implode())
        return closed & pairs["item_id"].is_in(self.items.implode()) if self.unlisted == "allow" else closed

    def _rights(self, at: int) -> pl.DataFrame:
        return self.rows.filter(
            (pl.col("from").is_null() | (pl.col("from") <= at)) & (pl.col("until").is_null() | (pl.col("until") > at))
        )


@dataclass(frozen=True, eq=False)
class PairDenial:
    """Single user–item pairs that are closed."""

    pairs: pl.DataFrame

    def forbids(self, pairs: pl.DataFrame, at: int) -> pl.Series:
        """Return whether each pair is listed."""
        rows = pairs.select("user_id", "item_id").with_row_index("row")
        return rows["row"].is_in(rows.join(self.pairs, on=["user_id", "item_id"], how="semi")["row"].implode())


def named(items: Vocabulary, ids: pl.Series) -> Mask:
    """Return the (n_items,) mask of the ids; unknown ones are ignored."""
    codes = items.encode(ids)
    mask = np.zeros(len(items), dtype=np.bool_)
    mask[codes[codes >= 0]] = True
    return mask


def group_keys(values: pl.Series | None, by: str) -> pl.Series:
    """Return values of a user attribute in the form in which groups are compared: Float64 for numbers, else String.

    Examples
    --------
    >>> group_keys(pl.Series([1, None]), "plan").to_list()
    [1.0, None]
    """
    if values is not None and values.dtype.is_numeric():
        return values.cast(pl.Float64).rename("group")
    if values is not None and values.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null):
        return values.cast(pl.String).rename("group")
    kind = "missing" if values is None else f"of type {values.dtype}"
    raise ArgumentError(f"{by} is {kind}", "text or numbers were expected for groups of users")


def _same_kind(of_rule: pl.Series, of_users: pl.Series, by: str) -> pl.Series:
    """Refuse to compare text with numbers, which would close everything without a word."""
    if of_rule.dtype != of_users.dtype and len(of_rule) and of_users.null_count() < len(of_users):
        kinds = ["text" if keys.dtype == pl.String else "numbers" for keys in (of_rule, of_users)]
        raise ArgumentError(
            f"the rule's {by} is {kinds[0]}, the users' {by} is {kinds[1]}",
            "the same type on both sides was expected",
            "cast one of them",
        )
    return of_rule.cast(of_users.dtype, strict=False).rename("group")
