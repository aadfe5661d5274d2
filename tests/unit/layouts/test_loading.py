from datetime import date, datetime

import polars as pl
import pytest

from recsys.core.errors import DataError, NotFoundError
from recsys.layouts import detect_layout, known_layouts, load_layout

ALL = [
    "movielens-100k",
    "movielens-1m",
    "movielens-10m",
    "movielens-25m",
    "lastfm-360k",
    "lastfm-1k",
    "goodbooks-10k",
    "amazon-2014",
    "amazon-2018",
    "amazon-2023",
    "open-bandit",
]


@pytest.mark.parametrize("name", ALL)
def test_a_data_set_is_told_from_its_files(name, stored):
    assert detect_layout(stored(name)) == name


@pytest.mark.parametrize("name", ALL)
def test_tables_have_the_columns_of_the_store(name, stored):
    path = stored(name)
    tables = load_layout(name, path)
    info = next(info for info in known_layouts() if info.name == name)
    assert set(tables) == set(info.tables)
    for table, frames in tables.items():
        rows = frames.collect()
        assert len(rows) > 0
        key = "user_id" if table == "users" else "item_id"
        assert rows[key].null_count() == 0
        assert rows.equals(frames.collect())  # a table can be read again
    if "events" in tables:
        events = tables["events"].collect()
        assert events.columns[:2] == ["user_id", "item_id"]
        assert events["event"].dtype == pl.String
        assert events["value"].dtype == pl.Float64
        if "ts" in events.columns:
            assert events["ts"].dtype == pl.Datetime("us")
    if "items" in tables and "events" in tables:
        assert tables["items"].collect()["item_id"].dtype == events["item_id"].dtype
    assert load_layout("auto", path).keys() == tables.keys()


def test_movielens_100k(stored):
    tables = load_layout("movielens-100k", stored("movielens-100k"))
    assert tables["events"].collect().row(0) == (196, 242, datetime(1997, 12, 4, 15, 55, 49), "rating", 3.0)
    assert tables["items"].collect().rows() == [
        (242, "Kolya (1996)", "Comedy", 1996),
        (302, "Misérables, Les (1995)", "Drama|Musical", 1995),
        (267, "unknown", None, None),
    ]
    assert tables["users"].collect()["zip_code"].to_list() == ["55105", "T8H1N"]


def test_movielens_1m(stored):
    tables = load_layout("movielens-1m", stored("movielens-1m"))
    assert tables["events"].collect().row(1) == (2, 661, datetime(2000, 12, 31, 22, 35, 9), "rating", 3.0)
    assert tables["items"].collect().row(0) == (1193, "Amélie: A Story (2001)", "Comedy|Romance", 2001)
    users = tables["users"].collect()
    assert users["age_group"].to_list() == ["under 18", "56+"]
    assert users["occupation"].to_list() == ["K-12 student", "self-employed"]


def test_movielens_10m(stored):
    tables = load_layout("movielens-10m", stored("movielens-10m"))
    assert tables["events"].collect()["value"].to_list() == [5.0, 4.5]
    assert tables["items"].collect().rows() == [
        (122, "Amélie (2001)", "Comedy", 2001),
        (185, "The Net (1995)", None, 1995),
    ]


def test_movielens_csv(stored):
    tables = load_layout("movielens-25m", stored("movielens-25m"))
    assert tables["items"].collect().rows() == [
        (296, "American President, The (1995)", "Comedy|Drama", 1995),
        (306, "Nowhere", None, None),
    ]
    assert tables["events"].collect()["value"].to_list() == [5.0, 3.5]


@pytest.mark.parametrize(
    "header",
    ["userId,movieId,rating,timestamp", "userid,movieid,rating,timestamp", "USER_ID,Movie_ID,Rating,Timestamp"],
)
def test_files_may_disagree_about_names(header, in_folder):
    path = in_folder(
        {
            "ratings.csv": f"\ufeff{header}\n1,7,4.5,978300760\n".encode(),
            "movies.csv": b"movieId,title,genres\n7,Sabrina (1995),Comedy\n",
        }
    )
    assert load_layout("auto", path)["events"].collect().row(0)[:2] == (1, 7)
    assert detect_layout(path) == "movielens-latest"


@pytest.mark.parametrize(
    ("folder", "name"), [("ml-20m", "20m"), ("ml-latest-small", "latest-small"), ("ml-latest", "latest")]
)
def test_the_folder_tells_the_size_of_movielens(folder, name, in_zip, data_sets):
    members = {key.replace("ml-25m", folder): content for key, content in data_sets["movielens-25m"].items()}
    assert detect_layout(in_zip(members)) == f"movielens-{name}"


def test_lastfm_360k(stored):
    tables = load_layout("lastfm-360k", stored("lastfm-360k"))
    events = tables["events"].collect()
    assert events.rows() == [
        ("00000c28", "3bd73256", "play", 2137.0),
        ("00000c28", "die Ärzte", "play", 12.0),
        ("0000ef", "3bd73256", "play", 9.0),
    ]
    assert tables["items"].collect()["item_id"].to_list() == ["3bd73256", "die Ärzte"]
    assert tables["users"].collect().rows() == [
        ("00000c28", "f", None, "Germany", date(2007, 2, 1)),
        ("0000ef", None, 31, None, None),
    ]


def test_lastfm_1k(stored):
    tables = load_layout("lastfm-1k", stored("lastfm-1k"))
    events = tables["events"].collect()
    assert events["ts"].to_list() == [datetime(2009, 5, 4, 23, 8, 57), datetime(2009, 5, 4, 13, 54, 10)]
    assert events["item_id"].to_list() == ["f1b1cf71", 'A "quoted name']
    assert tables["users"].collect()["user_id"].to_list() == ["user_000001", "user_000002"]


def test_goodbooks(stored):
    tables = load_layout("goodbooks-10k", stored("goodbooks-10k"))
    assert tables["events"].collect().rows() == [
        (1, 258, "rating", 5.0),
        (2, 4081, "rating", 4.0),
        (9, 8, "to_read", 1.0),
    ]
    assert tables["items"].collect()["year"].to_list() == [2001, -750, None]


def test_amazon_2014(stored):
    tables = load_layout("amazon-2014", stored("amazon-2014"))
    assert tables["events"].collect().row(0) == (
        "A10000012B7CGYKOMPQ4L",
        "000100039X",
        datetime(2012, 12, 16),
        "rating",
        5.0,
    )
    assert tables["items"].collect().rows() == [
        ("000100039X", "The Prophet's", "Books|Poetry", None, 7.5),
        ("0001055178", None, None, None, None),
    ]


@pytest.mark.parametrize("row", ["{item},{user},5.0,1387670400", "{user},{item},5.0,1387670400"])
def test_ratings_only_files_have_the_user_first_or_second(row, in_folder):
    path = in_folder({"ratings_Music.csv": row.format(user="A1ZCPG3D3HGRSS", item="0001388703").encode()})
    events = load_layout("auto", path)["events"].collect()
    assert events.row(0) == ("A1ZCPG3D3HGRSS", "0001388703", datetime(2013, 12, 22), "rating", 5.0)


def test_a_single_file_is_a_data_set_too(in_folder, data_sets):
    path = in_folder(data_sets["amazon-2014"]) / "reviews_Books_5.json.gz"
    assert detect_layout(path) == "amazon-2014"
    assert load_layout("auto", path).keys() == {"events"}


def test_amazon_2018(stored):
    tables = load_layout("amazon-2018", stored("amazon-2018"))
    assert tables["events"].collect()["user_id"].to_list() == ["A1ZCPG3D3HGRSS", "AC2PL52NKPL29"]
    assert tables["items"].collect().row(0) == ("0001388703", "Songs", "Digital Music|Pop", "Band", 1059.0)


def test_amazon_2023(stored):
    tables = load_layout("amazon-2023", stored("amazon-2023"))
    assert tables["events"].collect().rows() == [
        ("AGKH", "B00YQ6X8EO", datetime(2020, 5, 5, 14, 8, 48, 923000), "rating", 5.0),
        ("AGKH", "B2", datetime(2020, 5, 5, 14, 8, 48), "rating", 4.0),
    ]
    assert tables["items"].collect().row(0) == ("B2", "Tune", "Music", "Label", None)


def test_open_bandit(stored):
    tables = load_layout("open-bandit", stored("open-bandit"))
    rows = tables["impressions"].collect()
    assert rows["item_id"].to_list() == ["women-14", "men-14"]
    assert rows["policy"].to_list() == ["bts", "random"]
    assert rows["candidate_set"].to_list() == ["women", "men"]
    assert rows["propensity_position"].to_list() == [0.0294, 0.0294]
    assert rows["ts"][0] == datetime(2019, 11, 24, 0, 3, 13, 442536)
    assert rows["ts"].dtype == pl.Datetime("us")
    assert "user_feature_3" in rows.columns
    assert tables["items"].collect()["item_id"].to_list() == ["men-14"]


def test_open_bandit_with_its_folders_flattened(in_folder, data_sets):
    members = {
        key.removeprefix("open_bandit_dataset/").replace("/", "_"): each
        for key, each in data_sets["open-bandit"].items()
    }
    path = in_folder(members)
    assert detect_layout(path) == "open-bandit"
    assert load_layout("auto", path)["impressions"].collect()["policy"].to_list() == ["bts", "random"]


def test_unknown_names_and_paths_are_named(tmp_path, in_folder):
    with pytest.raises(NotFoundError, match="did you mean 'movielens-1m'"):
        load_layout("movielens-1", tmp_path)
    with pytest.raises(NotFoundError, match="does not exist"):
        load_layout("auto", tmp_path / "nowhere.zip")
    with pytest.raises(DataError, match=r"not one that is known \(it has notes\.txt\)"):
        load_layout("auto", in_folder({"notes.txt": b"x"}))
    with pytest.raises(DataError, match="not one that is known"):
        load_layout("auto", in_folder({"ratings.csv": b"a,b\n"}))


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("movielens-100k", "'u.data'"),
        ("movielens-1m", "'ratings.dat'"),
        ("movielens-25m", "'ratings.csv'"),
        ("lastfm-1k", "'userid-timestamp"),
        ("lastfm-360k", "'usersha1-artmbid"),
        ("goodbooks-10k", "'ratings.csv'"),
        ("amazon-2018", "has no reviews"),
        ("open-bandit", "has no log"),
    ],
)
def test_a_missing_file_is_named(name, missing, in_folder):
    with pytest.raises(DataError, match=missing):
        load_layout(name, in_folder({"notes.txt": b"x"}))
