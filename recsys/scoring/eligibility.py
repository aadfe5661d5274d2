"""`Eligibility`: which item may be shown to whom, and when. One frozen object for recommending and for evaluating."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.core.times import instant_micros
from recsys.dataset import Vocabulary
from recsys.dataset.vocabulary import Ids
from recsys.scoring.columns import micros_column, required, text_column
from recsys.scoring.resolved import ResolvedEligibility, group_users, pair_pattern
from recsys.scoring.rules import Availability, GroupDenial, GroupRule, ItemRule, PairDenial, group_keys

Group = str | float | bool
Instant = datetime | date | str | int
_ENDS = ("from", "until")


@dataclass(frozen=True, eq=False, repr=False)
class Eligibility:
    """Rules about items, users, groups of users and time. Every method returns a new object.

    A pair must pass every rule: a rule only ever takes away, so the order of the calls does not matter. Item ids that a
    model does not know are ignored and reported as a warning. A user without the attribute that a rule asks for gets
    nothing that needs the right.

    Parameters
    ----------
    rules : tuple of GroupRule
        Rules about items, and groups of users; filled by the methods.
    pair_rules : tuple of PairDenial
        Single users and items that are kept apart; filled by `deny_pairs`.

    Examples
    --------
    >>> rights = pl.DataFrame({"item_id": ["a", "b"], "country": ["SE", "DE"]})
    >>> rules = Eligibility().available(rights, by="country").deny(["b"])
    >>> users = pl.DataFrame({"user_id": [1, 2], "country": ["SE", None]})
    >>> rules.forbids([1, 1, 2], ["a", "b", "a"], user_attributes=users).tolist()
    [False, True, True]
    """

    rules: tuple[GroupRule, ...] = ()
    pair_rules: tuple[PairDenial, ...] = ()

    def __repr__(self) -> str:
        named = [type(rule).__name__ + (f" by {rule.by}" if rule.by else "") for rule in self.rules]
        return f"Eligibility({', '.join(named + ['PairDenial'] * len(self.pair_rules))})"

    @property
    def timed(self) -> bool:
        """Whether some rule opens or closes at some time, so that `at` must be given."""
        return any(isinstance(rule, Availability) and rule.timed for rule in self.rules)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The user attributes that the rules look at."""
        return tuple(dict.fromkeys(rule.by for rule in self.rules if rule.by is not None))

    @property
    def boundaries(self) -> NDArray[np.int64]:
        """The instants (int64 µs, sorted) at which some rule opens or closes: between two, the same items are open."""
        ends = [rule.rows[name].drop_nulls() for rule in self.rules if isinstance(rule, Availability) for name in _ENDS]
        return np.unique(pl.concat(ends).to_numpy()) if ends else np.zeros(0, np.int64)

    def deny(self, items: Ids) -> Eligibility:
        """Close these items for everyone."""
        return self._with(ItemRule(text_column(items, "item_id"), allow=False))

    def allow(self, items: Ids) -> Eligibility:
        """Close every item but these; two allow lists leave what is in both."""
        return self._with(ItemRule(text_column(items, "item_id"), allow=True))

    def deny_group(self, items: Ids, *, by: str, values: Sequence[Group] | Group) -> Eligibility:
        """Close items for users whose attribute `by` has one of `values`, and for users without that attribute.

        Parameters
        ----------
        items : ids
            Items to close.
        by : str
            A column of the user attributes.
        values : scalar or sequence
            The group or groups that the items are closed to.

        Examples
        --------
        >>> Eligibility().deny_group(["horror"], by="age_group", values="child").attributes
        ('age_group',)
        """
        named = [values] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
        return self._with(GroupDenial(text_column(items, "item_id"), by, group_keys(pl.Series(named), by)))

    def deny_pairs(self, frame: object) -> Eligibility:
        """Close the pairs of a frame with `user_id` and `item_id`, e.g. titles that users have hidden."""
        table = as_polars(frame)
        pairs = pl.DataFrame({name: text_column(required(table, name), name) for name in ("user_id", "item_id")})
        return replace(self, pair_rules=(*self.pair_rules, PairDenial(pairs)))

    def available(
        self, frame: object, *, by: str | None = None, unlisted: Literal["deny", "allow"] = "deny"
    ) -> Eligibility:
        """Open items only where a row of the frame says so.

        Parameters
        ----------
        frame : polars, pandas or Arrow frame
            ``item_id``; with `by`, a column of that name, e.g. ``country``; optionally ``from`` and ``until``,
            half-open, times or int64 µs, null = no bound. An item may have many rows: one that fits is enough.
        by : str, optional
            The user attribute whose value must equal the row's. Users without it see no listed item.
        unlisted : {"deny", "allow"}
            What happens to items without any row. Default: nobody sees them.

        Raises
        ------
        NotFoundError
            A column is missing.
        DataError
            A row names no item or no group, or closes before it opens.
        """
        one_of("unlisted", unlisted, ("deny", "allow"))
        table = as_polars(frame)
        rows = pl.DataFrame({"item_id": text_column(required(table, "item_id"), "item_id")})
        rows = rows.with_columns(micros_column(table, name) for name in ("from", "until"))
        if by is not None:
            rows = rows.with_columns(group_keys(required(table, by, asked=True), by))
            nulls = rows["group"].null_count()
            if nulls:
                raise DataError(f"{by} is null in {nulls:,} rows of the rights", "a value was expected")
        backwards = rows.filter(pl.col("until") <= pl.col("from"))
        if len(backwards):
            raise DataError(
                f"the window of item {backwards['item_id'][0]!r} closes before it opens", "from < until was expected"
            )
        return self._with(Availability(rows, by, unlisted))

    def resolve(
        self, users: Ids, items: Vocabulary, user_attributes: pl.DataFrame | None = None, at: Instant | None = None
    ) -> ResolvedEligibility:
        """Return the rules as masks over codes, for these users at this instant.

        Parameters
        ----------
        users : (n,) ids
            Row ``r`` of the result belongs to ``users[r]``.
        items : Vocabulary
            Gives the item codes.
        user_attributes : polars.DataFrame, optional
            Row ``r`` belongs to ``users[r]``.
        at : datetime, date, ISO text or int64 µs, optional
            Needed when some rule has a time window.

        Raises
        ------
        ArgumentError
            `at` is missing.
        NotFoundError
            A rule asks for an attribute that the users do not have at all.
        """
        ids, instant = text_column(users, "user_id"), self._instant(at)
        self._check_attributes(user_attributes)
        groups, group_of_user = group_users(user_attributes, self.attributes, len(ids))
        closed = np.zeros((len(groups), len(items)), dtype=np.bool_)
        for rule in self.rules:
            closed |= rule.closed(None if rule.by is None else groups[rule.by], items, instant)
        denied = pair_pattern([rule.pairs for rule in self.pair_rules], ids, items)
        return ResolvedEligibility(group_of_user, ~closed, denied, self._unknown(items))

    def forbids(
        self,
        user_ids: Ids,
        item_ids: Ids,
        *,
        user_attributes: object | None = None,
        at: Instant | None = None,
    ) -> NDArray[np.bool_]:
        """Return (n,) bool: whether each pair (``user_ids[r]``, ``item_ids[r]``) is forbidden.

        Written apart from `resolve`, on ids and frames: a hard check of finished lists.

        Parameters
        ----------
        user_ids, item_ids : (n,) ids
            The pairs.
        user_attributes : frame, optional
            One row a user with ``user_id``; users without a row have no attributes.
        at : datetime, date, ISO text or int64 µs, optional
            Needed when some rule has a time window.
        """
        pairs = pl.DataFrame({"user_id": text_column(user_ids, "user_id"), "item_id": text_column(item_ids, "item_id")})
        instant = self._instant(at)
        table = None if user_attributes is None else as_polars(user_attributes)
        self._check_attributes(table)
        if table is not None and self.attributes:
            known = table.select(text_column(required(table, "user_id"), "user_id"), *self.attributes)
            if known["user_id"].is_duplicated().any():
                twice = known["user_id"].filter(known["user_id"].is_duplicated())[0]
                raise DataError(f"user {twice!r} has more than one row of attributes", "one row a user was expected")
            pairs = pairs.join(known, on="user_id", how="left", maintain_order="left")
        forbidden = np.zeros(len(pairs), dtype=np.bool_)
        checks = [rule.forbids for rule in self.rules] + [rule.forbids for rule in self.pair_rules]
        for check in checks:
            forbidden |= check(pairs, instant).to_numpy()
        return forbidden

    def _with(self, rule: GroupRule) -> Eligibility:
        return replace(self, rules=(*self.rules, rule))

    def _instant(self, at: Instant | None) -> int:
        if at is None and self.timed:
            raise ArgumentError(
                "the eligibility has time windows and at is missing",
                "the instant of serving was expected",
                "use at=datetime.now(UTC) or at='2026-06-01'",
            )
        return 0 if at is None else instant_micros("at", at)

    def _check_attributes(self, table: pl.DataFrame | None) -> None:
        found = [] if table is None else table.columns
        for name in self.attributes:
            if name not in found:
                raise NotFoundError(
                    f"the eligibility asks for the user attribute {name!r} (found: {', '.join(found) or 'none'})",
                    "users with that attribute were expected",
                    "give user_attributes to the Dataset that the model is trained on",
                )

    def _unknown(self, items: Vocabulary) -> tuple[str, ...]:
        ids = [rule.items for rule in self.rules] + [rule.pairs["item_id"] for rule in self.pair_rules]
        every = pl.concat(ids).unique() if ids else pl.Series([], dtype=pl.String)
        unknown = int((items.encode(every) < 0).sum())
        note = f"{unknown:,} of {len(every):,} item ids in the eligibility are unknown to the model and were ignored"
        return (note,) if unknown else ()
