"""`compare`: several models, one population, paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from recsys.core.checks import did_you_mean, finite_float, one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.seeds import Seed
from recsys.dataset import Dataset
from recsys.evaluation.comparison import LETTERS, Comparison, ranked
from recsys.evaluation.evaluating import DEFAULT_METRICS, Options, make_plan, run_plan
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.pairing import TESTS, catalogue_differences, differences, interactions, segment_differences
from recsys.evaluation.ranking import model_pairs
from recsys.metrics import MetricSpec, parse_metrics
from recsys.models.base import Recommender


def compare(
    models: Mapping[str, Recommender],
    test: Dataset,
    metrics: Sequence[str | MetricSpec] = DEFAULT_METRICS,
    *,
    baseline: str | None = None,
    tests: Sequence[str] = TESTS,
    alpha: float = 0.05,
    seed: Seed = 0,
    progress: ProgressCallback = silent,
    **options: Unpack[Options],
) -> Comparison:
    """Measure fitted models on the same users and say which is better, by how much, how surely.

    Parameters
    ----------
    models : mapping of name to fitted Recommender
        Two or more. What one of them has seen counts as seen, and who is cold for one of them counts as cold.
    test : Dataset
        The test part.
    metrics : sequence of str
        As in `evaluate`; at least one user metric. The first one where more is better orders the models.
    baseline : str, optional
        Compare the others with this model only: candidate − baseline. Default: every pair, the one ranked higher first.
    tests : sequence of {"t", "wilcoxon", "permutation"}
        Paired tests over users. The first one decides, adjusted by Holm over metrics × pairs.
    alpha : float
        Level of the family of tests; each interval covers 1 − alpha.
    seed : int
        Of the permutation test.
    progress : callable, optional
        Told of every chunk of users.
    **options
        by, on_cold, users, eligibility, exclude_seen, history, seen_data, at, user_attributes, n_threads: as in
        `evaluate`.

    Raises
    ------
    ArgumentError
        Fewer than two models, no user metric, or an option that is not usable.
    DataError
        A model has seen the test part, or nobody can be measured.

    Examples
    --------
    >>> from recsys.models import ItemKNN, Popularity
    >>> train = Dataset.from_frame({"user_id": [1, 1, 2, 2, 3, 3], "item_id": list("abacac")})
    >>> test = Dataset.from_frame({"user_id": [1, 2, 3], "item_id": list("cbb")}, like=train)
    >>> found = compare({"knn": ItemKNN().fit(train), "pop": Popularity().fit(train)}, test, ["recall@1"])
    >>> found.conclusion
    'knn and pop do not differ on recall@1 for any of 3 users.'
    """
    _check_names(models, baseline)
    _check_metrics(metrics)
    finite_float("alpha", alpha, above=0, below=1)
    plan = make_plan(models, test, metrics, confidence=1 - alpha, **options)
    found = {name: run_plan(name, model, plan, progress, paired=True) for name, model in models.items()}
    return compare_evaluations(found, baseline=baseline, tests=tests, seed=seed)


def compare_evaluations(
    evaluations: Mapping[str, Evaluation],
    *,
    baseline: str | None = None,
    tests: Sequence[str] = TESTS,
    seed: Seed = 0,
) -> Comparison:
    """Compare evaluations made earlier: of the same users, by the same metrics, at one confidence (alpha = 1 − that).

    Catalogue metrics get an interval of their difference in `compare` only.

    Parameters
    ----------
    evaluations : mapping of name to Evaluation
        Two or more.
    baseline, tests
        As in `compare`.
    seed : int
        Of the permutation test.

    Raises
    ------
    DataError
        The evaluations are of different users, metrics, segments or levels.

    Examples
    --------
    >>> from recsys.dataset import Dataset, random_split
    >>> from recsys.evaluation import evaluate
    >>> from recsys.models import ItemKNN, Popularity
    >>> pairs = [(user, user % 5 + step) for user in range(20) for step in range(4)]
    >>> users, items = map(list, zip(*pairs))
    >>> train, test = random_split(Dataset.from_frame({"user_id": users, "item_id": items}), 0.3)
    >>> models = {"popularity": Popularity().fit(train), "itemknn": ItemKNN().fit(train)}
    >>> own = {name: evaluate(model, test, metrics=["recall@2"]) for name, model in models.items()}
    >>> compare_evaluations(own, baseline="popularity").baseline
    'popularity'
    """
    _check_names(evaluations, baseline)
    chosen = _tests(tests)
    named = {name: replace(found, model=name) for name, found in evaluations.items()}
    confidence = _check_alike(named)
    pairs = model_pairs(ranked(named), baseline)
    return Comparison(
        named,
        baseline,
        chosen,
        round(1 - confidence, 12),
        differences(named, pairs, chosen, seed),
        catalogue_differences(named, pairs, confidence),
        segment_differences(named, pairs, confidence),
        interactions(named, pairs),
    )


def _check_names(models: Mapping[str, object], baseline: str | None) -> None:
    if not 2 <= len(models) <= len(LETTERS):
        raise ArgumentError(
            f"there are {len(models)} models",
            f"2 to {len(LETTERS)} named models were expected",
            "use {'name': model, …}",
        )
    if baseline is not None and baseline not in models:
        names = ", ".join(models)
        raise ArgumentError(f"baseline is {baseline!r}", f"one of {names} was expected", did_you_mean(baseline, models))


def _check_metrics(metrics: Sequence[str | MetricSpec]) -> None:
    if not any(spec.kind == "user" for spec in parse_metrics(metrics)):
        raise ArgumentError(
            "there is no user metric to compare by", "at least one such as 'ndcg@10' was expected", "add 'ndcg@10'"
        )


def _tests(tests: Sequence[str]) -> tuple[str, ...]:
    if isinstance(tests, str):
        raise ArgumentError(f"tests is {tests!r}", "a list of tests was expected", f"use tests=[{tests!r}]")
    chosen = tuple(dict.fromkeys(one_of("tests", test, TESTS) for test in tests))
    if not chosen:
        raise ArgumentError("tests is empty", f"at least one of {', '.join(TESTS)} was expected")
    return chosen


def _check_alike(evaluations: Mapping[str, Evaluation]) -> float:
    """Return the confidence that all share, or raise DataError."""
    (first_name, first), *others = evaluations.items()
    _check_metrics(first.metrics)
    for name, other in others:
        alike = {
            "users": first.users.equals(other.users),
            "metrics": first.metrics == other.metrics,
            "segments": first.labels.equals(other.labels),
            "levels of confidence": first.confidence == other.confidence,
        }
        for what, same in alike.items():
            if not same:
                raise DataError(
                    f"{first_name!r} and {name!r} were measured on different {what}",
                    f"the same {what} were expected",
                    "use compare, which measures all models alike",
                )
    return first.confidence
