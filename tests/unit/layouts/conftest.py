"""Tiny data sets in the layouts of the real ones."""

import gzip
import io
import tarfile
import zipfile

import pytest

ML_100K = {
    "ml-100k/u.data": b"196\t242\t3\t881250949\n186\t302\t4\t891717742\n",
    "ml-100k/u.item": (
        "242|Kolya (1996)|24-Jan-1997||http://x|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        "302|Mis\u00e9rables, Les (1995)|01-Jan-1995||http://y|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n"
        "267|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    ).encode("latin-1"),
    "ml-100k/u.user": b"196|49|M|writer|55105\n186|39|F|executive|T8H1N\n",
}
ML_1M = {
    "ml-1m/ratings.dat": b"1::1193::5::978300760\n2::661::3::978302109\n",
    "ml-1m/movies.dat": "1193::Am\u00e9lie: A Story (2001)::Comedy|Romance\n661::Heat (1995)::Crime\n".encode(
        "latin-1"
    ),
    "ml-1m/users.dat": b"1::F::1::10::48067\n2::M::56::16::70072\n",
}
ML_10M = {
    "ml-10M100K/ratings.dat": b"1::122::5::838985046\n1::185::4.5::838983525\n",
    "ml-10M100K/movies.dat": "122::Am\u00e9lie (2001)::Comedy\n185::The Net (1995)::(no genres listed)\n".encode(),
}
ML_CSV = {
    "ml-25m/ratings.csv": b"userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n2,306,3.5,1147868817\n",
    "ml-25m/movies.csv": (
        b'movieId,title,genres\n296,"American President, The (1995)",Comedy|Drama\n306,Nowhere,(no genres listed)\n'
    ),
    "ml-25m/tags.csv": b"userId,movieId,tag,timestamp\n3,260,classic,1439472355\n",
}
LASTFM_360K = {
    "lastfm-dataset-360K/usersha1-artmbid-artname-plays.tsv": (
        "00000c28\t3bd73256\tbetty blowtorch\t2137\n00000c28\t\tdie \u00c4rzte\t12\n"
        "0000ef\t3bd73256\tbetty blowtorch\t9\n0000ef\t\t\t4\n"
    ).encode(),
    "lastfm-dataset-360K/usersha1-profile.tsv": b"00000c28\tf\t\tGermany\tFeb 1, 2007\n0000ef\t\t31\t\t\n",
}
LASTFM_1K = {
    "lastfm-dataset-1K/userid-timestamp-artid-artname-traid-traname.tsv": (
        b"user_000001\t2009-05-04T23:08:57Z\tf1b1cf71\tDeep Dish\t\tSome Song\n"
        b'user_000001\t2009-05-04T13:54:10Z\t\tA "quoted name\tt-2\tSong\n'
    ),
    "lastfm-dataset-1K/userid-profile.tsv": (
        b"#id\tgender\tage\tcountry\tregistered\n"
        b"user_000001\tm\t\tJapan\tAug 13, 2006\nuser_000002\tf\t\tPeru\tFeb 24, 2006\n"
    ),
}
GOODBOOKS = {
    "ratings.csv": b"user_id,book_id,rating\n1,258,5\n2,4081,4\n",
    "books.csv": (
        b"book_id,goodreads_book_id,authors,original_publication_year,title,language_code\n"
        b'258,1,"Ruiz, Carlos",2001.0,"The Shadow, of the Wind",eng\n'
        b"4081,2,Homer,-750.0,Iliad,\n9,3,Nobody,,No Year,eng\n"
    ),
    "to_read.csv": b"user_id,book_id\n9,8\n",
}
AMAZON_2014 = {
    "reviews_Books_5.json.gz": gzip.compress(
        b'{"reviewerID": "A10000012B7CGYKOMPQ4L", "asin": "000100039X", "helpful": [0, 0], "overall": 5.0,'
        b' "unixReviewTime": 1355616000}\n'
        b'{"reviewerID": "A2S166WSCFIFP5", "asin": "000100039X", "overall": 3.0, "unixReviewTime": 1071100800}\n'
    ),
    "meta_Books.json.gz": gzip.compress(
        b"{'asin': '000100039X', 'title': \"The Prophet's\", 'price': 7.5, 'categories': [['Books', 'Poetry']]}\n"
        b"{'asin': '0001055178', 'related': {'also_bought': ['1']}}\n"
    ),
}
AMAZON_2018 = {
    "Digital_Music.csv": b"0001388703,A1ZCPG3D3HGRSS,5.0,1387670400\n0001388703,AC2PL52NKPL29,3.0,1378857600\n",
    "meta_Digital_Music.json.gz": gzip.compress(
        b'{"category": ["Digital Music", "Pop"], "title": "Songs",'
        b' "brand": "Band", "price": "$1,059.00", "asin": "0001388703"}\n'
    ),
}
AMAZON_2023 = {
    "All_Beauty.csv": b"user_id,parent_asin,rating,timestamp\nAGKH,B00YQ6X8EO,5.0,1588687728923\n",
    "Music.jsonl.gz": gzip.compress(
        b'{"rating": 4.0, "title": "x", "images": [], "asin": "B1", "parent_asin": "B2",'
        b' "user_id": "AGKH", "timestamp": 1588687728000}\n'
    ),
    "meta_Music.jsonl": (
        b'{"parent_asin": "B2", "title": "Tune", "categories": ["Music"], "store": "Label", "price": null}\n'
    ),
}
_LOG = (
    b",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3,"
    b"user-item_affinity_0\n0,2019-11-24 00:03:13.442536+00:00,14,3,0,0.0294,a,b,c,d,0.0\n"
)
OPEN_BANDIT = {
    "open_bandit_dataset/random/men/men.csv": _LOG,
    "open_bandit_dataset/bts/women/women.csv": _LOG.replace(b"propensity_score", b"action_prob"),
    "open_bandit_dataset/random/men/item_context.csv": (
        b",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n0,14,-0.67,x,y,z\n"
    ),
    "open_bandit_dataset/README.md": b"about\n",
}
DATA_SETS = {
    "movielens-100k": ML_100K,
    "movielens-1m": ML_1M,
    "movielens-10m": ML_10M,
    "movielens-25m": ML_CSV,
    "lastfm-360k": LASTFM_360K,
    "lastfm-1k": LASTFM_1K,
    "goodbooks-10k": GOODBOOKS,
    "amazon-2014": AMAZON_2014,
    "amazon-2018": AMAZON_2018,
    "amazon-2023": AMAZON_2023,
    "open-bandit": OPEN_BANDIT,
}


def write_folder(root, members):
    for name, content in members.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path, members):
    with tarfile.open(path, "w:gz") as bundle:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            bundle.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture(params=["folder", "zip", "tar"])
def stored(request, tmp_path):
    """Return a function that stores a data set in one of the ways that they come in."""

    def store(name):
        if request.param == "folder":
            return write_folder(tmp_path / name, DATA_SETS[name])
        if request.param == "zip":
            return write_zip(tmp_path / f"{name}.zip", DATA_SETS[name])
        return write_tar(tmp_path / f"{name}.tar.gz", DATA_SETS[name])

    return store


@pytest.fixture
def in_folder(tmp_path):
    """Return a function that writes the given members into a folder."""
    return lambda members: write_folder(tmp_path / "data", members)


@pytest.fixture
def in_zip(tmp_path):
    """Return a function that writes the given members into a zip archive."""
    return lambda members: write_zip(tmp_path / "data.zip", members)


@pytest.fixture
def data_sets():
    return DATA_SETS
