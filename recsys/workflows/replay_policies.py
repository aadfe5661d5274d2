"""Policies of a replay by their words: training runs, ``uniform``, ``popularity``, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.times import from_micros
from recsys.dataset import Dataset
from recsys.models import Popularity
from recsys.models.names import MODELS
from recsys.ope import LoggedFeedback, Policy, PopularityPolicy, UniformPolicy
from recsys.ope.recommending import RecommenderPolicy
from recsys.scoring import EpsilonGreedy
from recsys.store import DataRecipe, Run
from recsys.store.artifacts import load_artifact
from recsys.store.datasets import attributes
from recsys.store.snapshots import extract
from recsys.workflows.evaluating import name_runs
from recsys.workflows.logged_files import policy_of_file
from recsys.workflows.tables import TABLES
from recsys.workflows.training import recipe_of, training_run

if TYPE_CHECKING:
    from recsys.models.base import Recommender
    from recsys.scoring import Eligibility
    from recsys.scoring.exploring import Explorer
    from recsys.store import Store

WORDS = ("uniform", "popularity")
_WAYS = {"explore": "exploration", "k": "slots (k)", "eligibility": "eligibility"}


class Serving(NamedTuple):
    """How policies would have made their lists; see `recsys.workflows.replay`."""

    k: int | None
    explore: Explorer | None
    eligibility: Eligibility | None
    exclude_seen: bool
    event: str | None


class Asked(NamedTuple):
    """The policies that were asked for, by name, in their order: runs, one of `WORDS`, or files."""

    named: dict[str, Run | str | Path]

    @classmethod
    def of(cls, store: Store | None, given: str | Run | Sequence[str | Run]) -> Asked:
        """Return what words stand for.

        Raises
        ------
        NotFoundError
            A word is neither a run, nor a file, nor one of `WORDS`.
        ArgumentError
            There is none, or one is named twice.
        """
        several = [given] if isinstance(given, str | Run) else given
        words = [word.run_id if isinstance(word, Run) else str(word) for word in several]
        found = [_meaning(store, word) for word in words]
        keys = [one.run_id if isinstance(one, Run) else str(one) for one in found]
        if not keys or len(set(keys)) < len(keys):
            raise ArgumentError(f"the policies are {', '.join(keys) or 'none'}", "different policies were expected")
        runs = name_runs([one for one in found if isinstance(one, Run)])
        names = {run.run_id: name for name, run in runs.items()}
        named: dict[str, Run | str | Path] = {}
        for one in found:
            name = names[one.run_id] if isinstance(one, Run) else one.stem if isinstance(one, Path) else one
            if isinstance(one, Run) and name in WORDS and name in words:
                name = f"{name}-{one.run_id[-4:]}"
            if name in named:
                raise ArgumentError(f"two policies are called {name!r}", "files of different names were expected")
            named[name] = one
        return cls(named)

    @property
    def words(self) -> list[str]:
        """What each is asked for by, at another time and from another folder."""
        return [
            # a link is not followed: the policy is called by its name
            one.run_id if isinstance(one, Run) else str(one.absolute() if isinstance(one, Path) else one)
            for one in self.named.values()
        ]

    @property
    def runs(self) -> dict[str, Run]:
        """Those that are training runs."""
        return {name: one for name, one in self.named.items() if isinstance(one, Run)}


def needs_store(word: str) -> bool:
    """Return whether a policy cannot be made without a store: all but ``uniform`` and files.

    Examples
    --------
    >>> needs_store("3f2a"), needs_store("popularity"), needs_store("uniform"), needs_store("thompson.csv")
    (True, True, False, False)
    """
    return word != "uniform" and not _is_file(word)


def _is_file(word: str) -> bool:
    return Path(word).suffix in TABLES or Path(word).is_file()


def _meaning(store: Store | None, word: str) -> Run | str | Path:
    if word in WORDS:
        return word
    if _is_file(word):
        return Path(word)
    if store is None:
        near = did_you_mean(word, WORDS)
        raise NotFoundError(f"{word!r} is no policy", "uniform, or a file, was expected without a store", near)
    try:
        return training_run(store, word)
    except NotFoundError as error:
        if word in MODELS:
            raise NotFoundError(
                f"{word!r} is a model, and no run of a training",
                "a training run was expected",
                f"recsys train {word} --until DATE prints one; popularity needs none",
            ) from None
        near = did_you_mean(word, WORDS)
        if not near:
            raise
        raise NotFoundError(error.what, "a training run, uniform, popularity or a file was expected", near) from None


def policies_of(
    store: Store | None, asked: Asked, feedback: LoggedFeedback, serving: Serving, mark: int | None
) -> tuple[dict[str, Policy], tuple[str, ...]]:
    """Return the policies, with the histories of the log's users where they are models, and warnings."""
    if serving.k is not None and serving.k < 1:
        raise ArgumentError(f"k is {serving.k}", "a whole number of at least 1 was expected")
    maker = _Maker(store, feedback, serving, mark)
    policies: dict[str, Policy] = {}
    for name, one in asked.named.items():
        if isinstance(one, Run):
            policies[name] = maker.of_run(name, one)
        elif isinstance(one, Path):
            policies[name], note = policy_of_file(one, feedback, explore=serving.explore, k=serving.k)
            maker.told += [note] if note else []
            if not isinstance(policies[name], PopularityPolicy):
                maker.untouched(name, "shows items as its file says", {"explore", "k", "eligibility"})
            else:
                maker.untouched(name, "ranks as its file says", {"eligibility"})
        else:
            policies[name] = maker.uniform() if one == "uniform" else maker.popularity(asked.runs)
    return policies, tuple(dict.fromkeys(maker.told))


class _Maker:
    """Makes policies for one log; histories that several models share are read once."""

    def __init__(self, store: Store | None, feedback: LoggedFeedback, serving: Serving, mark: int | None) -> None:
        self.store, self.feedback, self.serving, self.mark = store, feedback, serving, mark
        self.told: list[str] = []
        self._histories: dict[DataRecipe, Dataset | None] = {}
        self._users = self._attributes()

    def of_run(self, name: str, run: Run) -> RecommenderPolicy:
        """Return the model of a training run."""
        store = self._store(name)
        model = load_artifact(store.artifacts, str(run.artifact))
        return self._served(name, model, recipe_of(run))

    def popularity(self, runs: dict[str, Run]) -> RecommenderPolicy:
        """Return the most popular items by the events before the log."""
        store, times = self._store("popularity"), self.feedback.times
        if times is None:
            raise DataError(
                "the log has no times", "times were expected: popularity is counted from the events before the log"
            )
        recipes = [recipe_of(run) for run in runs.values()]
        recipe = recipes[0] if recipes and self.serving.event is None else DataRecipe(event=self.serving.event)
        plain = replace(recipe, until=None, as_of=None, min_user_events=1, min_item_events=1)
        data, _, _ = extract(store, plain, self.mark)
        first = int(times.min())
        earlier = np.zeros(len(data), np.bool_) if data.times is None else data.times < first
        if not earlier.any():
            raise DataError(
                f"the store has no events before the first impression ({from_micros(first):%Y-%m-%d %H:%M})",
                "events were expected that popularity is counted from",
                "give since=DATE: popularity is then counted from the events before it",
            )
        return self._served("popularity", Popularity().fit(data.keep(earlier)), recipe)

    def uniform(self) -> Policy:
        """Return any item of the log, all alike: with rules of eligibility, among those open to the user."""
        self.untouched("uniform", "shows all items alike", {"explore"})
        if self.serving.eligibility is None:
            self.untouched("uniform", "shows all items alike", {"k"})
            return UniformPolicy()
        items = self.feedback.items.ids
        catalogue = Dataset.from_frame(pl.DataFrame({"user_id": np.zeros(len(items), np.int64), "item_id": items}))
        return RecommenderPolicy(
            Popularity().fit(catalogue),  # its order means nothing: all are drawn alike
            explore=EpsilonGreedy(1.0, pool=max(len(items), 1)),
            k=self.serving.k,
            eligibility=self.serving.eligibility,
            exclude_seen=False,
            user_attributes=self._users,
            label="uniform",
        )

    def untouched(self, name: str, how: str, ways: set[str]) -> None:
        """Tell which of the ways of serving that were asked for mean nothing to a policy."""
        asked = [_WAYS[way] for way in _WAYS if way in ways and getattr(self.serving, way) is not None]
        if asked:
            self.told.append(f"{name} {how}: {' and '.join(asked)} {'does' if len(asked) == 1 else 'do'} not change it")

    def _served(self, name: str, model: Recommender, recipe: DataRecipe) -> RecommenderPolicy:
        return RecommenderPolicy(
            model,
            explore=self.serving.explore,
            k=self.serving.k,
            history=self._history(name, replace(recipe, until=None, as_of=None, min_user_events=1, min_item_events=1)),
            eligibility=self.serving.eligibility,
            exclude_seen=self.serving.exclude_seen,
            user_attributes=self._users,
            label=name,
        )

    def _history(self, name: str, recipe: DataRecipe) -> Dataset | None:
        if recipe not in self._histories:
            data, _, warnings = extract(self._store(name), recipe, self.mark)
            self._histories[recipe] = _of_users(data, self.feedback)
            self.told += warnings
            if data.times is None:
                self.told.append(f"the events of {name} have no times: users are served with their training history")
        return self._histories[recipe]

    def _attributes(self) -> pl.DataFrame | None:
        rules = self.serving.eligibility
        if rules is None or not rules.attributes:
            return None
        store = self._store("eligibility by an attribute of users")
        with store.read() as con:
            return attributes(con, "users", mark=self.mark)

    def _store(self, what: str) -> Store:
        if self.store is None:
            raise ArgumentError(
                f"{what} needs a store", "a store with events (and users) was expected", "name it with --store FOLDER"
            )
        return self.store


def _of_users(data: Dataset, feedback: LoggedFeedback) -> Dataset | None:
    """Return the events of the users that the log names; None when there is no history as of a request."""
    if data.times is None or feedback.times is None or feedback.users is None:
        return None
    theirs = np.zeros(data.n_users, np.bool_)
    codes = data.users.encode(feedback.users.ids)
    theirs[codes[codes >= 0]] = True
    return data.keep(theirs[data.user_codes])
