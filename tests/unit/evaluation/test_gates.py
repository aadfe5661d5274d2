"""Gates say when a job shall fail; what could not be estimated fails."""

import pytest

from recsys.core.errors import ArgumentError
from recsys.evaluation import compare, evaluate, gate, parse_gate
from recsys.models import Popularity


@pytest.fixture(scope="module")
def split(random_log):
    return random_log()


@pytest.fixture(scope="module")
def models(split, scored):
    return {"new": scored(seed=1).fit(split.train), "pop": Popularity().fit(split.train)}


@pytest.fixture(scope="module")
def compared(models, split):
    return compare(models, split.test, ["ndcg@10", "coverage@5"], baseline="pop", tests=["t"])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ndcg@10 rel_ci_low < -0.01", "ndcg@10 rel_ci_low < -0.01"),
        ("  NDCG@10   rel_ci_low<-1% ", "ndcg@10 rel_ci_low < -0.01"),
        ("recall@20 < .1", "recall@20 mean < 0.1"),
        ("ndcg(gain=exp)@10 pvalue >= 5e-2", "ndcg(gain=exp)@10 pvalue >= 0.05"),
        ("auc diff <= −0.5", "auc diff <= -0.5"),
    ],
)
def test_a_gate_reads_and_writes(text, canonical):
    assert str(parse_gate(text)) == canonical
    assert parse_gate(canonical) == parse_gate(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndcg@10", "field, sign and number were expected"),
        ("ndcg@10 mean = 3", "field, sign and number were expected"),
        ("ndcg@10 mean < x", "field, sign and number were expected"),
        ("ndcg@10 rel_ci_lo < 0", "did you mean 'rel_ci_low'"),
        ("ndgc@10 mean < 0", "did you mean 'ndcg'"),
        (7, "gate is 7"),
    ],
)
def test_a_slip_gets_one_helpful_line(text, message):
    with pytest.raises(ArgumentError, match=message):
        parse_gate(text)


def test_a_gate_on_an_evaluation(models, split):
    found = evaluate(models["pop"], split.test, ["ndcg@10"])
    passed, failed = gate(found, ["ndcg@10 < 0", "ndcg@10 ci_low < 1"])
    assert (passed.failed, passed.value) == (False, found["ndcg@10"])
    assert failed.failed
    assert failed.reason.startswith("failed: ndcg@10 ci_low of popularity is 0.")
    with pytest.raises(ArgumentError, match="looks at rel, which this result does not have"):
        gate(found, ["ndcg@10 rel < 0"])
    with pytest.raises(ArgumentError, match="which was not measured"):
        gate(found, ["ndcg@5 < 0"])


def test_every_field_of_a_comparison(compared):
    row = compared.differences[0]
    fields = {
        "mean": row.mean,
        "diff": row.difference,
        "ci_low": row.ci_low,
        "ci_high": row.ci_high,
        "rel": row.relative,
        "rel_ci_low": row.relative_ci_low,
        "rel_ci_high": row.relative_ci_high,
        "pvalue": row.pvalue,
    }
    for field, value in fields.items():
        below, above = gate(compared, [f"ndcg@10 {field} < {value + 1}", f"ndcg@10 {field} > {value + 1}"])
        assert (below.failed, above.failed, below.value) == (True, False, value)
        assert (below.model, below.baseline) == ("new", "pop")


def test_a_gate_on_a_catalogue_metric(compared):
    (outcome,) = gate(compared, ["coverage@5 diff < 0"])
    assert outcome.value == compared.catalogue[0].difference
    with pytest.raises(ArgumentError, match="does not have for coverage@5"):
        gate(compared, ["coverage@5 pvalue < 0.05"])


def test_what_could_not_be_estimated_fails_and_says_why(models, split):
    found = compare({"a": models["new"], "b": models["new"]}, split.test, ["ndcg@10"], baseline="b")
    (outcome,) = gate(found, ["ndcg@10 ci_low < -0.5"])
    assert outcome.failed
    assert outcome.value is None
    assert "could not be estimated (zero_variance)" in outcome.reason
    assert outcome.to_dict()["value"] is None


def test_a_gate_on_a_comparison_needs_a_baseline(models, split):
    """Without one the better model comes first in each pair, whichever it is, and no gate could fail."""
    found = compare(models, split.test, ["ndcg@10"], tests=["t"])
    with pytest.raises(ArgumentError, match="baseline was expected"):
        gate(found, ["ndcg@10 diff < 0"])


def test_wrong_arguments(compared):
    with pytest.raises(ArgumentError, match="list was expected"):
        gate(compared, "ndcg@10 diff < 0")
    with pytest.raises(ArgumentError, match="Evaluation or Comparison was expected"):
        gate({"ndcg@10": 1}, ["ndcg@10 diff < 0"])
