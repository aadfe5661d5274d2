"""No model is measured on what it has seen: the test part is held against what each model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from recsys.core.checks import one_of
from recsys.core.errors import DataError
from recsys.core.times import from_micros
from recsys.dataset import Dataset
from recsys.evaluation.pairs import codes_in, shared_pairs
from recsys.evaluation.seen import already_seen
from recsys.models.base import Recommender
from recsys.models.serving import Codes, recoded, take_rows

DISHONEST = "NOT AN HONEST TEST"

SeenData = Literal["refuse", "disjoint", "allow"]


def check_seen_data(
    models: Mapping[str, Recommender], test: Dataset, seen_data: SeenData, history: Dataset | None = None
) -> tuple[str, ...]:
    """Return what a reader must know of each model's training part and of the folded-in histories, or refuse.

    Parameters
    ----------
    models : mapping of name to fitted model
        What is measured.
    test : Dataset
        What it is measured on.
    seen_data : {"refuse", "disjoint", "allow"}
        ``"refuse"``: every test event must be later than the newest training event; where one of the two has no times,
        no test pair may be in training. ``"disjoint"``: no test pair may be in training, times do not matter.
        ``"allow"``: anything goes. The last two mark the result.
    history : Dataset, optional
        Histories that are folded in: the same rule, user by user.

    Raises
    ------
    DataError
        The test part breaks the rule.
    """
    one_of("seen_data", seen_data, ("refuse", "disjoint", "allow"))
    found = [_check(name, model, test, seen_data) for name, model in models.items()]
    if history is not None:
        found.append(_check_history(history, test, seen_data))
    return tuple(dict.fromkeys(note for notes in found for note in notes))


def _check(name: str, model: Recommender, test: Dataset, seen_data: SeenData) -> tuple[str, ...]:
    early = _early_events(model, test)
    if early == 0:
        return ()
    if early is not None and seen_data == "refuse":
        raise DataError(
            f"{early:,} of {len(test):,} test events are not later than {name!r}, trained through {_through(model)}",
            "test events after all training events were expected",
            "use temporal_split; for a random, leave-last-out or user split say seen_data='disjoint'",
        )
    overlap = _overlap(model, test)
    if overlap and seen_data != "allow":
        raise DataError(
            f"{overlap:,} of {test.pairs().nnz:,} test pairs are in the training of {name!r}",
            "test pairs that the model has not seen were expected",
            "split before training, or say seen_data='allow' to get a result that is marked",
        )
    if overlap:
        return (f"{DISHONEST}: {overlap:,} of {test.pairs().nnz:,} test pairs were in the training of {name!r}",)
    if early is None:
        return ("the data has no times: training and test cannot be ordered, a result may rest on the future",)
    return (
        f"not a split in time: {early:,} of {len(test):,} test events are not later than the newest training event",
    )


def _check_history(history: Dataset, test: Dataset, seen_data: SeenData) -> tuple[str, ...]:
    rows = codes_in(test.users, history.users)
    if seen_data == "refuse" and history.times is not None and test.times is not None:
        bad, what = (
            _late_users(history, test, rows),
            "test users have folded-in events not earlier than their test events",
        )
    else:
        pairs = take_rows(history.pairs(), rows)
        if history.items != test.items:
            pairs = recoded(pairs, codes_in(history.items, test.items), test.n_items)
        bad, what = int(shared_pairs(test.pairs(), pairs).sum()), "test pairs are in the folded-in histories"
    if bad and seen_data != "allow":
        raise DataError(
            f"{bad:,} {what}",
            "histories that end before the test part were expected",
            "use history.keep(history.times < cut), or say seen_data='allow' to get a result that is marked",
        )
    return (f"{DISHONEST}: {bad:,} {what}",) if bad else ()


def _late_users(history: Dataset, test: Dataset, rows: Codes) -> int:
    """Return how many users have an event in their history that is not earlier than their first test event."""
    both = np.flatnonzero((test.user_events > 0) & (rows >= 0))
    both = both[history.user_events[rows[both]] > 0]
    if history.times is None or test.times is None:
        return 0
    first = test.times[test.indptr[both]]
    last = history.times[history.indptr[rows[both] + 1] - 1]
    return int(np.count_nonzero(last >= first))


def _early_events(model: Recommender, test: Dataset) -> int | None:
    """Return how many test events are not later than all training events, or None where times are missing."""
    if model.trained_through_ is None or test.times is None:
        return None
    return int(np.count_nonzero(test.times <= model.trained_through_))


def _overlap(model: Recommender, test: Dataset) -> int:
    rows = codes_in(test.users, model.users_)
    return int(already_seen(test.pairs(), test.items, model, rows).sum())


def _through(model: Recommender) -> str:
    through = model.trained_through_
    return "unknown" if through is None else from_micros(through).isoformat(" ", "seconds")
