import pytest

from recsys.core.errors import ArgumentError
from recsys.metrics import METRICS, parse_metric, parse_metrics


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ndcg@10", "ndcg@10"),
        (" NDCG @ 10 ", "ndcg@10"),
        ("ndcg(gain=binary)@5", "ndcg@5"),
        ("ndcg( gain = EXP )@5", "ndcg(gain=exp)@5"),
        ("ndcg()@5", "ndcg@5"),
        ("auc", "auc"),
        ("coverage@50", "coverage@50"),
    ],
)
def test_the_canonical_name_is_read_back(text: str, name: str) -> None:
    spec = parse_metric(text)
    assert spec.name == str(spec) == name
    assert parse_metric(name) == spec == parse_metric(spec)
    assert hash(parse_metric(name)) == hash(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndgc@10", "did you mean 'ndcg'"),
        ("recal@10", "did you mean 'recall'"),
        ("ndcg", "has no k.*use 'ndcg@10'"),
        ("ndcg@", "A metric such as 'ndcg@10'"),
        ("ndcg@0", "the k of metric 'ndcg@0' is 0"),
        ("ndcg@-3", "whole number of at least 1"),
        ("ndcg@ten", "whole number of at least 1"),
        ("ndcg@1.5", "whole number of at least 1"),
        ("auc@10", "has a k.*use 'auc'"),
        ("ndcg(gain=square)@3", "One of binary, value, exp"),
        ("ndcg(depth=3)@3", r"Ndcg takes gain=binary\|value\|exp"),
        ("recall(gain=exp)@3", "Recall takes no options"),
        ("ndcg(gain=exp,gain=value)@3", "option 'gain=value'"),
        ("", "A metric such as"),
        (10, "A metric such as"),
    ],
)
def test_mistakes_are_answered(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        parse_metric(text)


def test_repeats_are_dropped_and_a_lone_text_is_refused() -> None:
    assert [spec.name for spec in parse_metrics(["auc", "recall@5", "AUC"])] == ["auc", "recall@5"]
    with pytest.raises(ArgumentError, match=r"use \['auc'\]"):
        parse_metrics("auc")


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_states_its_convention(metric: object) -> None:
    spec = parse_metric(metric.name + ("@3" if metric.takes_k else ""))
    assert len(spec.convention) > 20
    assert spec.kind in ("user", "catalogue")
