"""Ingest: what goes in, what is bad, what is known already."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, GateError, NotFoundError, RecsysError
from recsys.store import Store

HEADER = "user_id,item_id,ts\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def rows_of(store: Store) -> list[tuple[Any, ...]]:
    frame = store.events()
    return frame.select("user_id", "item_id", "ts").sort(pl.all(), nulls_last=True).rows()


# ---- formats


FILES: dict[str, Any] = {
    "comma.csv": 'user_id,item_id,ts,minutes\n1,a,2026-01-01T00:00:00Z,1.5\n2,"b,""c",2026-01-02T00:00:00Z,\n',
    "semicolon.csv": 'user_id;item_id;ts;minutes\n1;a;2026-01-01T00:00:00Z;1.5\n2;b,"c;2026-01-02T00:00:00Z;\n',
    "tab.tsv": 'user_id\titem_id\tts\tminutes\n1\ta\t2026-01-01T00:00:00Z\t1.5\n2\tb,"c\t2026-01-02T00:00:00Z\t\n',
    "lines.jsonl": '{"user_id":1,"item_id":"a","ts":"2026-01-01T00:00:00Z","minutes":1.5}\n'
    '{"user_id":2,"item_id":"b,\\"c","ts":"2026-01-02T00:00:00Z"}\n',
    "array.json": '[{"user_id":1,"item_id":"a","ts":"2026-01-01T02:00:00+02:00","minutes":1.5},'
    '{"user_id":2,"item_id":"b,\\"c","ts":"2026-01-02T00:00:00Z","minutes":null}]',
}


@pytest.mark.parametrize("name", FILES)
def test_every_text_format_gives_the_same_rows(name: str, store: Store, tmp_path: Path) -> None:
    result = store.ingest("events", write(tmp_path / name, FILES[name]))
    assert (result.rows_read, result.rows_ingested, result.rows_bad) == (2, 2, 0)
    expected = [(1, "a", datetime(2026, 1, 1), 1.5), (2, 'b,"c', datetime(2026, 1, 2), None)]
    assert store.events(columns=["user_id", "item_id", "ts", "minutes"]).sort("user_id").rows() == expected


def test_compressed_files_and_globs(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f"{HEADER}1,x,1700000000\n".encode()))
    con = duckdb.connect()
    for name in ("b.csv.zst", "c.jsonl.gz", "d.parquet"):
        con.execute(f"COPY (SELECT 2 AS user_id, 'y' AS item_id, 1700000001 AS ts) TO '{tmp_path / name}'")
    result = store.ingest("events", str(tmp_path / "*.csv.*"))
    assert [Path(file).name for file in result.files] == ["a.csv.gz", "b.csv.zst"]
    assert len(result.ingest_ids) == 2
    again = store.ingest("events", [tmp_path / "c.jsonl.gz", tmp_path / "d.parquet"])
    assert (again.rows_ingested, again.rows_duplicate) == (0, 2)
    assert rows_of(store) == [
        (1, "x", datetime(2023, 11, 14, 22, 13, 20)),
        (2, "y", datetime(2023, 11, 14, 22, 13, 21)),
    ]


def test_a_format_can_be_named(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path / "log.2026", f"{HEADER}1,x,1700000000\n".replace(",", "::"))
    with pytest.raises(ArgumentError, match="format of .*log.2026 is unknown"):
        store.ingest("events", file)
    assert store.ingest("events", file, format="csv", delimiter="::").rows_ingested == 1


def test_extra_columns_are_kept_with_their_types(store: Store, tmp_path: Path) -> None:
    text = "user_id,item_id,plays,share,zip,free\n1,a,3,0.5,01234,x\n2,b,,1,99999,\n"
    store.ingest("events", write(tmp_path / "e.csv", text))
    frame = store.events(columns=["plays", "share", "zip", "free"]).sort("plays", nulls_last=True)
    assert frame.schema == {"plays": pl.Int64, "share": pl.Float64, "zip": pl.String, "free": pl.String}
    assert frame.rows() == [(3, 0.5, "01234", "x"), (None, 1.0, "99999", None)]
    more = pl.DataFrame({"user_id": [3], "item_id": ["c"], "plays": [2.5], "zip": [7], "tags": [["x", "y"]]})
    store.ingest("events", more)
    last = store.events(columns=["user_id", "plays", "zip", "tags"]).filter(user_id=3)
    assert last.rows() == [(3, 2.5, "7", ["x", "y"])]


# ---- columns


def test_a_missing_column_lists_the_columns_and_proposes_a_mapping(store: Store, tmp_path: Path) -> None:
    ratings = write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,2,3.5,1700000000\n")
    with pytest.raises(DataError, match="no column 'user_id' and no column 'item_id'") as caught:
        store.ingest("events", ratings)
    assert "It has userId, movieId, rating, timestamp" in str(caught.value)
    assert "--map user_id=userId --map item_id=movieId --map ts=timestamp --map value=rating" in str(caught.value)
    mapping = {"user_id": "userId", "item_id": "movieId", "ts": "timestamp", "value": "rating"}
    store.ingest("events", ratings, map=mapping, set={"event": "rating"})
    assert store.events().rows() == [(1, 2, datetime(2023, 11, 14, 22, 13, 20), "rating", 3.5)]


def test_a_wrong_mapping_names_the_nearest_column(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no column 'membr' to read as user_id.*did you mean 'member'"):
        store.ingest("events", pl.DataFrame({"member": [1], "item_id": [1]}), map={"user_id": "membr"})


def test_a_time_column_that_was_overlooked_is_told(store: Store) -> None:
    result = store.ingest("events", pl.DataFrame({"user_id": [1], "item_id": [1], "timestamp": [1_700_000_000]}))
    assert "--map ts=timestamp" in result.warnings[0]
    assert any("no column `ts`" in note for note in result.notes)
    assert store.events()["ts"].to_list() == [None]


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        ({"user_id": [1], "item_id": [1], "event": ["a"]}, {"set": {"event": "play"}}, "map or set event, not both"),
        ({"user_id": [1], "item_id": [1], "ingest_id": [1]}, {}, "'ingest_id' is reserved"),
        ({"uid": [1], "item_id": [1], "User_ID": [1]}, {"map": {"user_id": "uid"}}, "'user_id' and 'User_ID'"),
    ],
)
def test_columns_that_collide(frame: dict[str, Any], options: dict[str, Any], words: str, store: Store) -> None:
    with pytest.raises(ArgumentError, match=words):
        store.ingest("events", pl.DataFrame(frame), **options)


# ---- times


@pytest.mark.parametrize(
    ("values", "options", "note"),
    [
        ([1_700_000_000, 1_700_000_060], {}, "epoch seconds"),
        ([1_700_000_000_000, 1_700_000_060_000], {}, "epoch milliseconds"),
        ([1_700_000_000_000_000, 1_700_000_060_000_000], {}, "epoch microseconds"),
        ([1_700_000_000_000_000_000, 1_700_000_060_000_000_000], {}, "epoch nanoseconds"),
        ([1_700_000_000.0, 1_700_000_060.0], {}, "epoch seconds"),
        (["1700000000", "1700000060"], {}, "epoch seconds"),
        ([1_700_000_000, 1_700_000_060], {"time_unit": "s"}, ""),
        (["2023-11-14T22:13:20Z", "2023-11-14 23:14:20+01:00"], {}, ""),
        (["2023-11-14T22:13:20", "2023-11-14 22:14:20"], {}, "taken as UTC"),
        (["2023-11-14T23:13:20", "2023-11-14T22:14:20Z"], {"timezone": "Europe/Berlin"}, ""),
        ([datetime(2023, 11, 14, 22, 13, 20), datetime(2023, 11, 14, 22, 14, 20)], {}, "taken as UTC"),
        ([datetime(2023, 11, 14, 23, 13, 20), datetime(2023, 11, 14, 23, 14, 20)], {"timezone": "Europe/Berlin"}, ""),
        ([datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC)], {}, ""),
    ],
)
def test_times_in_every_form(values: list[Any], options: dict[str, Any], note: str, store: Store) -> None:
    result = store.ingest("events", pl.DataFrame({"user_id": [1, 2], "item_id": ["a", "a"], "ts": values}), **options)
    assert rows_of(store) == [
        (1, "a", datetime(2023, 11, 14, 22, 13, 20)),
        (2, "a", datetime(2023, 11, 14, 22, 14, 20)),
    ]
    about_time = [line for line in result.notes if line.startswith("ts")]
    assert len(about_time) == bool(note)
    assert note in "".join(about_time)


def test_fractions_of_a_second_survive(store: Store) -> None:
    stamps = pl.DataFrame({"user_id": [1], "item_id": [1], "ts": [1_700_000_000.25]})
    store.ingest("events", stamps)
    assert store.events()["ts"][0] == datetime(2023, 11, 14, 22, 13, 20, 250_000)


def test_unknown_zones_and_units(store: Store) -> None:
    frame = pl.DataFrame({"user_id": [1], "item_id": [1]})
    with pytest.raises(ArgumentError, match="timezone is 'Mars'"):
        store.ingest("events", frame, timezone="Mars")
    with pytest.raises(ArgumentError, match="time_unit is 'sec'"):
        store.ingest("events", frame, time_unit="sec")


def test_rows_in_the_future_are_told_and_do_not_move_the_watermark(store: Store) -> None:
    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=4000)
    frame = pl.DataFrame({"user_id": [1, 2], "item_id": [1, 1], "ts": [datetime(2026, 1, 1), soon]})
    result = store.ingest("events", frame)
    assert any("in the future" in warning for warning in result.warnings)
    mark = store.watermark("events")
    assert mark is not None
    assert mark < soon
    store.set_watermark("events", "2026-01-02")
    assert store.watermark("events") == datetime(2026, 1, 2)


# ---- ids


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], [1, 2]),
        (["1", "x"], ["1", "x"]),
        (["1", "2"], ["1", "2"]),
        ([1.0, 2.0], [1, 2]),
        (pl.Series([1, 2**63 - 1], dtype=pl.UInt64), [1, 2**63 - 1]),
        (pl.Series(["u", "v"], dtype=pl.Categorical), ["u", "v"]),
        (["é", "e\u0301"], ["e\u0301", "é"]),
        ([" x", "x"], [" x", "x"]),
    ],
)
def test_the_first_ids_fix_the_type(values: Any, expected: list[Any], store: Store) -> None:
    store.ingest("events", pl.DataFrame({"user_id": values, "item_id": [1, 1]}))
    assert sorted(store.events()["user_id"].to_list()) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["01", "2"], ["01", "2"]),
        (["x1", "2"], ["2", "x1"]),
        (["9223372036854775808", "2"], ["2", "9223372036854775808"]),
    ],
)
def test_ids_of_a_csv_file_are_judged_by_all_of_them(
    lines: list[str], expected: list[Any], store: Store, tmp_path: Path
) -> None:
    store.ingest("events", write(tmp_path / "e.csv", "user_id,item_id\n" + "".join(f"{line},7\n" for line in lines)))
    assert sorted(store.events()["user_id"].to_list()) == expected


def test_one_odd_id_among_many_integers_is_a_bad_row(store: Store, tmp_path: Path) -> None:
    lines = "".join(f"{user},7\n" for user in range(200)) + "guest,7\n"
    file = write(tmp_path / "e.csv", "user_id,item_id\n" + lines)
    with pytest.raises(DataError, match="1 × user_id is not a whole number.*guest"):
        store.ingest("events", file)
    assert store.ingest("events", file, id_types={"user_id": "text"}).rows_ingested == 201


def test_digits_as_text_fit_integer_ids_and_integers_fit_text_ids(store: Store) -> None:
    store.ingest("events", pl.DataFrame({"user_id": [7], "item_id": ["a"]}))
    result = store.ingest(
        "events", pl.DataFrame({"user_id": ["7", "07", "7.0", "-3"], "item_id": [1, 2, 3, 4]}), on_bad_rows="quarantine"
    )
    assert (result.rows_ingested, result.rows_bad) == (2, 2)
    assert sorted(store.events().select("user_id", "item_id").rows()) == [(-3, "4"), (7, "1"), (7, "a")]


# ---- bad rows


BAD = pl.DataFrame(
    {
        "user_id": [1.0, None, 2.5, 3.0, 4.0, 5.0, 6.0, 1e300],
        "item_id": ["a", "a", "a", None, "", "b", "b", "b"],
        "ts": [*["2026-01-01T00:00:00Z"] * 5, "yesterday", None, "2026-01-01T00:00:00Z"],
    }
)
REASONS = {
    "item_id is null": 2,
    "user_id is not a whole number": 2,
    "ts is not a time": 1,
    "ts is null": 1,
    "user_id is null": 1,
}


def test_bad_rows_stop_the_ingest_with_counts_and_examples(store: Store) -> None:
    with pytest.raises(DataError, match="7 of 8 rows are bad in frame") as caught:
        store.ingest("events", BAD)
    for reason, count in REASONS.items():
        assert f"{count} × {reason}, e.g. {{" in str(caught.value)
    assert caught.value.exit_code == 5
    assert store.ingests().height == 0
    with store.read() as con:
        assert con.execute("SELECT count(*) FROM user_keys").fetchall() == [(0,)]


def test_bad_rows_go_to_the_quarantine(store: Store) -> None:
    result = store.ingest("events", BAD, on_bad_rows="quarantine")
    assert (result.rows_read, result.rows_ingested, result.rows_bad) == (8, 1, 7)
    assert {bad.reason: bad.count for bad in result.bad} == REASONS
    assert json.loads(result.bad[0].examples[0])["user_id"] == 3.0
    shown = store.quarantine("events")
    assert dict(shown["reason"].value_counts().rows()) == REASONS
    assert {"user_id": 2.5, "item_id": "a", "ts": "2026-01-01T00:00:00Z"} in [json.loads(row) for row in shown["row"]]
    assert store.quarantine("items").height == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_bad(value: float, store: Store) -> None:
    with pytest.raises(DataError, match="1 × value is NaN or infinite"):
        store.ingest("events", pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "value": [1.0, value]}))


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("propensity_position", 0.0, "outside"),
        ("propensity_slate", 1.5, "outside"),
        ("propensity_given_above", float("nan"), "NaN"),
        ("position", 1.5, "whole number"),
        ("position", "first", "whole number"),
        ("viewed", "maybe", "truth value"),
        ("reward", "much", "not a number"),
    ],
)
def test_bad_impressions(column: str, value: Any, reason: str, store: Store) -> None:
    with pytest.raises(DataError, match=f"1 × {column} .*{reason}"):
        store.ingest("impressions", pl.DataFrame({"item_id": [1], column: [value]}))


def test_impressions_may_lack_a_user(store: Store) -> None:
    frame = pl.DataFrame(
        {"user_id": [1, None], "item_id": [1, 2], "position": [1, 2], "policy": ["p", "p"], "x": [1, 2]}
    )
    store.ingest("impressions", frame)
    assert store.impressions().select("user_id", "item_id", "position", "x").sort("item_id").rows() == [
        (1, 1, 1, 1),
        (None, 2, 2, 2),
    ]


def test_exposures(store: Store) -> None:
    frame = pl.DataFrame({"experiment": ["e"], "unit_id": [7], "variant": ["b"], "ts": ["2026-01-01T00:00:00Z"]})
    store.ingest("exposures", frame)
    assert store.exposures().rows() == [("e", 7, "b", datetime(2026, 1, 1))]
    with pytest.raises(DataError, match="variant is null"):
        store.ingest("exposures", frame.with_columns(variant=pl.lit(None, pl.String)))


def test_malformed_lines_are_bad_rows(store: Store, tmp_path: Path) -> None:
    csv = write(tmp_path / "e.csv", f"{HEADER}1,a,1700000000\n2,b\n3,c,1700000000,more\n4,d,1700000000\n")
    with pytest.raises(DataError, match="malformed line: too many columns, e.g. 3,c,1700000000,more"):
        store.ingest("events", csv)
    result = store.ingest("events", csv, on_bad_rows="quarantine")
    assert (result.rows_read, result.rows_ingested, result.rows_bad) == (4, 2, 2)
    lines = write(tmp_path / "e.jsonl", '{"user_id":8,"item_id":"a"}\n{"user_id":9,\n\n{"user_id":9,"item_id":"b"}\n')
    result = store.ingest("events", lines, on_bad_rows="quarantine")
    assert (result.rows_read, result.rows_ingested, result.rows_bad) == (3, 2, 1)
    assert '{"user_id":9,' in store.quarantine()["row"].to_list()


@pytest.mark.parametrize(
    ("name", "content"),
    [("e.parquet", b"PAR1 this is not parquet PAR1"), ("e.csv", b""), ("e.json", b"{"), ("e.csv.gz", b"no gzip")],
)
def test_files_that_cannot_be_read(name: str, content: bytes, store: Store, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecsysError) as caught:
        store.ingest("events", tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in store.path.iterdir() if path.name.startswith("staging")] == []


def test_a_truncated_parquet_file_leaves_nothing(store: Store, tmp_path: Path, plays: pl.DataFrame) -> None:
    whole = tmp_path / "whole.parquet"
    pl.concat([plays] * 5000).write_parquet(whole, row_group_size=1000)
    damaged = bytearray(whole.read_bytes())
    damaged[len(damaged) // 3 : len(damaged) // 3 + 400] = b"\xff" * 400
    whole.write_bytes(damaged)
    with pytest.raises(DataError):
        store.ingest("events", whole)
    assert store.events().height == 0
    assert store.ingest("events", plays).rows_ingested == 4


def test_the_first_file_is_not_stored_when_the_second_fails(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "1.csv", f"{HEADER}1,a,1700000000\n")
    write(tmp_path / "2.csv", f"{HEADER}1,a,someday\n")
    with pytest.raises(DataError, match="2.csv"):
        store.ingest("events", tmp_path / "*.csv")
    assert store.events().height == 0


# ---- again and again


def test_the_same_rows_are_stored_once_in_whatever_order_and_form(
    store: Store, plays: pl.DataFrame, tmp_path: Path
) -> None:
    first = store.ingest("events", plays)
    plays.write_parquet(tmp_path / "again.parquet")
    for source in (plays, plays.reverse(), tmp_path / "again.parquet", plays.select(sorted(plays.columns))):
        result = store.ingest("events", source)
        assert (result.rows_ingested, result.rows_duplicate, result.ingest_ids) == (0, 4, ())
        assert f"(ingest {first.ingest_ids[0]}): nothing was added" in result.warnings[0]
    assert store.events().height == 4


def test_a_file_with_other_values_holds_other_rows(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path / "e.csv", "user_id,item_id\n1,1\n")
    stored = [store.ingest("events", file, set={"event": event}).rows_ingested for event in ("play", "buy", "play")]
    assert stored == [1, 1, 0]
    assert sorted(store.events()["event"]) == ["buy", "play"]


def test_rows_are_known_though_another_duckdb_hashed_them(store: Store, plays: pl.DataFrame) -> None:
    items = pl.DataFrame({"item_id": ["a", "b"], "title": ["A", None]})
    for table, frame in (("events", plays), ("items", items)):
        store.ingest(table, frame)
        with store.write() as con:
            older = """replace(options, '"hash_family":"', '"hash_family":"9')"""
            con.execute(f"UPDATE ingests SET content_hash = 'other', options = {older}")
        assert store.ingest(table, frame).rows_ingested == 0
        assert store.ingest(table, frame.reverse()[1:]).rows_ingested == len(frame) - 1


def test_a_name_that_looks_like_a_pattern_is_one_file(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "e1.csv", "user_id,item_id\n1,1\n")
    file = write(tmp_path / "e[1].csv", "user_id,item_id\n2,2\n")
    store.ingest("events", file)
    assert store.events()["user_id"].to_list() == [2]


def test_other_rows_and_identical_rows_inside_a_file_are_stored(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays)
    assert store.ingest("events", pl.concat([plays, plays[:1]])).rows_ingested == 5
    assert store.events().height == 9


def test_a_reverted_file_can_come_again(store: Store, plays: pl.DataFrame) -> None:
    first = store.ingest("events", plays)
    store.revert(first.ingest_ids[0])
    assert store.ingest("events", plays).rows_ingested == 4
    assert store.events().height == 4


def test_event_ids_make_rows_known_one_by_one(store: Store, plays: pl.DataFrame) -> None:
    numbered = plays.with_columns(event_id=pl.Series([10, 11, 12, 12]))
    result = store.ingest("events", numbered)
    assert (result.rows_ingested, result.rows_duplicate) == (3, 1)
    more = numbered.with_columns(event_id=pl.Series([12, 13, 14, 10]))
    result = store.ingest("events", more)
    assert (result.rows_ingested, result.rows_duplicate) == (2, 2)
    assert sorted(store.events()["event_id"].to_list()) == ["10", "11", "12", "13", "14"]
    with pytest.raises(DataError, match="event_id is null"):
        store.ingest("events", numbered.with_columns(event_id=pl.lit(None, pl.Int64)))


def test_a_day_is_replaced_by_its_new_export(store: Store, plays: pl.DataFrame) -> None:
    store.ingest("events", plays)
    mark = store.ingests()["received_at"][0]
    day = plays.filter(pl.col("ts").str.starts_with("2026-01-01"))
    fresh = [day[:1], day[1:].with_columns(item_id=pl.lit("z"))]
    result = store.ingest("events", fresh, replace_partition="2026-01-01")
    assert result.rows_ingested == 2
    assert sorted(store.events()["item_id"].to_list()) == ["a", "a", "c", "z"]
    assert store.ingest("events", fresh, replace_partition="2026-01-01").rows_ingested == 0
    assert store.events(as_of=mark).height == 4
    store.revert(result.ingest_ids[0])
    assert store.events().height == 5
    with pytest.raises(DataError, match="Only rows of 2026-01-01 were expected"):
        store.ingest("events", plays, replace_partition="2026-01-01")
    with pytest.raises(ArgumentError, match="replace_partition is '2026-01-01T05:00'"):
        store.ingest("events", plays, replace_partition="2026-01-01T05:00")


# ---- gates


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ({"expect_rows": 9}, "8 rows arrived. At least 9"),
        ({"expect_rows": "1..7"}, "1 to 7"),
        ({"max_bad": 0.5}, "7 of 8 rows are bad"),
        ({"max_bad": 6}, "at most 6"),
        ({"fresh": "1d"}, "the newest row is of 2026-01-01"),
    ],
)
def test_a_gate_that_does_not_hold_stores_nothing(gates: dict[str, Any], words: str, store: Store) -> None:
    with pytest.raises(GateError, match=f"(?i){words}") as caught:
        store.ingest("events", BAD, on_bad_rows="quarantine", **gates)
    assert caught.value.exit_code == 6
    assert store.ingests().height == 0


def test_gates_that_hold(store: Store) -> None:
    options: dict[str, Any] = {"expect_rows": "8..8", "max_bad": 0.9, "fresh": "36500d", "on_bad_rows": "quarantine"}
    assert store.ingest("events", BAD, **options).rows_ingested == 1


# ---- versions


def test_items_are_versions_by_key(store: Store) -> None:
    store.ingest("items", pl.DataFrame({"item_id": [1, 2], "title": ["one", "two"]}))
    later = pl.DataFrame({"item_id": [2, 3, 3], "title": ["zwei", "drei", "trois"], "valid_from": ["2026-02-01"] * 3})
    result = store.ingest("items", later)
    assert (result.rows_ingested, result.rows_duplicate) == (2, 1)
    assert "names some keys more than once" in result.warnings[0]
    assert store.items()["title"].to_list() == ["one", "zwei", "trois"]
    assert store.items(at="2026-01-31")["title"].to_list() == ["one", "two"]
    first = store.ingests()["received_at"].to_list()[-1]
    assert store.items(as_of=first)["title"].to_list() == ["one", "two"]


def test_an_old_version_that_comes_again_is_the_newest(store: Store) -> None:
    old, new = (pl.DataFrame({"item_id": [1], "title": [title]}) for title in ("old", "new"))
    assert store.ingest("items", old).rows_ingested == 1
    assert store.ingest("items", old).rows_ingested == 0
    store.ingest("items", new)
    assert store.ingest("items", old).rows_ingested == 1
    assert store.items()["title"].to_list() == ["old"]


def test_progress_counts_rows(store: Store, plays: pl.DataFrame) -> None:
    told = []
    store.ingest("events", [plays, plays.with_columns(user_id=pl.col("user_id") + 9)], progress=told.append)
    assert [(step.stage, step.done, step.total) for step in told] == [
        ("read events", 4, None),
        ("read events", 8, None),
        ("store events", 4, 8),
        ("store events", 8, 8),
    ]


def test_an_empty_frame(store: Store, plays: pl.DataFrame) -> None:
    result = store.ingest("events", plays[:0])
    assert (result.rows_read, result.rows_ingested) == (0, 0)
    assert store.describe().rows == 0


# ---- repeats


def log(days: range, per_day: int = 50) -> pl.DataFrame:
    rows = [
        (user, item, f"2026-01-{day:02}T{user % 24:02}:00:00Z", float(user))
        for day in days
        for user, item in enumerate(range(per_day))
    ]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "ts", "value"], orient="row")


def test_a_file_that_overlaps_an_earlier_one_is_told(store: Store) -> None:
    assert store.ingest("events", log(range(1, 8))).warnings == ()
    found = store.ingest("events", log(range(7, 14)))
    (warning,) = found.warnings
    assert "50 of 350 rows are equal to rows that the store had already" in warning
    assert "revert ingest 2" in warning
    assert "event_id" in warning
    assert "replace_partition" in warning
    store.revert(2)
    assert store.ingest("events", log(range(8, 14))).warnings == ()  # what was taken back does not count


def test_overlap_is_no_question_with_event_ids_or_whole_days(store: Store) -> None:
    day = log(range(1, 2))
    store.ingest("events", day)
    replaced = day.with_columns(value=pl.col("value") + 1)
    assert store.ingest("events", replaced, replace_partition="2026-01-01").warnings == ()
    known = day.with_columns(event_id=pl.int_range(pl.len()).cast(pl.String))
    store.ingest("events", known)
    again = store.ingest("events", pl.concat([known, known[:1].with_columns(event_id=pl.lit("new"))]))
    assert (again.rows_duplicate, again.warnings) == (50, ())


def test_equal_rows_of_one_file_are_kept_and_counted(store: Store) -> None:
    day = log(range(1, 2))
    found = store.ingest("events", pl.concat([day, day[:3], day[:1]]))
    assert found.rows_ingested == 54
    assert any("4 of 54 rows are equal to an earlier row of the file; all rows are kept" in n for n in found.notes)


def test_a_large_file_is_judged_by_a_sample(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.store.repeats.SAMPLE", 500)
    first, second = log(range(1, 21), 200), log(range(11, 31), 200)
    store.ingest("events", pl.concat([first, first[:1000]]))
    (warning,) = store.ingest("events", second).warnings
    share = int(re.search(r"about ([\d,]+) of 4,000 rows", warning)[1].replace(",", "")) / 4000
    assert 0.35 < share < 0.65
    assert any("about" in note for note in store.ingest("events", pl.concat([second, second[:2000]])).notes)


# ---- what an ingest shows


def test_a_row_of_a_wrong_clock_does_not_make_a_file_fresh(store: Store) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    times = [now - timedelta(days=3), now + timedelta(days=4000)]
    stale = pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "ts": times})
    with pytest.raises(GateError, match="the newest row is of"):
        store.ingest("events", stale, fresh="1d")
    with pytest.raises(GateError, match="none before now"):
        store.ingest("events", stale[1:], fresh="1d")
    assert store.ingest("events", stale, fresh="4d").rows_ingested == 2


def test_results_show_themselves(store: Store, plays: pl.DataFrame) -> None:
    bad = pl.concat([plays, plays[:1].with_columns(ts=pl.lit("never"))])
    found = store.ingest("events", bad, on_bad_rows="quarantine")
    text = repr(found)
    for part in ("events: 1 file in", "ingest 1", "stored", "bad: quarantined", "ts is not a time"):
        assert part in text
    assert "nothing new" in repr(store.ingest("events", bad, on_bad_rows="quarantine"))
    assert repr(store.revert(1)).startswith("change 1 of events (4 rows) was taken back")
    assert "<table>" in found._repr_html_()
