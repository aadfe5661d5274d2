"""The contract of every recommender: `Recommender`."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys import kernels
from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError, NotEstimableError, NotFittedError
from recsys.core.progress import ProgressCallback, silent
from recsys.dataset import Dataset, Label, Vocabulary, id_series
from recsys.display import Card, View
from recsys.kernels import Csr
from recsys.models import asking
from recsys.models.artefacts import read_artefact, write_artefact
from recsys.models.ranking import Filters, popularity_ranker, rank_audience
from recsys.models.results import Explanation, RankedLists, SimilarItems
from recsys.models.serving import Audience, Block, Codes, History, attributes_of, read_history, unknown_users
from recsys.scoring import Eligibility, ListPolicy, Recommendations, ResolvedEligibility
from recsys.scoring.draws import user_keys
from recsys.scoring.reranking import ItemSide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recsys.dataset.vocabulary import Ids
    from recsys.kernels import TopK
    from recsys.models.spaces import Dimension
    from recsys.scoring.eligibility import Instant
    from recsys.scoring.exploring import Explorer
    from recsys.scoring.reranking import Reranker

_CELLS_PER_CHUNK = 1 << 24


class Recommender(Card):
    """Learns from a `Dataset`, recommends items to users. Every model keeps this contract.

    The constructor stores hyper-parameters; `fit` checks them and learns; learned state ends in ``_``. A subclass
    gives ``name``, ``check_params``, ``_fit`` and ``_score_block`` — or derives from `FactorModel` or
    `ItemModel`, which need less.

    Cold means: no training event. Cold items are no candidates, unless the model knows
    them by their attributes; cold and unknown users get what `on_unknown` says. A
    warm user of whom the model can make nothing gets the most popular items, marked ``"fallback"``.

    Attributes
    ----------
    search_space : mapping of str to Dimension
        Where `tune` looks for hyper-parameters; models that learn in epochs find their number by early stopping.
    users_, items_ : Vocabulary
        The ids that the model knows.
    history_, seen_ : (n_users, n_items) csr_array float32
        Training weights, and all pairs with a training event.
    item_events_ : (n_items,) int64
        Training events of each item.
    trained_through_ : int or None
        The newest event that training looked at, those of `validation` included, in microseconds since 1970; None
        when the log has no times.

    Examples
    --------
    >>> from recsys.models import ItemKNN
    >>> data = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "a"]})
    >>> ItemKNN().fit(data).recommend([3], k=1).to_polars()["item_id"].to_list()
    ['b']
    """

    name: ClassVar[str]
    learns_in_epochs: ClassVar[bool] = False
    search_space: ClassVar[Mapping[str, Dimension]] = MappingProxyType({})
    list_policy: ListPolicy = ListPolicy()

    users_: Vocabulary
    items_: Vocabulary
    history_: Csr
    seen_: Csr
    item_events_: NDArray[np.int64]
    popularity_: NDArray[np.float32]
    trained_through_: int | None
    label_: Label
    user_attributes_: pl.DataFrame | None
    item_attributes_: pl.DataFrame | None

    # ---- learning

    def fit(self, dataset: Dataset, *, validation: Dataset | None = None, progress: ProgressCallback = silent) -> Self:
        """Learn from a Dataset; what was learned before is forgotten.

        Parameters
        ----------
        dataset : Dataset
            Training events; weights come from its label, time decay included.
        validation : Dataset, optional
            Events held out, with the same vocabularies. Models that learn in epochs stop when their
            ndcg@10 on it has not risen for `patience` epochs, and keep the best epoch. The others ignore
            it.
        progress : callable, optional
            Told of every epoch.

        Raises
        ------
        ArgumentError
            A hyper-parameter is not usable, or `validation` has other vocabularies.
        DataError
            There is nothing to learn from.
        """
        self.check_params()
        if validation is not None and (validation.users != dataset.users or validation.items != dataset.items):
            raise ArgumentError(
                "validation has other ids than the training data",
                "shared vocabularies were expected",
                "use a split, or Dataset.from_frame(frame, like=train)",
            )
        matrix = dataset.matrix()
        if not matrix.nnz:
            raise DataError(
                f"there is nothing to learn from ({len(dataset):,} events, no weight other than 0)",
                "at least one event with a weight was expected",
            )
        for learned in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, learned)
        self._fit(dataset, matrix, validation=validation, progress=progress)
        pairs = dataset.pairs()
        self.items_, self.history_, self.item_events_ = dataset.items, matrix, dataset.item_events
        self.seen_ = matrix if pairs.nnz == matrix.nnz else pairs
        self.popularity_ = np.bincount(pairs.indices, minlength=len(dataset.items)).astype(np.float32)
        # Early stopping has looked at the validation part: it is no test for this model any more.
        looked_at = [dataset] if validation is None or not self.learns_in_epochs else [dataset, validation]
        times = [part.times for part in looked_at if part.times is not None]
        self.trained_through_ = max(int(part.max()) for part in times) if len(times) == len(looked_at) else None
        self.label_, self.user_attributes_ = dataset.label, dataset.user_attributes
        self.item_attributes_ = dataset.item_attributes
        self.users_ = dataset.users
        return self

    @property
    def params(self) -> dict[str, Any]:
        """Return the hyper-parameters."""
        names = [name for name in inspect.signature(type(self).__init__).parameters if name != "self"]
        return {name: getattr(self, name) for name in names}

    def clone(self, **changes: Any) -> Self:
        """Return a new, unfitted model with the same hyper-parameters but for `changes`, and the same `with_policy`."""
        fresh = type(self)(**{**self.params, **changes})
        return fresh.with_policy(self.list_policy.rerank, self.list_policy.explore)

    def with_policy(self, rerank: Reranker | None = None, explore: Explorer | None = None) -> Self:
        """Return the model, sharing what it has learned, with other lists: what `recommend` takes, made its own.

        `evaluate`, `compare` and `backtest` then measure these lists. `save` keeps the model, not the policy.

        Examples
        --------
        >>> from recsys.models import Popularity
        >>> from recsys.scoring import EpsilonGreedy
        >>> Popularity().with_policy(explore=EpsilonGreedy(0.1, seed=7)).list_policy.explore
        EpsilonGreedy(epsilon=0.1, pool=100, seed=7)
        """
        other = copy(self)
        other.list_policy = ListPolicy(rerank, explore)
        return other

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.params.items())})"

    def card(self) -> View:
        """Return what a notebook shows: hyper-parameters, and what was learned from."""
        from recsys.models.cards import model_card

        return model_card(self)

    # ---- recommending

    def recommend(
        self,
        users: Vocabulary | Ids | None = None,
        k: int = 10,
        *,
        history: object | None = None,
        exclude_seen: bool = True,
        eligibility: Eligibility | None = None,
        rerank: Reranker | None = None,
        explore: Explorer | None = None,
        on_unknown: Literal["raise", "skip", "fallback"] = "raise",
        at: Instant | None = None,
        user_attributes: object | None = None,
        n_threads: int | None = None,
    ) -> Recommendations:
        """Return the `k` best items of each user.

        Parameters
        ----------
        users : ids or Vocabulary, optional
            External ids. Default: the users of `history`, else all users with training events.
        k : int
            Slots per user; they stay empty where fewer items are left.
        history : Dataset or frame (user_id, item_id[, ts, value]), optional
            Newer, complete histories: users in it are folded in without refitting, served from it alone.
            The others are served from their training history. Events with items that the model does not
            know are left out and counted. A time decay of the label counts back from the newest event given here.
        exclude_seen : bool
            Leave out the items of the history that serves.
        eligibility : Eligibility, optional
            What may be shown to whom; holds for fallbacks, re-ranking and exploration as well.
        rerank : Reranker, optional
            ``MMR(…)`` or ``Calibrated(…)`` of `recsys.scoring`: makes the list of a pool of the best items.
        explore : Explorer, optional
            ``EpsilonGreedy(…)`` or ``PlackettLuce(…)`` of `recsys.scoring`: draws the list from the (re-ranked) pool;
            the result then carries the propensities.
        on_unknown : {"raise", "skip", "fallback"}
            What becomes of users without an event: an error that names some, left out, or the most popular eligible
            items, marked ``"fallback"``. Those are also what users with events get whose weights are all 0 (by decay,
            say), or lead to no item that they may get.
        at : datetime, date, ISO text or int64 µs, optional
            The instant of serving, for rules with time windows.
        user_attributes : frame, optional
            One row a user with `user_id`, for rules that ask for attributes. Default: those of the history and of the
            training data.
        n_threads : int, optional
            Default: all cores. The result does not depend on it.

        Raises
        ------
        NotFoundError
            A user is unknown or cold, and `on_unknown` is ``"raise"``.
        ArgumentError, DataError
            An argument or the history is not usable.
        """
        self._check_fitted()
        one_of("on_unknown", on_unknown, ("raise", "skip", "fallback"))
        fresh = None if history is None else read_history(history, self.items_, self.label_)
        ids = self._asked(users, fresh)
        audience = self._audience(ids, fresh)
        warm = audience.warm()
        if on_unknown == "raise" and not warm.all():
            raise unknown_users(ids.filter(pl.Series(~warm)))
        skipped = tuple(ids.filter(pl.Series(~warm))) if on_unknown == "skip" else ()
        if skipped:
            audience, ids = audience.take(np.flatnonzero(warm)), ids.filter(pl.Series(warm))
        resolved = None
        if eligibility is not None:
            names = eligibility.attributes
            known = user_attributes is not None
            attributes = attributes_of(ids, user_attributes, names) if known else audience.attributes(names)
            resolved = eligibility.resolve(ids, self.items_, attributes, at)
        own = self.list_policy
        policy = ListPolicy(rerank or own.rerank, explore or own.explore).seeded()
        lists = self._serve(audience, k, exclude_seen, resolved, True, n_threads, policy, ids)
        warnings = (resolved.warnings if resolved else ()) + (fresh.warnings if fresh else ())
        told = policy.to_dict() if policy else None
        return Recommendations(
            ids, self.items_, *lists, policy=told, skipped=skipped, warnings=warnings, titles=self._titles()
        )

    def recommend_codes(
        self,
        user_codes: Codes,
        k: int,
        *,
        history: Dataset | None = None,
        exclude_seen: bool = True,
        eligibility: ResolvedEligibility | None = None,
        fallback: bool = True,
        n_threads: int | None = None,
    ) -> RankedLists:
        """Return the `k` best items of users given as codes of ``users_``: `recommend` without the round trip of ids.

        Lists are re-ranked and drawn as `with_policy` says. All unknown users share one draw: they have no id here.

        Parameters
        ----------
        k : int
            Slots per user.
        exclude_seen : bool
            Leave out the items of the history that serves.
        n_threads : int, optional
            Default: all cores. The result does not depend on it.
        user_codes : (n,) int32
            −1 = unknown user.
        history : Dataset, optional
            Newer histories, with the model's user vocabulary.
        eligibility : ResolvedEligibility, optional
            Row ``r`` belongs to ``user_codes[r]``; over ``items_``.
        fallback : bool
            Whether users of whom the model can make nothing get the fallback or empty lists.
        """
        audience, policy = self._coded(user_codes, history), self.list_policy.seeded()
        return self._serve(audience, k, exclude_seen, eligibility, fallback, n_threads, policy)

    def score_codes(self, user_codes: Codes, *, history: Dataset | None = None) -> NDArray[np.float32]:
        """Return (n, n_items) float32 scores of users given as codes; −inf for cold items.

        Users without weights, as cold ones are, get the popularity of items.

        Meant for ranks over the whole catalogue; takes n · n_items · 4 bytes, so call it with some users at a time.
        """
        audience = self._coded(user_codes, history)
        scores = np.tile(self.popularity_, (len(user_codes), 1))
        weighted = np.flatnonzero(audience.weighted())
        if len(weighted):
            scores[weighted] = self._score_block(audience.take(weighted).block())
        scores[:, ~self.candidates()] = -np.inf
        return scores

    def is_warm(self, user_codes: Codes, *, history: Dataset | None = None) -> NDArray[np.bool_]:
        """Return (n,) bool: whether each user has an event in training, or in the `history` that takes its place."""
        return self._coded(user_codes, history).warm()

    def similar_items(
        self,
        item_ids: Ids,
        k: int = 10,
        *,
        on_unknown: Literal["raise", "skip"] = "raise",
        n_threads: int | None = None,
    ) -> SimilarItems:
        """Return the `k` nearest items of each item, itself left out.

        Parameters
        ----------
        item_ids : ids
            External ids.
        k : int
            Slots per item.
        on_unknown : {"raise", "skip"}
            What becomes of items without a training event: an error, or left out.
        n_threads : int, optional
            Default: all cores. The result does not depend on it.

        Raises
        ------
        NotFoundError
            An item is unknown or has no training event, and `on_unknown` is ``"raise"``.
        NotEstimableError
            The model has no notion of similarity.
        """
        self._check_fitted()
        return asking.similar_items(self, item_ids, k, on_unknown, n_threads)

    def explain(
        self, user_id: int | str, item_id: int | str, k: int = 10, *, history: object | None = None
    ) -> Explanation:
        """Return which items of the user's history make up the score of an item.

        Parameters
        ----------
        user_id, item_id : int or str
            The pair.
        k : int
            Contributions listed; the sum of the others is in ``rest``.
        history : Dataset or frame, optional
            As in `recommend`.

        Raises
        ------
        NotFoundError
            The item is unknown or cold.
        NotEstimableError
            The model's scores do not split into contributions.
        """
        self._check_fitted()
        return asking.explain(self, user_id, item_id, k, history)

    # ---- keeping

    def save(self, folder: str | Path) -> Path:
        """Write the fitted model to a new folder: ``.npy`` arrays and a ``manifest.json`` with checksums; no pickle.

        The folder appears whole or not at all.

        Raises
        ------
        ArgumentError
            The folder exists already.
        """
        self._check_fitted()
        state = {name: value for name, value in vars(self).items() if name.endswith("_")}
        if state["seen_"] is state["history_"]:
            del state["seen_"]
        return write_artefact(Path(folder), self.name, self.params, state)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model of this class that `save` wrote; arrays are memory-mapped.

        Raises
        ------
        NotFoundError
            There is no such folder.
        DataError
            The artefact is corrupted, incomplete, of a newer version, or of another class.
        """
        name, params, state = read_artefact(Path(folder))
        if name != cls.name:
            raise DataError(f"{folder} holds a model {name!r}", f"a model {cls.name!r} was expected", "use load_model")
        model = cls(**params)
        vars(model).update({"seen_": state.get("history_"), "item_attributes_": None, **state})
        return model

    # ---- what a subclass gives

    @abstractmethod
    def check_params(self) -> None:
        """Raise ArgumentError for hyper-parameters that are not usable."""

    @abstractmethod
    def _fit(self, data: Dataset, matrix: Csr, *, validation: Dataset | None, progress: ProgressCallback) -> None:
        """Learn; `matrix` holds finite weights other than 0."""

    @abstractmethod
    def _score_block(self, block: Block) -> NDArray[np.float32]:
        """Return (n, n_items) float32 scores."""

    def _rank(self, block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        return kernels.select_topk(self._score_block(block), k, **filters._asdict(), n_threads=n_threads)

    def _users_per_chunk(self) -> int:
        return max(1, _CELLS_PER_CHUNK // len(self.items_))

    def _similar(self, codes: Codes, k: int, itself: Csr, allow: NDArray[np.bool_], n_threads: int | None) -> TopK:
        raise NotEstimableError(
            f"{type(self).__name__} has no notion of similar items",
            "a model over items was expected",
            "use ItemKNN or ALS",
        )

    def _item_vectors(self) -> NDArray[np.float32] | Csr:
        """Return (n_items, d) float32 vectors whose cosine is the similarity of items, for `MMR`."""
        raise NotEstimableError(
            f"{type(self).__name__} has no item vectors to compare items by",
            "a model over items was expected",
            "use MMR(attribute=…), ItemKNN or ALS",
        )

    def _contributions(self, block: Block, item: int) -> NDArray[np.float64]:
        """Return the contribution of each stored entry of the one row of ``block.weights`` to the score of `item`."""
        raise NotEstimableError(
            f"the scores of {type(self).__name__} do not split into contributions of the history",
            "a model that explains itself was expected",
            "use ItemKNN or ALS",
        )

    # ---- how it is served

    def _serve(
        self,
        audience: Audience,
        k: int,
        exclude_seen: bool,
        eligibility: ResolvedEligibility | None,
        fallback: bool,
        n_threads: int | None,
        policy: ListPolicy,
        ids: pl.Series | None = None,
    ) -> RankedLists:
        positive_int("k", k)
        seed = None if policy.explore is None else policy.explore.seed
        side = ItemSide(self.items_, self.item_attributes_, self._item_vectors)
        return rank_audience(
            audience,
            k,
            model=self._rank,
            fallback=popularity_ranker(self.popularity_) if fallback else None,
            candidates=self.candidates(),
            eligibility=eligibility,
            exclude_seen=exclude_seen,
            users_per_chunk=self._users_per_chunk(),
            n_threads=n_threads,
            arranger=policy.prepare(side, k) if policy else None,
            keys=None if seed is None else user_keys(self._ids_of(audience.codes) if ids is None else ids, seed),
        )

    def _ids_of(self, codes: Codes) -> pl.Series:
        """Return the ids of users; all unknown ones have the same."""
        places = pl.Series(codes.astype(np.int64))
        return self.users_.ids.gather(places.set(places < 0, None)).fill_null(-1 if self.users_.kind == "int" else "")

    def candidates(self) -> NDArray[np.bool_]:
        """Return (n_items,) bool: what may be recommended. Items with a training event, or with what the model uses."""
        return self.item_events_ > 0

    def _asked(self, users: Vocabulary | Ids | None, fresh: History | None) -> pl.Series:
        if isinstance(users, Vocabulary):
            return users.ids.rename("user_id")
        if users is not None:
            if isinstance(users, str | int):
                raise ArgumentError(f"users is {users!r}", "a list of ids was expected", f"use [{users!r}]")
            return id_series(users, name="user_id").rename("user_id")
        if fresh is not None:
            return fresh.users.ids.rename("user_id")
        return self.users_.decode(np.flatnonzero(np.diff(self.seen_.indptr))).rename("user_id")

    def _audience(self, ids: pl.Series, fresh: History | None) -> Audience:
        rows = np.full(len(ids), -1, dtype=np.int32) if fresh is None else fresh.users.encode(ids)
        return Audience(self.users_.encode(ids), rows, self._stored(), fresh)

    def _coded(self, codes: Codes, history: Dataset | None) -> Audience:
        self._check_fitted()
        if len(codes) and (codes.min() < -1 or codes.max() >= len(self.users_)):
            raise ArgumentError("a user code is out of range", f"codes from −1 to {len(self.users_) - 1} were expected")
        if history is None:
            return Audience(codes, np.full(len(codes), -1, dtype=np.int32), self._stored())
        if history.users != self.users_:
            raise ArgumentError("history has other user ids than the model", "shared vocabularies were expected")
        fresh = read_history(history, self.items_, self.label_)
        active = history.user_events > 0
        rows = np.where((codes >= 0) & active[codes], np.cumsum(active, dtype=np.int32)[codes] - 1, np.int32(-1))
        return Audience(codes, rows.astype(np.int32), self._stored(), fresh)

    def _stored(self) -> History:
        return History(self.users_, self.history_, self.seen_, self.user_attributes_)

    def _titles(self) -> pl.Series | None:
        known = self.item_attributes_
        return known["title"].cast(pl.String) if known is not None and "title" in known.columns else None

    def _check_fitted(self) -> None:
        if not hasattr(self, "users_"):
            raise NotFittedError(
                f"{type(self).__name__} is not fitted", "a fitted model was expected", "call fit(dataset)"
            )
