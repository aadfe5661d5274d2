"""`interleave`: one list a user out of two rankers' lists, with the record of who brought what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.jsonable import fit_for_json
from recsys.core.seeds import derived_int
from recsys.dataset import Vocabulary
from recsys.display import Table, Tabular, View, Viewable, counted
from recsys.experiment.interleaving.lists import ListDefects, PairedLists, pair_lists
from recsys.experiment.interleaving.methods import METHODS, Merged, probabilistic
from recsys.scoring.draws import uniforms, user_keys

_STREAM = 0x1EAF  # keeps these draws apart from those of an explorer with the same seed


@dataclass(frozen=True, eq=False, repr=False)
class Interleaving(Viewable, Tabular):
    """Interleaved lists and the record that credit needs.

    Attributes
    ----------
    method : {"team-draft", "balanced", "probabilistic"}
        How lists were merged.
    names : (str, str)
        The two rankers; the first is the control: a positive preference is for the second.
    k, seed : int
        Slots of a list, and what the draws depend on.
    users : Series
        (n,) external ids, in order.
    items : Vocabulary
        The ids that the slots stand for.
    slots : (n, k) int32
        Item codes; −1 = an empty slot.
    teams : (n, k) int8
        Who brought the item: 0 the first, 1 the second, 2 both (it stands there whatever the coin), −1 nobody (the
        other list had ended).
    ranks : (n, k, 2) int32
        The place (from 1) of the item in each ranker's own list; 0: not in it.
    chances : (n, k, 2) float64 or None
        Of probabilistic interleaving: how probable each ranker was to put the item here, given those above.
    defects : ListDefects
        What was wrong with the lists.
    """

    method: str
    names: tuple[str, str]
    k: int
    seed: int
    users: pl.Series
    items: Vocabulary
    slots: NDArray[np.int32]
    teams: NDArray[np.int8]
    ranks: NDArray[np.int32]
    chances: NDArray[np.float64] | None
    defects: ListDefects

    def __len__(self) -> int:
        return len(self.users)

    def to_polars(self) -> pl.DataFrame:
        """Return one row a shown item: user_id, item_id, rank (from 1), team, rank_a, rank_b, method.

        `team` is ``"a"``, ``"b"`` or ``"both"``, null where it is nobody's; `rank_a` and `rank_b` are null for an
        item that is not in that list. Probabilistic lists also have chance_a and chance_b.
        """
        rows, slots = np.nonzero(self.slots >= 0)
        ranks = self.ranks[rows, slots]
        columns: dict[str, Any] = {
            "user_id": self.users.gather(rows),
            "item_id": self.items.decode(self.slots[rows, slots]),
            "rank": (slots + 1).astype(np.int32),
            "team": pl.Series(["a", "b", "both", None], dtype=pl.String).gather(
                self.teams[rows, slots].astype(np.int64) % 4
            ),
        }
        for side, letter in enumerate("ab"):
            columns[f"rank_{letter}"] = pl.Series(ranks[:, side]).replace(0, None)
        if self.chances is not None:
            for side, letter in enumerate("ab"):
                columns[f"chance_{letter}"] = pl.Series(self.chances[rows, slots, side]).fill_nan(None)
        return pl.DataFrame(columns).with_columns(method=pl.lit(self.method))

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "method": self.method,
            "names": list(self.names),
            "k": self.k,
            "seed": self.seed,
            "users": len(self),
            **self.defects._asdict(),
            "lists": self.to_polars().to_dicts(),
        }

    def view(self) -> View:
        """Return who brought how many of the shown items, and what was left out."""
        shown = self.slots >= 0
        rows = tuple(
            (name, int((self.teams == side).sum()), int((self.ranks[shown][:, side] > 0).sum()))
            for side, name in enumerate(self.names)
        )
        title = f"{counted(len(self), 'list')} of {self.k} interleaved ({self.method})"
        return View(title, (Table(("ranker", "items brought", "items also its own"), rows),), defect_notes(self))


def interleave(
    a: object,
    b: object,
    *,
    k: int = 10,
    method: str = "team-draft",
    names: tuple[str, str] = ("a", "b"),
    seed: int = 0,
    tau: float = 3.0,
) -> Interleaving:
    """Merge two ranked lists a user into one, so that clicks on it tell which ranker the user prefers.

    Parameters
    ----------
    a, b : Recommendations or frame
        Columns user_id, item_id, rank. Give lists of at least `k` items: what follows the end of the shorter one is
        nobody's. Users whom only one of them serves are left out and counted.
    k : int
        Items a user.
    method : {"team-draft", "balanced", "probabilistic"}
        Team-draft: Radlinski, Kurup & Joachims (CIKM 2008). Balanced: Joachims (2003); it favours one of two rankers
        that differ by a shift, even under random clicks. Probabilistic: Hofmann, Whiteson & de Rijke (CIKM 2011).
    names : (str, str)
        The first is the control.
    seed : int
        With the user's id alone it decides every coin: the same user gets the same list in any company.
    tau : float
        Of ``"probabilistic"``: an item at rank r has the weight ``r ** -tau``.

    Raises
    ------
    ArgumentError
        An argument is not usable.
    DataError
        The lists are not lists: a column or a value is missing, or the types of the ids differ.

    Examples
    --------
    >>> lists = interleave(
    ...     {"user_id": [1, 1], "item_id": [10, 20], "rank": [1, 2]},
    ...     {"user_id": [1, 1], "item_id": [20, 30], "rank": [1, 2]}, k=2, seed=7)
    >>> lists.to_polars().select("item_id", "team", "rank_a", "rank_b").rows()
    [(20, 'b', 2, 1), (10, 'a', 1, None)]
    """
    one_of("method", method, METHODS)
    positive_int("k", k)
    seed = positive_int("seed", seed, minimum=0)
    if len(names) != 2 or names[0] == names[1] or not all(isinstance(name, str) and name for name in names):
        raise ArgumentError(f"names is {names!r}", "two different names were expected")
    lists = pair_lists(a, b, (names[0], names[1]))
    fill, columns = METHODS[method]
    randoms = uniforms(user_keys(lists.users, derived_int(seed, _STREAM)), columns(k))
    if fill is probabilistic:
        merged = probabilistic(lists, k, randoms, tau=finite_float("tau", tau, minimum=0, maximum=100))
    else:
        merged = fill(lists, k, randoms)
    ranks = _ranks(lists, merged)
    slots, teams, chances = merged
    return Interleaving(
        method, (names[0], names[1]), k, seed, lists.users, lists.items, slots, teams, ranks, chances, lists.defects
    )


def defect_notes(lists: Interleaving) -> tuple[str, ...]:
    """Return what was left out or mended, one sentence each."""
    found, (a, b) = lists.defects, lists.names
    counts = (
        (found.only_in_a, f"users only in {a} left out"),
        (found.only_in_b, f"users only in {b} left out"),
        (found.repeated, "rows left out that repeat an item of the same list"),
        (found.tied, "rows of equal rank, ordered by item id"),
        (int(((lists.teams < 0) & (lists.slots >= 0)).sum()), "items are nobody's: the other list had ended"),
    )
    return tuple(f"{count:,} {text}" for count, text in counts if count)


def _ranks(lists: PairedLists, merged: Merged) -> NDArray[np.int32]:
    """Return the places of shown items in both lists, from 1; 0 where it is not in it."""
    ranks = np.zeros((*merged.slots.shape, 2), np.int32)
    for side, codes in enumerate((lists.a, lists.b)):
        for place in range(codes.shape[1]):
            same = (merged.slots == codes[:, place, None]) & (merged.slots >= 0)
            ranks[same, side] = place + 1
    return ranks
