"""The demo: the whole job on a simulated streaming service, in a folder that one can go on working in."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.display import Cell, Table, View, Viewable
from recsys.evaluation import Comparison
from recsys.simulation import simulate
from recsys.store import Store
from recsys.workflows.recording import Recorded

USERS, ITEMS, DAYS, SEED = 3000, 600, 90, 7
START = "2025-01-01"
HOLDOUT = "14d"
MODELS = ("popularity", "itemknn", "als", "bpr")
METRICS = ("ndcg@10", "recall@50", "coverage@10")
DATA, SHOP, LISTS, REPORT = "data", "shop", "recommendations.parquet", "report.html"


class Step(NamedTuple):
    """One step of the demo: its name, what came out, and how long it took."""

    name: str
    found: str
    seconds: float


@dataclass(frozen=True, eq=False, repr=False)
class Demo(Viewable):
    """What the demo did and found.

    Parameters
    ----------
    folder : Path
        Where everything is: the simulated files, the store, the recommendations.
    steps : tuple of Step
        What was done.
    runs : mapping of str to str
        The run id of each model; the run that is served; the comparison.
    comparison : Comparison
        The models on the held-out days.
    best : str
        The model with the best value of the first metric.
    user_id : int
        A user to look at.
    watched, recommended : polars.DataFrame
        What that user watched most, and gets: titles and genres.
    report : Path or None
        The comparison as a page; None where the extra `report` is not installed.
    """

    folder: Path
    steps: tuple[Step, ...]
    runs: Mapping[str, str]
    comparison: Comparison
    best: str
    user_id: int
    watched: pl.DataFrame
    recommended: pl.DataFrame
    report: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; those but the seconds and the run ids are the same in every demo."""
        return {
            "folder": str(self.folder),
            "steps": [step._asdict() for step in self.steps],
            "runs": dict(self.runs),
            "best": self.best,
            "comparison": self.comparison.to_dict(),
            "user_id": self.user_id,
            "watched": self.watched.to_dicts(),
            "recommended": self.recommended.to_dicts(),
            "report": None if self.report is None else str(self.report),
            "next": list(self.commands()),
        }

    def view(self) -> View:
        """Return a summary for somebody who sees recsys for the first time."""
        rows = tuple((step.name, step.found, f"{step.seconds:.1f} s") for step in self.steps)
        done = Table(("step", "what came out", "time"), rows)
        seconds = sum(step.seconds for step in self.steps)
        tables = (done, *self.comparison.view().tables[:1], self._lists())
        sure = (f"{sentence}." for sentence in self.comparison.conclusion.rstrip(".").split(". "))
        notes = (
            f"The last {HOLDOUT} of plays were kept apart: no model saw them before it was tested on them.",
            "ndcg@10: how well the first ten hit what users played next, 1 = perfect; recall@50: the share of what "
            "they played next that is among the first fifty; coverage@10: the share of all titles that somebody gets.",
            *sure,
            "p: how often so great a difference would come about if the models were equally good.",
        )
        return View(f"The whole job in {seconds:.0f} s, on a simulated streaming service", tables, notes)

    def commands(self) -> dict[str, str]:
        """Return what to type next, and what it shows."""
        best, item = self.runs[self.best], self.recommended["item_id"][0]
        return {
            f"cd {shlex.quote(str(self.folder))}": "recsys.toml there names the store",
            "recsys describe": "what the logs hold",
            "recsys runs list": "every training, comparison and export so far",
            f"recsys compare {self.runs['popularity']} {best} --by country": "who gains, country by country",
            f"recsys recommend {best} --user {self.user_id}": f"the list of user {self.user_id}",
            f"recsys explain {best} --user {self.user_id} --item {item}": "why that title",
            f"recsys similar {best} --item {item}": "titles like it",
            f"recsys train als --event play --holdout {HOLDOUT} --set factors=32": "an experiment of your own",
        }

    def _lists(self) -> Table:
        watched = [_told(row) for row in self.watched.iter_rows(named=True)]
        recommended = [_told(row) for row in self.recommended.iter_rows(named=True)]
        length = max(len(watched), len(recommended))
        padded = zip(*(column + [None] * (length - len(column)) for column in (watched, recommended)), strict=True)
        rows: tuple[tuple[Cell, ...], ...] = tuple((place, *pair) for place, pair in enumerate(padded, 1))
        caption = f"user {self.user_id}, for example ({self.best}, trained on everything)"
        return Table(("", "watched most", "gets recommended"), rows, caption)


def demo(folder: Path, *, progress: ProgressCallback = silent) -> Demo:
    """Simulate a streaming service, ingest its logs, train four models, compare them, and recommend to everybody.

    The numbers are the same each time. A second demo in the same folder takes the simulated files and the store that
    are there and adds its runs to them.

    Parameters
    ----------
    folder : Path
        A new or empty folder, or one that an earlier demo made.
    progress : callable
        Told of every step.

    Raises
    ------
    ArgumentError
        The folder holds something else.
    """
    from recsys import workflows

    _check_folder(folder)
    steps: list[Step] = []
    with _timed(steps, "simulate") as found:
        new = _simulate(folder / DATA, progress)
        what = f"{USERS:,} users and {ITEMS:,} titles, {DAYS} days of logs"
        found.append(what if new else f"{what}, there already")
    store = Store(folder / SHOP)
    (folder / "recsys.toml").write_text(f'store = "{SHOP}"\n', encoding="utf-8")
    with _timed(steps, "ingest") as found:
        stored = _ingest(store, folder / DATA, progress)
        what = ", ".join(f"{rows:,} {table}" for table, rows in stored.items() if rows)
        found.append(what or "nothing new: the store has these rows")
    with _timed(steps, "snapshot") as found:
        snapshot = store.snapshot("demo", event="play")
        found.append(f"{snapshot.rows:,} plays, frozen as {snapshot.snapshot_id}")
    runs: dict[str, str] = {}
    for name in MODELS:
        with _timed(steps, f"train {name}") as found:
            trained = workflows.train(store, name, seed=SEED, snapshot="demo", holdout=HOLDOUT, progress=progress)
            runs[name] = trained.run.run_id
            found.append(f"run {trained.run.run_id}")
    with _timed(steps, "compare") as found:
        compared = workflows.compare(store, list(runs.values()), METRICS, progress=progress)
        comparison = compared.result
        best = comparison.ranking[0]
        found.append(f"{best} is first by {comparison.primary.name}")
    with _timed(steps, "report") as found:
        report = _report(compared, folder / REPORT)
        found.append(f"the comparison as a page, {REPORT}" if report else 'left out: pip install "recsys[report]"')
    with _timed(steps, f"refit {best}") as found:
        served = workflows.refit(store, runs[best], progress=progress)
        found.append(f"run {served.run.run_id}, trained on everything")
    with _timed(steps, "recommend") as found:
        workflows.recommend(store, served.run.run_id, folder / LISTS, k=10, progress=progress)
        lists = pl.read_parquet(folder / LISTS)
        found.append(f"{lists['user_id'].n_unique():,} users, {len(lists):,} rows in {LISTS}")
    user_id, watched, recommended = _example(folder / DATA, lists)
    runs |= {"served": served.run.run_id, "compare": compared.run.run_id}
    return Demo(folder, tuple(steps), runs, comparison, best, user_id, watched, recommended, report)


@contextmanager
def _timed(steps: list[Step], name: str) -> Iterator[list[str]]:
    """Add a step when the block is done; what it appends to the list says what came out."""
    found: list[str] = []
    began = time.perf_counter()
    yield found
    steps.append(Step(name, " ".join(found), time.perf_counter() - began))


def _check_folder(folder: Path) -> None:
    ours = (folder / SHOP).is_dir() or (folder / DATA).is_dir()
    if folder.exists() and not ours and (not folder.is_dir() or any(folder.iterdir())):
        raise ArgumentError(
            f"{folder} holds something else",
            "a new folder, or one of an earlier demo, was expected",
            "name another one, as in recsys demo my-demo",
        )


def _simulate(folder: Path, progress: ProgressCallback) -> bool:
    """Write the simulated files unless they are there; they appear together, when they are whole."""
    if folder.is_dir():
        return False
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    service = simulate(USERS, ITEMS, DAYS, seed=SEED, start=START)
    service.write(draft, n_threads=None, progress=progress)
    draft.rename(folder)
    return True


def _ingest(store: Store, folder: Path, progress: ProgressCallback) -> dict[str, int]:
    sources = {
        "events": "events/*.parquet",
        "impressions": "impressions/*.parquet",
        "items": "items.parquet",
        "users": "users.parquet",
    }
    return {
        table: store.ingest(table, str(folder / files), progress=progress).rows_ingested
        for table, files in sources.items()
    }


def _report(compared: Recorded[Comparison], path: Path) -> Path | None:
    """Write the comparison as a page, if the extra `report` is there."""
    if find_spec("jinja2") is None or find_spec("matplotlib") is None:
        return None
    from recsys.reporting import report

    return report(compared, path, title="The demo: four models on days that none of them had seen")


def _example(folder: Path, lists: pl.DataFrame) -> tuple[int, pl.DataFrame, pl.DataFrame]:
    """Return a user with a long history, what they watched most, and what they get."""
    titles = pl.read_parquet(folder / "items.parquet", columns=["item_id", "title", "genres"])
    plays = pl.scan_parquet(folder / "events/*.parquet").filter(pl.col("event") == "play")
    counts = plays.group_by("user_id").agg(pl.len(), pl.col("item_id").n_unique().alias("titles")).collect()
    user_id = int(counts.sort("titles", "user_id", descending=[True, False])["user_id"][len(counts) // 20])
    minutes = pl.col("value").sum().alias("minutes")
    own = plays.filter(pl.col("user_id") == user_id).group_by("item_id").agg(minutes).collect()
    watched = own.join(titles, on="item_id").sort("minutes", "item_id", descending=[True, False]).head(5)
    mine = lists.filter(pl.col("user_id") == user_id).sort("rank").head(5)
    recommended = mine.select("item_id", "rank", "score").join(titles, on="item_id", maintain_order="left")
    return user_id, watched, recommended


def _told(row: dict[str, Any]) -> str:
    return f"{row['title']} ({row['genres'].replace('|', ', ')})"
