"""What every recommender promises. A new model joins with three lines at the end of this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotEstimableError, NotFittedError, NotFoundError
from recsys.core.progress import Progress
from recsys.dataset import Dataset, Label, temporal_split
from recsys.models import (
    ALS,
    BPR,
    EASE,
    GraphFilter,
    ItemKNN,
    LogisticMF,
    Popularity,
    PureSVD,
    Recommender,
    RP3Beta,
    load_model,
    make_model,
)
from recsys.scoring import MMR, Eligibility, PlackettLuce, Recommendations

DAY = 86_400_000_000
MAY_BE_NEGATIVE = ("user_exponent", "item_exponent", "tilt", "popularity_exponent")
COUNTRIES = ("SE", "DE", None)


def events() -> pl.DataFrame:
    """Two tastes, 36 users, 24 items over ten days; users 100–103 and items z0, z1 appear on the last day only."""
    random = np.random.default_rng(11)
    rows = [
        (
            user,
            f"i{2 * item + (user % 2 if random.random() < 0.9 else 1 - user % 2):02d}",
            int(random.integers(9 * DAY)),
        )
        for user in range(36)
        for item in random.permutation(12)[: 3 + user % 5]
    ]
    late = [(100 + place % 4, f"i{3 * place:02d}", 9 * DAY + place) for place in range(8)]
    fresh = [(0, "z0", 9 * DAY + 50), (1, "z1", 9 * DAY + 60), (101, "z1", 9 * DAY + 70)]
    frame = pl.DataFrame(rows + late + fresh, schema=["user_id", "item_id", "ts"], orient="row")
    return frame.with_columns(pl.col("ts").cast(pl.Datetime("us")))


def split() -> tuple[Dataset, Dataset]:
    people = pl.DataFrame({"user_id": [*range(36), 100, 101, 102, 103]})
    people = people.with_columns(country=pl.col("user_id").map_elements(lambda user: COUNTRIES[user % 3], pl.String))
    data = Dataset.from_frame(events(), user_attributes=people)
    train, test = temporal_split(data, at="1970-01-10")
    return train, test


def same(first: Recommendations, second: Recommendations) -> bool:
    return (
        first.users.to_list() == second.users.to_list()
        and first.lists.tobytes() == second.lists.tobytes()
        and first.scores.tobytes() == second.scores.tobytes()
        and first.sources.tobytes() == second.sources.tobytes()
    )


def columns(found: Recommendations) -> tuple[pl.Series, pl.Series]:
    frame = found.to_polars()
    return frame["user_id"], frame["item_id"]


@pytest.fixture(scope="module")
def train() -> Dataset:
    return split()[0]


@pytest.fixture(scope="module")
def held_out() -> Dataset:
    return split()[1]


def unusable(name: str, hint: Any) -> list[Any]:
    """Values that a parameter with this annotation cannot take, in any model."""
    kinds = set(get_args(hint) or (hint,))
    values: list[Any] = [float("nan"), float("inf"), object()]
    if kinds & {int, float}:
        values += ["7", True]
    else:
        values += [7]
    if get_origin(hint) is Literal:
        values += ["no such word"]
    if int in kinds:
        values += [-1, 1.5]
    elif float in kinds and name not in MAY_BE_NEGATIVE:
        values += [-1.0]
    return values if type(None) in kinds else [*values, None]


class RecommenderContract:
    """Inherit, give `make`, and name what the model cannot do."""

    cannot: tuple[str, ...] = ()

    def make(self) -> Recommender:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, train: Dataset) -> Recommender:
        return cls().make().fit(train)

    # ---- lists

    def test_known_users_get_new_items_best_first(self, model: Recommender, train: Dataset) -> None:
        found = model.recommend(k=5)
        assert found.users.to_list() == list(range(36))
        assert found.lists.dtype == np.int32
        assert found.scores.dtype == np.float32
        seen = train.pairs()
        for row, (codes, scores) in enumerate(zip(found.lists, found.scores, strict=True)):
            real = codes[codes >= 0]
            assert len(set(real)) == len(real) >= 1
            assert not set(real) & set(seen[[row]].indices)
            assert (np.diff(scores[: len(real)]) <= 0).all()
        assert set(found.to_polars()["source"]) == {"model"}

    def test_cold_items_are_no_candidates(self, model: Recommender) -> None:
        found = model.recommend(k=40, on_unknown="fallback", users=[0, 100, 555])
        assert not {"z0", "z1"} & set(found.to_polars()["item_id"])

    def test_slots_stay_empty_when_nothing_is_left(self, model: Recommender, train: Dataset) -> None:
        found = model.recommend([3, 100], k=60, on_unknown="fallback")
        assert (found.lists == -1).any(axis=1).all()
        assert np.array_equal(found.lists < 0, np.isneginf(found.scores))
        empty = found.lists < 0
        assert (empty[:, :-1] <= empty[:, 1:]).all()
        assert len(found.to_polars()) == int((~empty).sum())
        popular = found.lists[1][found.lists[1] >= 0]
        assert len(popular) == int((train.item_events > 0).sum())

    def test_seen_items_on_demand(self, model: Recommender, train: Dataset) -> None:
        everything = model.recommend(k=40, exclude_seen=False)
        seen = train.pairs()
        assert any(set(codes) & set(seen[[row]].indices) for row, codes in enumerate(everything.lists))

    def test_permuting_users_permutes_the_result(self, model: Recommender) -> None:
        users = [7, 3, 3, 100, 21, 0, 555]
        together = model.recommend(users, k=6, on_unknown="fallback")
        order = [6, 2, 0, 5, 4, 1, 3]
        permuted = model.recommend([users[place] for place in order], k=6, on_unknown="fallback")
        assert permuted.lists.tolist() == together.lists[order].tolist()
        assert permuted.scores.tobytes() == together.scores[order].tobytes()
        alone = [model.recommend([user], k=6, on_unknown="fallback").scores.tobytes() for user in users]
        assert alone == [row.tobytes() for row in together.scores]

    def test_codes_and_ids_agree(self, model: Recommender, train: Dataset) -> None:
        codes = np.arange(train.n_users, dtype=np.int32)
        by_code = model.recommend_codes(codes, 4)
        by_id = model.recommend(train.users, 4, on_unknown="fallback")
        assert np.array_equal(by_code.items, by_id.lists)
        assert np.array_equal(by_code.sources, by_id.sources)
        assert np.array_equal(model.is_warm(codes), train.user_events > 0)
        assert (model.recommend_codes(codes, 4, fallback=False).items[train.user_events == 0] == -1).all()
        scores = model.score_codes(codes)
        assert np.array_equal(np.isfinite(scores).any(axis=0), train.item_events > 0)
        rows, slots = np.nonzero(by_code.items >= 0)
        assert np.allclose(scores[rows, by_code.items[rows, slots]], by_code.scores[rows, slots], rtol=1e-4, atol=1e-5)

    # ---- cold and unknown users

    def test_unknown_and_cold_users_are_named(self, model: Recommender) -> None:
        with pytest.raises(NotFoundError, match="100, 555"):
            model.recommend([0, 100, 555])

    def test_unknown_users_are_skipped(self, model: Recommender) -> None:
        found = model.recommend([0, 100, 1, 555], on_unknown="skip")
        assert found.users.to_list() == [0, 1]
        assert found.skipped == (100, 555)
        assert same(found, model.recommend([0, 1]))

    def test_the_fallback_is_popularity_and_says_so(self, model: Recommender, train: Dataset) -> None:
        found = model.recommend([0, 100], k=3, on_unknown="fallback")
        assert found.sources.tolist() == [0, 1]
        users_of_item = np.diff(train.pairs().tocsc().indptr)
        assert found.lists[1].tolist() == np.argsort(-users_of_item, kind="stable")[:3].tolist()
        assert set(found.to_polars().filter(pl.col("user_id") == 100)["source"]) == {"fallback"}

    # ---- newer histories

    def test_folding_in_the_training_history_changes_nothing(self, model: Recommender, train: Dataset) -> None:
        events = train.to_polars()
        stored = model.recommend(list(range(36)), k=8)
        assert same(model.recommend(list(range(36)), k=8, history=events), stored)
        renamed = events.filter(pl.col("user_id") == 4).with_columns(user_id=pl.lit(4444))
        folded = model.recommend(k=8, history=renamed)
        assert folded.users.to_list() == [4444]
        assert folded.lists.tolist() == stored.lists[[4]].tolist()
        assert folded.scores.tobytes() == stored.scores[[4]].tobytes()

    def test_a_newer_history_takes_the_place_of_the_old_one(self, model: Recommender) -> None:
        newer = {"user_id": [0, 0, 100], "item_id": ["i03", "new", "i05"]}
        found = model.recommend([0, 1, 100], k=40, history=newer)
        assert found.warnings == ("1 events of the history have items unknown to the model and were ignored",)
        assert set(found.sources) == {0}
        users, items = columns(found)
        assert "i03" not in set(items.filter(users == 0))
        assert "i05" not in set(items.filter(users == 100))
        assert same(model.recommend([1], k=40), model.recommend([1], k=40, history=newer))

    def test_a_history_with_shared_ids_is_that_of_its_active_users_only(
        self, model: Recommender, train: Dataset
    ) -> None:
        newer = Dataset.from_frame({"user_id": [4], "item_id": ["i03"]}, like=train)
        assert same(model.recommend([1, 2], k=8, history=newer), model.recommend([1, 2], k=8))
        assert model.recommend(k=8, history=newer).users.to_list() == [4]
        by_codes = model.recommend_codes(train.users.encode([1, 4]), 8, history=newer)
        assert by_codes.items.tolist() == model.recommend([1, 4], k=8, history=newer).lists.tolist()

    def test_a_history_of_unknown_items_alone_is_cold(self, model: Recommender) -> None:
        found = model.recommend([100], history={"user_id": [100], "item_id": ["new"]}, on_unknown="fallback")
        assert found.sources.tolist() == [1]

    def test_what_was_seen_without_weight_stays_out_of_the_fallback(self, model: Recommender) -> None:
        best = model.recommend([100], k=1, on_unknown="fallback").to_polars()["item_id"][0]
        history = {"user_id": [100], "item_id": [best], "value": [0.0]}
        found = model.recommend([100], k=40, history=history, on_unknown="fallback")
        assert found.sources.tolist() == [1]
        assert best not in set(found.to_polars()["item_id"])

    def test_a_user_whose_events_all_faded_is_warm_and_gets_the_fallback(self) -> None:
        times = pl.Series([0, 0, *[200 * DAY] * 5]).cast(pl.Datetime("us"))
        frame = {"user_id": [9, 9, 1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "c", "b", "c", "c"], "ts": times}
        data = Dataset.from_frame(pl.DataFrame(frame), label=Label(half_life="1d"))
        assert data.matrix()[[3]].nnz == 0
        model = self.make().fit(data)
        found = model.recommend(k=3)
        assert found.users.to_list() == [1, 2, 3, 9]
        assert found.sources[3] == 1
        assert found.to_polars().filter(pl.col("user_id") == 9)["item_id"].to_list() == ["c"]
        assert model.is_warm(np.int32([0, 3, -1])).tolist() == [True, True, False]
        assert model.score_codes(np.int32([3])).tolist() == [[2, 2, 3]]
        assert model.explain(9, "c").source == "fallback"
        assert (model.recommend_codes(np.int32([3]), 3, fallback=False).items == -1).all()

    # ---- eligibility

    @pytest.mark.parametrize(
        ("rules", "at"),
        [
            (Eligibility().deny([f"i{code:02d}" for code in range(12)]), None),
            (Eligibility().allow(["i01", "i02", "i03", "i04"]), None),
            (Eligibility().deny_pairs({"user_id": [0, 1, 100, 555], "item_id": ["i01", "i02", "i03", "i00"]}), None),
            (
                Eligibility().available(
                    {"item_id": [f"i{code:02d}" for code in range(24)], "country": ["SE", "DE"] * 12}, by="country"
                ),
                None,
            ),
            (Eligibility().deny_group([f"i{code:02d}" for code in range(8)], by="country", values="SE"), None),
            (
                Eligibility().available(
                    {
                        "item_id": [f"i{code:02d}" for code in range(24)],
                        "from": [None, DAY] * 12,
                        "until": [DAY, None] * 12,
                    }
                ),
                DAY,
            ),
        ],
        ids=["deny", "allow", "per user", "rights", "group", "time"],
    )
    def test_nothing_forbidden_is_shown(self, model: Recommender, rules: Eligibility, at: int | None) -> None:
        everyone = [*range(36), 100, 101, 102, 103, 555]
        found = model.recommend(everyone, k=30, eligibility=rules, on_unknown="fallback", at=at)
        users, items = columns(found)
        people = pl.DataFrame({"user_id": everyone[:-1], "country": [COUNTRIES[user % 3] for user in everyone[:-1]]})
        assert len(items)
        assert not rules.forbids(users, items, user_attributes=people, at=at).any()
        free = model.recommend(everyone, k=30, on_unknown="fallback")
        forbidden = rules.forbids(*columns(free), user_attributes=people, at=at)
        assert forbidden.any()
        kept = free.to_polars().filter(pl.Series(~forbidden)).select("user_id", "item_id", "score")
        # Whoever is left with nothing gets the fallback.
        emptied = set(np.array(everyone)[found.sources != free.sources].tolist())
        assert not emptied & set(kept["user_id"])
        shown = found.to_polars().filter(~pl.col("user_id").is_in(list(emptied)))
        assert kept.rows() == shown.select("user_id", "item_id", "score").rows()

    def test_rights_follow_the_attributes_of_a_newer_history(self, model: Recommender) -> None:
        rules = Eligibility().available({"item_id": ["i01", "i02"], "country": ["NO", "SE"]}, by="country")
        moved = Dataset.from_frame(
            {"user_id": [0], "item_id": ["i07"]}, user_attributes={"user_id": [0], "country": ["NO"]}
        )
        assert set(model.recommend([0], history=moved, eligibility=rules).to_polars()["item_id"]) <= {"i01"}

    def test_rights_follow_the_attributes_that_are_given(self, model: Recommender) -> None:
        rules = Eligibility().available({"item_id": ["i01", "i02"], "country": ["NO", "SE"]}, by="country")
        here = {"user_id": [555, 100], "country": ["NO", None]}
        found = model.recommend([100, 555], eligibility=rules, user_attributes=here, on_unknown="fallback")
        assert found.to_polars().select("user_id", "item_id").rows() == [(555, "i01")]

    # ---- re-ranking and exploration

    def test_a_drawn_list_holds_only_what_may_be_shown(self, model: Recommender, train: Dataset) -> None:
        rules = Eligibility().deny([f"i{code:02d}" for code in range(0, 24, 3)])
        everyone = [*range(36), 100, 555]
        explore = PlackettLuce(3.0, pool=12, seed=1)
        found = model.recommend(everyone, k=6, eligibility=rules, explore=explore, on_unknown="fallback")
        assert not rules.forbids(*columns(found)).any()
        seen = train.pairs()
        assert all(not set(codes) & set(seen[[row]].indices) for row, codes in enumerate(found.lists[:36]))
        assert found.sources[36:].tolist() == [1, 1]
        frame = found.to_polars()
        assert "exploration" in set(frame["source"])
        assert frame["propensity_position"].is_between(0, 1, closed="right").all()
        alone = model.recommend([555], k=6, eligibility=rules, explore=explore, on_unknown="fallback")
        assert alone.lists.tolist() == found.lists[[37]].tolist()

    def test_reranking_chooses_among_the_best(self, model: Recommender) -> None:
        pool = model.recommend(k=10)
        try:
            found = model.recommend(k=4, rerank=MMR(0.3, pool=10))
        except NotEstimableError as error:
            assert "attribute" in str(error)  # noqa: PT017 - a model may have no vectors
            return
        assert all(set(few) <= set(many) for few, many in zip(found.lists, pool.lists, strict=True))
        assert found.lists[:, 0].tolist() == pool.lists[:, 0].tolist()
        assert same(model.recommend(k=4, rerank=MMR(1.0)), model.recommend(k=4))

    # ---- similar items and explanations

    def test_similar_items(self, model: Recommender) -> None:
        if "similar" in self.cannot:
            with pytest.raises(NotEstimableError, match="similar"):
                model.similar_items(["i01"])
            return
        found = model.similar_items(["i04", "i01"], k=5)
        frame = found.to_polars()
        assert frame.columns == ["item_id", "similar_item_id", "rank", "score"]
        assert not (frame["item_id"] == frame["similar_item_id"]).any()
        assert not {"z0", "z1"} & set(frame["similar_item_id"])
        assert (np.diff(found.scores, axis=1)[np.isfinite(found.scores[:, 1:])] <= 0).all()
        with pytest.raises(NotFoundError, match="'z0'"):
            model.similar_items(["i01", "z0"])
        assert model.similar_items(["z0", "i01", "none"], on_unknown="skip").items.to_list() == ["i01"]

    def test_explanations_add_up_to_the_score(self, model: Recommender) -> None:
        best = model.recommend([5], k=1).to_polars()
        if "explain" in self.cannot:
            with pytest.raises(NotEstimableError, match="contributions"):
                model.explain(5, best["item_id"][0])
            return
        told = model.explain(5, best["item_id"][0], k=2)
        assert told.source == "model"
        assert told.score == pytest.approx(best["score"][0], rel=1e-4)
        assert told.contributions["contribution"].sum() + told.rest == pytest.approx(told.score)
        assert set(told.to_polars()["item_id"]) <= set(events().filter(pl.col("user_id") == 5)["item_id"])

    def test_a_fallback_is_explained_as_one(self, model: Recommender) -> None:
        told = model.explain(100, "i01")
        assert told.source == "fallback"
        assert len(told.contributions) == 0
        with pytest.raises(NotFoundError, match="'z0'"):
            model.explain(0, "z0")

    # ---- the same every time

    def test_fitting_again_gives_the_same_bytes(self, model: Recommender, train: Dataset) -> None:
        other = self.make()
        half = train.keep(np.arange(len(train)) % 2 == 0)
        other.fit(half)
        assert same(model.recommend(k=9), other.fit(train).recommend(k=9))
        assert same(model.recommend(k=9), model.clone().fit(train).recommend(k=9))

    def test_threads_change_nothing(self, model: Recommender, train: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        assert same(model.recommend(k=9, n_threads=1), model.recommend(k=9, n_threads=3))
        for threads in ("1", "3"):
            monkeypatch.setenv("RECSYS_THREADS", threads)
            assert same(model.recommend(k=9), self.make().fit(train).recommend(k=9))

    # ---- keeping

    def test_a_saved_model_answers_with_the_same_bytes(self, model: Recommender, tmp_path: Path) -> None:
        loaded = load_model(model.save(tmp_path / "model"))
        assert type(loaded) is type(model)
        assert loaded.params == model.params
        assert loaded.trained_through_ == model.trained_through_
        users = [0, 5, 100, 555]
        rules = Eligibility().deny_group(["i01"], by="country", values="SE")
        for options in ({}, {"history": {"user_id": [5], "item_id": ["i02"]}}, {"eligibility": rules}):
            first, second = (one.recommend(users, 7, on_unknown="fallback", **options) for one in (model, loaded))
            assert same(first, second)
        assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".npy", ".json", ".parquet"}
        again = loaded.save(tmp_path / "again")
        assert (again / "manifest.json").read_bytes() == (tmp_path / "model" / "manifest.json").read_bytes()

    def test_a_damaged_artefact_is_refused(self, model: Recommender, tmp_path: Path) -> None:
        whole = model.save(tmp_path / "model")
        with pytest.raises(ArgumentError, match="exists already"):
            model.save(whole)
        for path in sorted(whole.iterdir()):
            content = path.read_bytes()
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            with pytest.raises(DataError, match="damaged"):
                load_model(whole)
            path.unlink()
            with pytest.raises(DataError, match=r"damaged|has no manifest"):
                load_model(whole)
            path.write_bytes(content)
        (whole / "extra.npy").write_bytes(b"")
        with pytest.raises(DataError, match=r"extra\.npy"):
            load_model(whole)
        (whole / "extra.npy").unlink()
        manifest = json.loads((whole / "manifest.json").read_text())
        (whole / "manifest.json").write_text(json.dumps({**manifest, "schema": "recsys/model/2"}))
        with pytest.raises(DataError, match="update recsys"):
            load_model(whole)
        with pytest.raises(NotFoundError):
            load_model(tmp_path / "nowhere")

    def test_trained_through_is_the_newest_training_event(self, model: Recommender, train: Dataset) -> None:
        assert train.times is not None
        assert model.trained_through_ == train.times.max()

    # ---- mistakes

    def test_mistakes_are_named(self, model: Recommender, train: Dataset) -> None:
        with pytest.raises(NotFittedError):
            self.make().recommend([1])
        with pytest.raises(ArgumentError, match="k is 0"):
            model.recommend([1], k=0)
        with pytest.raises(ArgumentError, match="on_unknown"):
            model.recommend([1], on_unknown="ignore")  # type: ignore[arg-type]  # that is the test
        with pytest.raises(ArgumentError, match="list of ids"):
            model.recommend("ann")
        with pytest.raises(DataError, match="nothing to learn from"):
            self.make().fit(train.keep(np.zeros(len(train), dtype=np.bool_)))
        with pytest.raises(ArgumentError, match="out of range"):
            model.recommend_codes(np.array([4000], dtype=np.int32), 2)
        with pytest.raises(ArgumentError, match="parameter 'bogus'"):
            make_model(model.name, bogus=1)

    def test_it_is_known_by_name(self, model: Recommender) -> None:
        made = make_model(model.name, **{key: str(value).lower() for key, value in model.params.items()})
        assert made.params == model.params

    def test_what_a_parameter_cannot_be_is_refused_before_the_work(self, train: Dataset) -> None:
        told: list[Progress] = []
        hints = get_type_hints(type(self.make()).__init__)
        for name in self.make().params:
            for bad in unusable(name, hints[name]):
                with pytest.raises(ArgumentError, match=name):
                    self.make().clone(**{name: bad}).fit(train, progress=told.append)
                assert not told


class EpochContract(RecommenderContract):
    """For models that learn in epochs."""

    def test_progress_and_early_stopping(self, train: Dataset, held_out: Dataset) -> None:
        told: list[Progress] = []
        stopped = self.make()
        stopped.iterations, stopped.patience = 40, 2  # type: ignore[attr-defined]  # every model with epochs has them
        stopped.fit(train, validation=held_out, progress=told.append)
        values = [step.values["ndcg@10"] for step in told]
        assert [step.done for step in told] == list(range(1, len(told) + 1))
        assert len(told) == 40 or len(told) - 1 - int(np.argmax(values)) == 2
        assert held_out.times is not None
        assert stopped.trained_through_ == held_out.times.max()

    def test_an_interrupt_leaves_no_half_fitted_model(self, train: Dataset) -> None:
        def interrupt(_: Progress) -> None:
            raise KeyboardInterrupt

        model = self.make().fit(train)
        with pytest.raises(KeyboardInterrupt):
            model.fit(train, progress=interrupt)
        with pytest.raises(NotFittedError):
            model.recommend([1])

    def test_a_checkerboard_is_completed(self) -> None:
        data = checkerboard(40, 20, hidden=0.3)
        model = self.make().fit(data)
        found = model.recommend(k=2)
        for user, codes in zip(found.users, found.lists, strict=True):
            assert {int(item) % 2 for item in model.items_.decode(codes[codes >= 0])} <= {user % 2}

    def test_negative_weights_are_refused(self) -> None:
        data = Dataset.from_frame({"user_id": [1, 2], "item_id": [1, 2], "value": [1.0, -1.0]})
        with pytest.raises(DataError, match="-1"):
            self.make().fit(data)


def checkerboard(n_users: int, n_items: int, hidden: float) -> Dataset:
    """Even users use even items, odd users odd ones; some cells are left out, at least two of each user."""
    random = np.random.default_rng(3)
    rows = []
    for user in range(n_users):
        items = random.permutation(np.arange(user % 2, n_items, 2))
        rows += [(user, int(item)) for item in items[max(2, round(hidden * len(items))) :]]
    return Dataset.from_frame(pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row"))


def options(**changes: Any) -> dict[str, Any]:
    return {"factors": 8, "iterations": 20, "seed": 4, **changes}


class TestPopularity(RecommenderContract):
    cannot = ("similar", "explain")
    make = staticmethod(Popularity)


class TestDecayedPopularity(RecommenderContract):
    cannot = ("similar", "explain")
    make = staticmethod(lambda: Popularity(half_life="2d"))

    def test_the_fallback_is_popularity_and_says_so(self, model: Recommender, train: Dataset) -> None:
        assert model.recommend([100], on_unknown="fallback").sources.tolist() == [1]


class TestItemKNN(RecommenderContract):
    make = staticmethod(lambda: ItemKNN(neighbors=10))


class TestItemKNNBM25(RecommenderContract):
    make = staticmethod(lambda: ItemKNN(neighbors=5, weighting="bm25", shrink=2.0))


class TestALS(EpochContract):
    make = staticmethod(lambda: ALS(**options(regularization=0.03)))


class TestALSByImplicit(EpochContract):
    make = staticmethod(lambda: ALS(**options(regularization=0.03, backend="implicit")))


class TestBPR(EpochContract):
    cannot = ("explain",)
    make = staticmethod(lambda: BPR(**options(learning_rate=0.05, iterations=60)))


class TestImplicitBPR(EpochContract):
    cannot = ("explain",)
    make = staticmethod(lambda: BPR(**options(learning_rate=0.05, iterations=60, backend="implicit")))


class TestLogisticMF(EpochContract):
    cannot = ("explain",)
    make = staticmethod(lambda: LogisticMF(**options(regularization=0.6)))


class TestEASE(RecommenderContract):
    make = staticmethod(lambda: EASE(l2=5.0))


class TestLocalEASE(RecommenderContract):
    make = staticmethod(lambda: EASE(l2=5.0, neighbors=8))


class TestGraphFilter(RecommenderContract):
    make = staticmethod(lambda: GraphFilter(factors=6))


class TestLinearGraphFilter(RecommenderContract):
    make = staticmethod(lambda: GraphFilter(ideal_weight=0.0, sharpening=0.0))


class TestRP3Beta(RecommenderContract):
    make = staticmethod(lambda: RP3Beta(neighbors=8))


class TestPureSVD(RecommenderContract):
    make = staticmethod(lambda: PureSVD(factors=6))
