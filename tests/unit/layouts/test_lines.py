import polars as pl
import pytest

from recsys.core.errors import DataError
from recsys.layouts import lines, load_layout
from recsys.layouts.files import files_of
from recsys.layouts.lines import Delimited, read_csv, read_delimited, read_json_lines

MOVIES = b"movieId,title,genres\n7,Sabrina (1995),Comedy\n"


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (b"userId,movieId,rating,timestamp\n1,x,4.5,9\n", "malformed .*could not parse `x`"),
        (b"userId,movieId,rating,timestamp\n1,7,4.5\n", "malformed .*not found in CSV file"),
        (b"userId,movieId,rating,timestamp\n1,7,4.5,9,5,5\n", "malformed .*not specified in schema"),
        (b"userId,movieId,rating,timestamp\n1,7,4.5,9\n1,7\n", "malformed .*1 rows lack a number, such as"),
        (b"userId,movieId,rating,timestamp\n1,7,4.5,9\n1,7,1,2,3\n", "malformed .*more fields"),
        (b"userId,movieId,stars,timestamp\n1,7,4.5,9\n", "no column 'rating'"),
        (b"userId,movieId,rating,timestamp\n", "is empty"),
        (b"", "no column 'user_id'"),
    ],
)
def test_malformed_ratings_are_refused_in_one_line(ratings, message, in_folder):
    path = in_folder({"ratings.csv": ratings, "movies.csv": MOVIES})
    with pytest.raises(DataError, match=message) as caught:
        load_layout("movielens-latest", path)["events"].collect()
    assert "\n" not in str(caught.value)
    assert "ratings.csv" in str(caught.value)


def test_malformed_json_is_refused_in_one_line(in_folder):
    path = in_folder({"reviews_x.json": b'{"reviewerID": "a"}\n{oops\n', "meta_x.json": b"{'asin': 1 + }\n"})
    tables = load_layout("amazon-2014", path)
    for table, name in (("events", "reviews_x.json"), ("items", "line 1 of 'meta_x.json'")):
        with pytest.raises(DataError, match=name) as caught:
            tables[table].collect()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [7, 16, 40, 1000])
def test_the_size_of_a_chunk_does_not_matter(size, monkeypatch, in_zip):
    rows = "".join(f"{number}::{number * 7}::Tit\u00e9 {number}\n" for number in range(50)).encode("latin-1")
    files = files_of(in_zip({"a.dat": rows.rstrip(b"\n")}))
    schema = {"a": pl.Int64, "b": pl.Int64, "title": pl.String}
    whole = pl.concat(read_delimited(files, "a.dat", schema, Delimited("::", quoted=False)))
    monkeypatch.setattr(lines, "CHUNK_BYTES", size)
    frames = list(read_delimited(files, "a.dat", schema, Delimited("::", quoted=False)))
    assert pl.concat(frames).equals(whole)
    assert whole.rows()[49] == (49, 343, "Tité 49")
    assert len(frames) > 1 or size == 1000
    assert max(len(frame) for frame in frames) * 6 <= max(size, 6) + 40  # no frame holds more than a chunk and a line


def test_columns_are_found_by_name_in_any_order(in_folder):
    files = files_of(in_folder({"a.csv": b'extra,Item_Id,"User Id"\nx,3,u\n'}))
    wanted = {"user_id": pl.String, "item_id": pl.Int64}
    frame = pl.concat(read_csv(files, "a.csv", wanted, {"userid": "user_id", "itemid": "item_id"}))
    assert frame.columns == ["user_id", "item_id"]
    assert frame.rows() == [("u", 3)]


def test_absent_json_fields_are_null(in_folder):
    files = files_of(in_folder({"a.json": b'{"a": 1, "z": [1, {"y": 2}]}\n{"b": "x"}'}))
    frame = pl.concat(read_json_lines(files, "a.json", {"a": pl.Int64, "b": pl.String}))
    assert frame.rows() == [(1, None), (None, "x")]
