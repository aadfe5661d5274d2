from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.dataset import Dataset, Label, Relevance, align_attributes, concat

START = datetime(2026, 1, 1)
EVENTS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.5])),
    min_size=1,
    max_size=40,
)


def frame_of(events):
    return pl.DataFrame(
        {
            "user_id": [user for user, *_ in events],
            "item_id": [item for _, item, *_ in events],
            "ts": [START + timedelta(days=day) for *_, day, _ in events],
            "value": [value for *_, value in events],
        }
    )


@given(EVENTS, st.randoms())
def test_order_of_arrival_does_not_matter(events, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    first, second = Dataset.from_frame(frame_of(events)), Dataset.from_frame(frame_of(shuffled))
    assert first.content_hash == second.content_hash
    assert first.to_polars().equals(second.to_polars())


def test_a_threshold_from_numpy_is_compared_like_a_plain_number():
    frame = {"user_id": [1, 1], "item_id": [1, 2], "value": [0.7, 0.3]}
    computed, plain = (Relevance(at_least=limit) for limit in (np.float64(0.7), 0.7))
    assert Dataset.from_frame(frame, relevance=computed).relevant().toarray().tolist() == [[1, 0]]
    assert computed.to_dict() == plain.to_dict()


def test_whole_and_broken_numbers_give_the_same_hash():
    frame = {"user_id": [1], "item_id": [1]}
    hashes = {Dataset.from_frame(frame, label=Label(cap=cap)).content_hash for cap in (4, 4.0, np.float32(4))}
    assert len(hashes) == 1


def test_the_last_of_repeats_needs_times():
    label = Label(aggregate="last")
    assert Dataset.from_frame({"user_id": [1, 1], "item_id": [1, 2]}, label=label).matrix().nnz == 2
    with pytest.raises(ArgumentError, match="repeats and no times"):
        Dataset.from_frame({"user_id": [1, 1], "item_id": [1, 1], "value": [5, 2]}, label=label).matrix()


@given(EVENTS, st.sampled_from(["sum", "max", "last", "count"]))
def test_matrix_aggregates_repeats_like_a_group_by(events, how):
    frame = frame_of(events)
    data = Dataset.from_frame(frame, label=Label(aggregate=how))
    ordered = frame.sort("user_id", "ts", "item_id", "value")
    pick = {
        "sum": pl.col("value").sum(),
        "max": pl.col("value").max(),
        "last": pl.col("value").last(),
        "count": pl.len().cast(pl.Float64),
    }
    expected = ordered.group_by("user_id", "item_id", maintain_order=True).agg(weight=pick[how])
    dense = np.zeros((data.n_users, data.n_items))
    for user, item, weight in expected.iter_rows():
        dense[data.users.encode([user])[0], data.items.encode([item])[0]] = weight
    matrix = data.matrix()
    np.testing.assert_allclose(matrix.toarray(), dense, rtol=1e-6)
    assert matrix.dtype == np.float32
    assert (matrix.data != 0).all()


def test_pairs_keep_events_whose_weight_is_zero():
    data = Dataset.from_frame({"user_id": [1, 1], "item_id": [1, 2], "value": [0.0, 2.0]})
    assert data.matrix().nnz == 1
    assert data.pairs().nnz == 2


def test_label_decays_then_aggregates_then_caps_then_transforms():
    frame = frame_of([(1, 1, 0, 8.0), (1, 1, 2, 8.0), (1, 2, 2, 1.0)])
    decayed = Dataset.from_frame(frame, label=Label(half_life="2d")).matrix().toarray()
    np.testing.assert_allclose(decayed, [[12.0, 1.0]])
    capped = Dataset.from_frame(frame, label=Label(half_life="2d", cap=3, transform="log1p")).matrix().toarray()
    np.testing.assert_allclose(capped, np.log1p([[3.0, 1.0]]), rtol=1e-6)
    assert Dataset.from_frame(frame, label=Label(transform="binary")).matrix().toarray().tolist() == [[1.0, 1.0]]
    assert Dataset.from_frame(frame, label=Label(aggregate="count", half_life="2d")).matrix().toarray().tolist() == [
        [1.5, 1.0]
    ]


def test_decay_needs_times():
    with pytest.raises(ArgumentError, match="no times"):
        Dataset.from_frame({"user_id": [1], "item_id": [1]}, label=Label(half_life="2d")).matrix()


def test_relevance_is_separate_from_the_label():
    frame = {"user_id": [1, 1, 1], "item_id": [1, 2, 2], "value": [3.0, 4.0, 5.0], "share": [0.9, 0.1, 0.2]}
    assert Dataset.from_frame(frame, relevance=Relevance(at_least=4)).relevant().toarray().tolist() == [[0, 1]]
    assert Dataset.from_frame(frame, relevance=Relevance(at_least=4, gain="value")).relevant().toarray().tolist() == [
        [0, 5]
    ]
    by_share = Dataset.from_frame(frame, relevance=Relevance(at_least=0.5), relevance_column="share")
    assert by_share.relevant().toarray().tolist() == [[1, 0]]
    assert by_share.matrix().toarray().tolist() == [[3, 9]]


def test_gain_by_value_must_be_positive():
    data = Dataset.from_frame({"user_id": [1], "item_id": [1], "value": [0.0]}, relevance=Relevance(gain="value"))
    with pytest.raises(DataError, match="gain 0"):
        data.relevant()


def test_like_shares_vocabularies_and_refuses_strangers():
    data = Dataset.from_frame({"user_id": [1, 2], "item_id": ["a", "b"]}, label=Label(cap=2))
    part = Dataset.from_frame({"user_id": [2], "item_id": ["a"]}, like=data)
    assert part.users is data.users
    assert part.label == data.label
    assert part.matrix().toarray().tolist() == [[0, 0], [1, 0]]
    with pytest.raises(NotFoundError, match="user_id 3 and 0 other rows"):
        Dataset.from_frame({"user_id": [3], "item_id": ["a"]}, like=data)


def test_like_an_empty_dataset_still_shares():
    data = Dataset.from_frame({"user_id": [1], "item_id": [1]}, label=Label(cap=2))
    empty = data.keep(np.zeros(1, dtype=bool))
    assert Dataset.from_frame({"user_id": [1], "item_id": [1]}, like=empty).label.cap == 2


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"user": [1], "item_id": [1]}, NotFoundError, "column 'user_id' is missing"),
        ({"user_id": [1, None], "item_id": [1, 2]}, DataError, "user_id is null in 1 of 2"),
        ({"user_id": [1, 1], "item_id": [1, 2], "value": [1.0, float("inf")]}, DataError, "infinite in 1 of 2"),
        ({"user_id": [1], "item_id": [1], "value": [None]}, DataError, "null, NaN or infinite|has type"),
        ({"user_id": [1], "item_id": [1], "value": ["x"]}, DataError, "value has type"),
        ({"user_id": [1], "item_id": [1], "ts": [5]}, DataError, "ts has type Int64"),
        ({"user_id": [1, 1], "item_id": [1, 1], "ts": [START, None]}, DataError, "ts is null in 1 of 2"),
    ],
)
def test_bad_frames_are_refused(columns, error, message):
    with pytest.raises(error, match=message):
        Dataset.from_frame(columns)


def test_zones_become_utc():
    frame = pl.DataFrame(
        {
            "user_id": [1],
            "item_id": [1],
            "ts": pl.Series(["2026-01-01T01:00:00+02:00"]).str.to_datetime(time_zone="Europe/Helsinki"),
        }
    )
    assert Dataset.from_frame(frame).first_time == datetime(2025, 12, 31, 23)


def test_pandas_frames_are_read_without_pyarrow():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "user_id": pandas.array([1, 2], dtype="Int64"),
            "item_id": ["a", "b"],
            "ts": pandas.to_datetime(["2026-01-01T00:00Z", "2026-01-02T00:00Z"]),
            "value": [1.0, 2.0],
        }
    )
    data = Dataset.from_frame(frame)
    assert data.to_polars().rows() == [(1, "a", 1.0, datetime(2026, 1, 1)), (2, "b", 2.0, datetime(2026, 1, 2))]


def test_attributes_are_aligned_to_codes():
    data = Dataset.from_frame(
        {"user_id": [3, 1], "item_id": [1, 1]},
        user_attributes=pl.DataFrame({"user_id": [1, 9], "country": ["SE", "FI"]}),
    )
    assert data.user_attributes["country"].to_list() == ["SE", None]
    with pytest.raises(DataError, match="more than one row"):
        align_attributes(data.users, pl.DataFrame({"user_id": [1, 1], "country": ["SE", "FI"]}), "user_id")


def test_concat_restores_a_split():
    data = Dataset.from_frame(frame_of([(1, 1, 0, 1.0), (1, 2, 1, 1.0), (2, 1, 2, 2.5)]))
    mask = np.array([True, False, True])
    assert concat(data.keep(mask), data.keep(~mask)).content_hash == data.content_hash


def test_empty_data_is_a_dataset_too():
    data = Dataset.from_frame(pl.DataFrame({"user_id": [], "item_id": [], "ts": pl.Series([], dtype=pl.Datetime)}))
    assert (len(data), data.n_users, data.first_time) == (0, 0, None)
    assert data.matrix().shape == (0, 0)
