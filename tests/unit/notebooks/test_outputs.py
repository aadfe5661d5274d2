"""When two outputs of a notebook say the same, and what must not stand in one."""

import pytest

from notebooks._outputs import differences, same_data, same_text, unfit, unmet


def said(text):
    return [{"output_type": "execute_result", "data": {"text/plain": text}}]


def chart(values, key="datasets"):
    spec = {"datasets": {"data-1": values}} if key == "datasets" else {"layer": [{"data": {"values": values}}]}
    return [{"output_type": "display_data", "data": {"application/vnd.vegalite.v6+json": spec}}]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("als wins", "als  wins"),
        ("trained in 0.3 s, 1,024 rows", "trained in 12.5 s, 1,024 rows"),
        ("+66.5 % [52.1, 80.9] %, p .041", "+66.5 % [52.1, 81.0] %, p .040"),
        ("1.23e-05", "1.24e-05"),
        ("−0.0101 to 0.0108", "−0.0100 to 0.0108"),
    ],
)
def test_texts_that_say_the_same(old, new):
    assert differences(said(old), said(new)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("als wins", "knn wins"),
        ("945 users", "946 users"),
        ("1,024 rows", "1,025 rows"),
        ("0.1778", "0.1780"),
        ("0.1778", "-0.1778"),
        ("p <.001", "p .001"),
        ("1.23e-05", "1.23e-04"),
        ("als", ""),
    ],
)
def test_texts_that_do_not(old, new):
    assert len(differences(said(old), said(new))) == 1


def test_where_a_text_changed_is_shown():
    assert "knn is best" in differences(said("of three models als is best"), said("of three models knn is best"))[0]


def test_a_text_from_a_stream_counts_as_one_from_a_value():
    assert differences([{"output_type": "stream", "text": "als"}], said("als")) == []


@pytest.mark.parametrize("key", ["datasets", "values"])
def test_a_chart_is_compared_by_its_data(key):
    rows = [{"model": "als", "value": 0.1}, {"model": "pop", "value": None}]
    assert differences(chart(rows, key), chart([{"model": "als", "value": 0.1 + 1e-12}, rows[1]], key)) == []
    assert differences(chart(rows, key), chart(rows[:1], key)) == ["the data of a chart changed"]
    assert differences(chart(rows, key), chart([{"model": "als", "value": 0.11}, rows[1]], key))
    assert differences(chart(rows, key), []) == ["1 charts became 0"]


def test_plain_values_are_compared_by_kind():
    assert same_data({"a": [1, True, "x 0.10"]}, {"a": [1, True, "x 0.11"]})
    assert not same_data({"a": 1}, {"b": 1})
    assert not same_data([1, 2], [1])
    assert not same_data("a", 1)
    assert same_text("[0, 1]", "[0, 1]")


def test_a_promise_is_looked_for_in_the_output():
    source = "found\n# → als is better\n# → by  66.5 %"
    assert unmet(source, said("als is\nbetter by 66.5 %")) == []
    assert unmet(source, said("als is better")) == ["does not say 'by 66.5 %' but 'als is better'"]


def test_what_must_not_be_committed():
    assert unfit(said("<object at 0x7f3a2b1c>"), []) == ["an object's address, at 0x7f3a2b1c"]
    assert unfit(said("/home/ann/shop"), ["/home/ann"]) == ["a folder of this machine, /home/ann"]
    assert unfit([{"output_type": "stream", "name": "stderr", "text": "careful"}], []) == ["on stderr: careful"]
    assert unfit(said("0x1f, 12 s, shop/a"), ["/home/ann", "/"]) == []
