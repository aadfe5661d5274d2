"""The public data sets whose layout is known: where they come from, under which terms, what is in them."""

from __future__ import annotations

from dataclasses import dataclass

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotFoundError

_GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
_GROUPLENS_TERMS = "research and non-commercial use; cite Harper & Konstan 2015; no redistribution without permission"
_LASTFM = "https://zenodo.org/records/6090214/files/"
_LASTFM_TERMS = "distributed with permission of Last.fm; non-commercial use"
_AMAZON_TERMS = "research use; cite the paper named on the page"


@dataclass(frozen=True, slots=True)
class LayoutInfo:
    """A public data set.

    Attributes
    ----------
    name : str
        The name that `load_layout` and `fetch` take.
    title : str
        What it is.
    page : str
        Where it is described.
    url : str or None
        The file that `fetch` downloads; None when the page offers many files to choose from.
    size : int or None
        About how many bytes the download has.
    md5 : str or None
        The checksum that the publisher states for the download, None when there is none (or when the file
        changes over time).
    terms : str
        The licence or terms in short; the page has the last word.
    tables : tuple of str
        The tables that it fills: events, items, users, impressions.
    """

    name: str
    title: str
    page: str
    url: str | None
    size: int | None
    md5: str | None
    terms: str
    tables: tuple[str, ...]


def _movielens(name: str, title: str, size: int, md5: str | None, users: bool = False) -> LayoutInfo:
    page = f"https://grouplens.org/datasets/movielens/{'latest' if 'latest' in name else name}/"
    tables = ("events", "items", "users") if users else ("events", "items")
    url = f"{_GROUPLENS}ml-{name}.zip"
    return LayoutInfo(f"movielens-{name}", title, page, url, size, md5, _GROUPLENS_TERMS, tables)


_KNOWN = (
    _movielens("100k", "100,000 film ratings, 1998", 4_924_029, "0e33842e24a9c977be4e0107933c0723", users=True),
    _movielens("1m", "1 million film ratings, 2003", 5_917_549, "c4d9eecfca2ab87c1945afe126590906", users=True),
    _movielens("10m", "10 million film ratings, 2009", 65_566_137, "ce571fd55effeba0271552578f2648bd"),
    _movielens("20m", "20 million film ratings, 2016", 198_702_078, "cd245b17a1ae2cc31bb14903e1204af3"),
    _movielens("25m", "25 million film ratings, 2019", 261_978_986, "6b51fb2759a8657d3bfcbfc42b592ada"),
    _movielens("32m", "32 million film ratings, 2024", 238_950_008, "d472be332d4daa821edc399621853b57"),
    _movielens("latest", "film ratings, recent, changes over time", 350_000_000, None),
    _movielens("latest-small", "100,000 recent film ratings, changes over time", 1_000_000, None),
    LayoutInfo(
        name="lastfm-360k",
        title="how often 360,000 people played which artists (no times)",
        page="https://doi.org/10.5281/zenodo.6090214",
        url=f"{_LASTFM}lastfm-dataset-360K.tar.gz",
        size=569_202_935,
        md5="635e6ed3fc873aa4ba33aba0ebce02b1",
        terms=_LASTFM_TERMS,
        tables=("events", "items", "users"),
    ),
    LayoutInfo(
        name="lastfm-1k",
        title="19 million plays of songs by 1,000 people",
        page="https://doi.org/10.5281/zenodo.6090214",
        url=f"{_LASTFM}lastfm-dataset-1K.tar.gz",
        size=672_700_000,
        md5="a79a6808f54f73354789a9fb02cb1e41",
        terms=_LASTFM_TERMS,
        tables=("events", "items", "users"),
    ),
    LayoutInfo(
        name="goodbooks-10k",
        title="6 million ratings of 10,000 books (no times)",
        page="https://github.com/zygmuntz/goodbooks-10k",
        url="https://github.com/zygmuntz/goodbooks-10k/releases/download/v1.0/goodbooks-10k.zip",
        size=None,
        md5=None,
        terms="CC BY-SA 4.0",
        tables=("events", "items"),
    ),
    LayoutInfo(
        name="amazon-2014",
        title="Amazon reviews 1996 to 2014, by category: reviews_*.json.gz, ratings_*.csv, meta_*.json.gz",
        page="https://jmcauley.ucsd.edu/data/amazon/links.html",
        url=None,
        size=None,
        md5=None,
        terms=_AMAZON_TERMS,
        tables=("events", "items"),
    ),
    LayoutInfo(
        name="amazon-2018",
        title="Amazon reviews 1996 to 2018, by category: *.json.gz, *.csv, meta_*.json.gz",
        page="https://nijianmo.github.io/amazon/",
        url=None,
        size=None,
        md5=None,
        terms=_AMAZON_TERMS,
        tables=("events", "items"),
    ),
    LayoutInfo(
        name="amazon-2023",
        title="Amazon reviews 1996 to 2023, by category: *.csv(.gz), *.jsonl(.gz), meta_*.jsonl(.gz)",
        page="https://amazon-reviews-2023.github.io/",
        url=None,
        size=None,
        md5=None,
        terms=_AMAZON_TERMS,
        tables=("events", "items"),
    ),
    LayoutInfo(
        name="open-bandit",
        title="26 million logged recommendations of a fashion shop with their propensities",
        page="https://research.zozo.com/data.html",
        url="https://research.zozo.com/data_release/open_bandit_dataset.zip",
        size=412_931_917,
        md5=None,
        terms="CC BY 4.0",
        tables=("impressions", "items"),
    ),
)


def known_layouts() -> tuple[LayoutInfo, ...]:
    """Return the data sets whose layout is known.

    Examples
    --------
    >>> [info.name for info in known_layouts()][:2]
    ['movielens-100k', 'movielens-1m']
    """
    return _KNOWN


def layout_info(name: str) -> LayoutInfo:
    """Return what is known of a data set.

    Raises
    ------
    NotFoundError
        When there is none of this name.

    Examples
    --------
    >>> layout_info("movielens-1m").md5
    'c4d9eecfca2ab87c1945afe126590906'
    """
    by_name = {info.name: info for info in _KNOWN}
    if name not in by_name:
        hint = did_you_mean(name, by_name) or "known_layouts() lists them"
        raise NotFoundError(f"data set {name!r} is not known", f"one of {', '.join(by_name)} was expected", hint)
    return by_name[name]
