"""Search spaces: what they hold, how they are read, what is refused."""

from __future__ import annotations

import inspect
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError
from recsys.models import ALS, Choice, Integer, ItemKNN, Popularity, Real, make_model, model_names
from recsys.models.registry import model_class
from recsys.models.space_words import dimension_of, space_of

UNITS = st.floats(0, 1)


@pytest.mark.parametrize("name", model_names())
def test_every_model_declares_a_space_whose_every_corner_is_valid(name: str) -> None:
    kind = model_class(name)
    assert kind.search_space
    assert set(kind.search_space) <= set(inspect.signature(kind).parameters)
    names = list(kind.search_space)
    for corner in itertools.product(*(one.corners for one in kind.search_space.values())):
        make_model(name, **dict(zip(names, corner, strict=True)))


@pytest.mark.parametrize("name", model_names())
def test_a_model_that_learns_in_epochs_calls_them_iterations_and_does_not_search_them(name: str) -> None:
    kind = model_class(name)
    if kind.learns_in_epochs:
        assert {"iterations", "patience"} <= set(kind().params)
        assert "iterations" not in kind.search_space


@given(UNITS, st.sampled_from([Real(0.001, 3, log=True), Real(-2, 5), Integer(1, 9), Integer(16, 300, log=True)]))
def test_every_place_lies_in_the_space(unit: float, dimension: Real | Integer) -> None:
    assert dimension.contains(dimension.at(unit))
    assert (dimension.at(0), dimension.at(1)) == dimension.corners


def test_places_of_whole_numbers_and_choices_have_equal_shares() -> None:
    places = [(place + 0.5) / 300 for place in range(300)]
    for dimension in (Integer(5, 7), Choice(("a", None, 2))):
        values = [dimension.at(place) for place in places]
        assert [values.count(value) for value in dict.fromkeys(values)] == [100, 100, 100]


def test_values_of_another_type_are_not_in_it() -> None:
    assert not Choice((1, 2)).contains(True)
    assert not Integer(0, 2).contains(True)
    assert not Integer(0, 2).contains(1.0)
    assert not Real(0, 2).contains(None)
    assert Real(0, 2).contains(1)


@pytest.mark.parametrize(
    ("words", "dimension"),
    [
        ("32,64 ,128", Choice((32, 64, 128))),
        ("64", Choice((64,))),
        (64, Choice((64,))),
        ([32, "64"], Choice((32, 64))),
        ("16..256", Integer(16, 256)),
        ("16 .. 256 : log", Integer(16, 256, log=True)),
        (Integer(4, 8), Integer(4, 8)),
    ],
)
def test_a_wish_is_read_as_the_parameter_has_it(words: object, dimension: object) -> None:
    assert dimension_of(ALS, "factors", words) == dimension  # type: ignore[arg-type]


def test_numbers_texts_and_none() -> None:
    assert dimension_of(ALS, "regularization", "1e-3..1e0:log") == Real(0.001, 1.0, log=True)
    assert dimension_of(ALS, "unobserved_weight", "none,2.5") == Choice((None, 2.5))
    assert dimension_of(ItemKNN, "weighting", "bm25,cosine") == Choice(("bm25", "cosine"))
    assert dimension_of(Popularity, "half_life", ["7d", None]) == Choice(("7d", None))


@pytest.mark.parametrize(
    ("kind", "name", "wish", "message"),
    [
        (ALS, "factor", "32", "did you mean 'factors'"),
        (ALS, "factors", "32,many", "factors is 'many'. A whole number was expected"),
        (ALS, "factors", "1.5..3", "factors is '1.5'"),
        (ALS, "factors", "64..32", "the space of factors is '64..32': the bounds are 64 and 32"),
        (ALS, "factors", "64..64", "the bounds are 64 and 64"),
        (ALS, "factors", "..64", "factors is ''"),
        (ALS, "factors", "1..2..3", "factors is '2..3'"),
        (ALS, "factors", "0..64", "factors is 0"),
        (ALS, "factors", "32,32", "Distinct values"),
        (ALS, "factors", "", "factors is ''"),
        (ALS, "factors", [], "the choices are ()"),
        (ALS, "factors", Real(0.5, 2), "factors is 0.5. A whole number was expected"),
        (ALS, "regularization", "0..1:log", "the lower bound is 0.0 on a logarithmic scale"),
        (ALS, "regularization", "0.1..1:lug", "the scale of regularization is 'lug'. Log or linear was expected"),
        (ALS, "regularization", "0.1..inf", "Two finite numbers"),
        (ALS, "regularization", "-1..1", "regularization is -1.0"),
        (ItemKNN, "weighting", "cosine..bm25", "a bound of weighting is 'cosine'"),
        (ItemKNN, "weighting", "cosin", "did you mean 'cosine'"),
        (Popularity, "half_life", "soon", "duration such as"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: type[ALS], name: str, wish: object, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        space_of(kind(), {name: wish})  # type: ignore[dict-item]
    assert message in str(caught.value)


def test_wishes_take_the_place_of_what_is_declared() -> None:
    found = space_of(ALS(), {"factors": "8,16", "iterations": "3..5"})
    assert found == {**ALS.search_space, "factors": Choice((8, 16)), "iterations": Integer(3, 5)}


def test_a_log_without_times_has_no_half_life() -> None:
    assert space_of(Popularity(), {}, has_times=False) == {}
    assert "half_life" in space_of(Popularity(), {}, has_times=True)
