"""From a path to tables (`load_layout`), and which data set it is (`detect_layout`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from recsys.core.errors import DataError
from recsys.layouts.amazon import amazon, is_amazon_2023
from recsys.layouts.files import Files, files_of
from recsys.layouts.frames import Frames
from recsys.layouts.goodbooks import goodbooks
from recsys.layouts.known import layout_info
from recsys.layouts.lastfm import lastfm_1k, lastfm_360k
from recsys.layouts.movielens import movielens_100k, movielens_csv, movielens_dat
from recsys.layouts.openbandit import has_open_bandit_log, open_bandit

_READERS: dict[str, Callable[[Files], dict[str, Frames]]] = {
    "movielens-100k": movielens_100k,
    "movielens-1m": movielens_dat,
    "movielens-10m": movielens_dat,
    "movielens-20m": movielens_csv,
    "movielens-25m": movielens_csv,
    "movielens-32m": movielens_csv,
    "movielens-latest": movielens_csv,
    "movielens-latest-small": movielens_csv,
    "lastfm-360k": lastfm_360k,
    "lastfm-1k": lastfm_1k,
    "goodbooks-10k": goodbooks,
    "amazon-2014": amazon,
    "amazon-2018": amazon,
    "amazon-2023": amazon,
    "open-bandit": open_bandit,
}


def load_layout(name: str, path: str | Path) -> dict[str, Frames]:
    r"""Return the tables of a public data set as it was downloaded, in the columns of the store, ready to be ingested.

    Parameters
    ----------
    name : str
        A name of `known_layouts`, or ``"auto"`` to tell it from the names of the files.
    path : str or Path
        A folder, a zip or tar archive, or a single file where the data set is one.

    Returns
    -------
    dict of str to Frames
        From ``"events"``, ``"items"``, ``"users"`` or ``"impressions"`` to a table that is read in frames of
        bounded size when it is iterated. Events have user_id, item_id, event, value and, where the data has
        times, ts.

    Raises
    ------
    NotFoundError
        When the name is not known, or the path or a file in it does not exist.
    DataError
        When the data set cannot be told, an archive is damaged, or (while a table is read) a row is malformed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,7,4.5,978300760\n")
    ...     _ = (Path(folder) / "movies.csv").write_text("movieId,title,genres\n7,Sabrina (1995),Comedy|Romance\n")
    ...     load_layout("auto", folder)["items"].collect()["year"].to_list()
    [1995]
    """
    if name != "auto":
        layout_info(name)
    files = files_of(path)
    return _READERS[_detect(files) if name == "auto" else name](files)


def detect_layout(path: str | Path) -> str:
    r"""Return the name of the data set at a path, told from the names of its files.

    The CSV sets of MovieLens look alike: the folder's or archive's name decides, else it is called
    ``movielens-latest``.

    Raises
    ------
    NotFoundError
        When the path does not exist.
    DataError
        When no known data set has such files.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "u.data").write_text("196\t242\t3\t881250949\n")
    ...     detect_layout(folder)
    'movielens-100k'
    """
    return _detect(files_of(path))


def _detect(files: Files) -> str:
    for name, found in _SIGNS:
        if found(files):
            return name
    if files.find("ratings.csv") and files.find("movies.csv"):
        size = re.search(r"(20m|25m|32m|latest-small|small)", " ".join((files.path.name, *files.names)).lower())
        return f"movielens-{size[1].replace('latest-', '').replace('small', 'latest-small') if size else 'latest'}"
    tables = [name for name in files.names if re.search(r"\.(json|jsonl|csv)(\.gz)?$", name)]
    if tables and len(tables) == len(files.names) and any(re.search(_AMAZON, name) for name in tables):
        return "amazon-2023" if is_amazon_2023(files) else "amazon-2018" if _old_style_2018(files) else "amazon-2014"
    seen = ", ".join(files.names[:3]) or "no files"
    raise DataError(
        f"the data set at {str(files.path)!r} is not one that is known (it has {seen})",
        "the files of a known data set, under the names that they were downloaded with, were expected",
        "name it, as in load_layout('movielens-1m', path), or ingest the file with a column mapping",
    )


_AMAZON = r"(^|/)(reviews_|ratings_|meta_)|\.jsonl(\.gz)?$|(^|/)[A-Z]\w+?(_5)?\.(json|csv)(\.gz)?$"
_SIGNS: tuple[tuple[str, Callable[[Files], object]], ...] = (
    ("movielens-100k", lambda files: files.find("u.data")),
    ("movielens-1m", lambda files: files.find("ratings.dat") and files.find("users.dat")),
    ("movielens-10m", lambda files: files.find("ratings.dat")),
    ("lastfm-360k", lambda files: files.find("usersha1-artmbid-artname-plays.tsv")),
    ("lastfm-1k", lambda files: files.find("userid-timestamp-artid-artname-traid-traname.tsv")),
    ("goodbooks-10k", lambda files: files.find("ratings.csv") and files.find("books.csv")),
    ("open-bandit", has_open_bandit_log),
)


def _old_style_2018(files: Files) -> bool:
    """Return whether no file carries the prefixes of 2014 (``reviews_``, ``ratings_``)."""
    return not any(re.search(r"(^|/)(reviews|ratings)_", name) for name in files.names)
