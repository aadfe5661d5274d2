"""`simulate` and the `Simulation` it returns: frames for small worlds, streams of Parquet files for large ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.seeds import Seed
from recsys.core.threads import run_chunks
from recsys.core.times import from_micros
from recsys.display import Card, Cell, View, facts
from recsys.simulation import words
from recsys.simulation.behaviour import (
    Plays,
    World,
    clicked_plays,
    draw_requests,
    draw_searches,
    draw_sessions,
    session_rate,
)
from recsys.simulation.catalogue import build_catalogue, item_ids
from recsys.simulation.clock import build_clock
from recsys.simulation.logging_policy import build_shelves
from recsys.simulation.population import build_population
from recsys.simulation.settings import BLOCK_USERS, DAY, Settings, checked_settings
from recsys.simulation.tables import TIMESTAMP, event_frame, impression_frame
from recsys.simulation.trials import Trials
from recsys.simulation.truth import Truth

PART_ROWS = 1_000_000  # about so many rows of the longest table are held in memory and go into one file


def simulate(
    users: int = 2000,
    items: int = 500,
    days: int = 60,
    *,
    seed: Seed = 7,
    events_per_user_day: float = 1.0,
    start: str | datetime = "2026-01-01",
    ids: str = "int",
    impressions: bool = True,
    slots: int = 6,
    shelf: int = 1000,
    popularity_skew: float = 1.0,
    position_bias: float = 0.7,
    late_share: float = 0.02,
) -> Simulation:
    """Return a simulated streaming service whose truth is known; nothing is generated until a table is asked for.

    Every user has a few latent tastes, every item serves a few of them; the probability that a user likes an item
    follows from both (`Truth.preference`). A session opens with one request: a logging policy shows `slots` items, the
    user looks at position ``p`` with probability ``p ** -position_bias`` and clicks what was looked at and liked. Then
    the user searches, in proportion to popularity within the own tastes. Clicks and searches lead to plays, some plays
    to ratings.

    Parameters
    ----------
    users, items, days : int
        Size of the world. Three users in ten join, and two items in ten are released, after the first day.
    seed : int, sequence of int, SeedSequence or Generator
        The same seed gives the same bytes, whatever the chunks and threads (SPEC 7).
    events_per_user_day : float
        About how many events (plays and ratings) an average user has on a day after joining; somewhat fewer in a small
        catalogue, where people soon come back to what they know.
    start : str or datetime
        The first day (UTC).
    ids : {"int", "text"}
        Whether ids are whole numbers or text such as ``"u0042"``.
    impressions : bool
        Whether the home page exists. Without it only searches lead to plays, and large event logs are made faster.
    slots : int
        Positions in a request, at most 20.
    shelf : int
        The logging policy shows only the so many most popular items that the user's country may watch on the day.
    popularity_skew : float
        Exponent of the Zipf-like popularity of items.
    position_bias : float
        Exponent of the fall of attention with the position; 0 is none.
    late_share : float
        Share of events that arrive days late (column ``arrived_at``).

    Raises
    ------
    ArgumentError
        When a parameter is not usable.

    Examples
    --------
    >>> service = simulate(users=50, items=40, days=10, seed=7)
    >>> service.events().columns[:5]
    ['user_id', 'item_id', 'ts', 'event', 'value']
    >>> service.truth.lift(service.truth.ideal_policy(6), service.truth.popular_policy(6)).absolute > 0
    True
    """
    settings = checked_settings(
        users=users,
        items=items,
        days=days,
        seed=seed,
        start=start,
        events_per_user_day=events_per_user_day,
        ids=ids,
        impressions=impressions,
        slots=slots,
        shelf=shelf,
        popularity_skew=popularity_skew,
        position_bias=position_bias,
        late_share=late_share,
    )
    catalogue = build_catalogue(settings)
    shelves = build_shelves(settings, catalogue) if impressions else None
    return Simulation(World(settings, catalogue, build_clock(settings), shelves))


class Written(NamedTuple):
    """What `Simulation.write` wrote: the folder and the rows of each table.

    Attributes
    ----------
    folder : Path
        Where it is.
    events, impressions, items, users : int
        Rows of each table.
    """

    folder: Path
    events: int
    impressions: int
    items: int
    users: int


@dataclass(frozen=True, repr=False)
class Simulation(Card, Trials):
    """A simulated streaming service, made by `simulate`. Tables are generated anew, and equal, each time.

    Parameters
    ----------
    world : World
        What `simulate` has made of the settings and the seed.
    """

    world: World

    def __repr__(self) -> str:
        users, items, days = self.settings.users, self.settings.items, self.settings.days
        return f"<Simulation of {users} users, {items} items, {days} days; seed {self.settings.entropy}>"

    def card(self) -> View:
        """Return what a notebook shows: the parameters of the world."""
        told: dict[str, Cell] = {
            "users": self.settings.users,
            "items": self.settings.items,
            "days": self.settings.days,
            "starts": f"{from_micros(self.settings.start):%Y-%m-%d}",
            "events per user and day": self.settings.events_per_user_day,
            "impressions": f"{self.settings.slots} slots a request" if self.settings.with_impressions else "none",
            "seed": repr(self.settings.entropy),
        }
        return facts("A simulated streaming service", told, notes=("what no log tells: .truth",))

    @property
    def settings(self) -> Settings:
        """The parameters of the world."""
        return self.world.settings

    @cached_property
    def truth(self) -> Truth:
        """What no log tells: true preferences and the true value of any policy."""
        return Truth(self.world)

    def items(self) -> pl.DataFrame:
        """Return the items: item_id, title, genres, year, kind, duration (minutes), countries, released_at.

        Several genres or countries are separated by ``|``.
        """
        return self.world.catalogue.titles

    def users(self) -> pl.DataFrame:
        """Return the users: user_id, country, device, age_group, plan, signup_at."""
        blocks = range(self.settings.n_blocks)
        return pl.concat([build_population(self.settings, block).attributes for block in blocks]).rechunk()

    def availability(self) -> pl.DataFrame:
        """Return who may watch what and from when on: item_id, country, from; pairs without a row never.

        These are the rows that ``Eligibility().available(rows, by="country")`` takes.
        """
        country, item = np.nonzero(self.world.catalogue.available)
        since = self.settings.start + self.world.catalogue.released[item].astype(np.int64) * DAY
        return pl.DataFrame(
            {
                "item_id": item_ids(self.settings).gather(item),
                "country": pl.Series(words.COUNTRIES).gather(country),
                "from": pl.Series(since).cast(TIMESTAMP),
            }
        )

    def events(self) -> pl.DataFrame:
        """Return all events in memory, in order of time.

        Columns: user_id, item_id, ts, event (``play`` or ``rating``), value (minutes of a play, 1 to 5 of a rating),
        completion (share watched, null for ratings), session_id, request_id (the request whose click led here, null
        after a search), arrived_at.
        """
        return pl.concat(list(self.iter_events())).sort("ts", maintain_order=True)

    def impressions(self) -> pl.DataFrame:
        """Return all impressions in memory, in order of time.

        Columns: request_id, ts, user_id, item_id, position (1 = top), propensity_position (exact probability that this
        policy shows this item at this position, given country and day), propensity_given_above (given the items above
        it), propensity_slate (of the whole list), policy, policy_version, candidate_set, viewed, click (0 or 1),
        minutes.
        """
        return pl.concat(list(self.iter_impressions())).sort("ts", maintain_order=True)

    def iter_events(self, batch_rows: int | None = None) -> Iterator[pl.DataFrame]:
        """Yield the events block of users by block (by time within a block), or in batches of `batch_rows` rows."""
        frames = (self._tables(block, False)[0] for block in range(self.settings.n_blocks))
        return frames if batch_rows is None else _batches(frames, positive_int("batch_rows", batch_rows))

    def iter_impressions(self, batch_rows: int | None = None) -> Iterator[pl.DataFrame]:
        """Yield the impressions block by block of users, or in batches of `batch_rows` rows."""
        self._need_impressions()
        frames = (self._tables(block, True)[1] for block in range(self.settings.n_blocks))
        return frames if batch_rows is None else _batches(frames, positive_int("batch_rows", batch_rows))

    def write(self, folder: str | Path, *, n_threads: int | None = 1, progress: ProgressCallback = silent) -> Written:
        """Stream the world to Parquet: ``items``, ``users``, ``events/part-*`` and ``impressions/part-*``.

        Memory is bounded by about a million rows a thread, however long the log. A file appears under its name only
        when it is whole. The bytes do not depend on `n_threads`.

        Parameters
        ----------
        folder : str or Path
            New or empty.
        n_threads : int, optional
            None: all cores.
        progress : callable
            Told of every part that is written.

        Raises
        ------
        ArgumentError
            When the folder exists and is not empty.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = simulate(users=50, items=40, days=10).write(Path(folder) / "log")
        ...     sorted(path.name for path in written.folder.iterdir())
        ['events', 'impressions', 'items.parquet', 'users.parquet']
        """
        target = Path(folder)
        if target.is_file() or (target.is_dir() and any(target.iterdir())):
            raise ArgumentError(f"{str(target)!r} is not empty", "a new or empty folder was expected")
        (target / "events").mkdir(parents=True)
        if self.settings.with_impressions:
            (target / "impressions").mkdir()
        _write(self.items(), target / "items.parquet")
        users = self.users()
        _write(users, target / "users.parquet")
        parts = self._parts()
        rows = np.zeros((len(parts), 2), dtype=np.int64)

        def write_part(number: int) -> None:
            rows[number] = self._write_part(target, number, parts[number])

        def tell(done: int) -> None:
            progress(Progress("simulate", done, len(parts), "files", {"events": float(rows[:, 0].sum())}))

        run_chunks(write_part, range(len(parts)), n_threads, on_done=tell)
        events, impressions = rows.sum(axis=0).tolist()
        return Written(target, events, impressions, self.settings.items, len(users))

    def _parts(self) -> list[range]:
        """Group the blocks into files; the grouping depends on the parameters only."""
        longest = self.settings.slots if self.settings.with_impressions else self.settings.events_per_user_day
        rate = session_rate(self.settings) * longest if self.settings.with_impressions else longest
        size = max(1, round(PART_ROWS / (BLOCK_USERS * self.settings.days * rate)))
        blocks = self.settings.n_blocks
        return [range(first, min(first + size, blocks)) for first in range(0, blocks, size)]

    def _write_part(self, target: Path, number: int, blocks: range) -> tuple[int, int]:
        tables = [self._tables(block, self.settings.with_impressions) for block in blocks]
        events = pl.concat([events for events, _ in tables])
        _write(events, target / "events" / f"part-{number:05d}.parquet")
        if not self.settings.with_impressions:
            return len(events), 0
        impressions = pl.concat([impressions for _, impressions in tables])
        _write(impressions, target / "impressions" / f"part-{number:05d}.parquet")
        return len(events), len(impressions)

    def _tables(self, block: int, with_impressions: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the events and (when asked for) the impressions of a block."""
        world = self.world
        population = build_population(self.settings, block)
        sessions = draw_sessions(world, population, block)
        plays = draw_searches(world, population, sessions, block)
        impressions = pl.DataFrame()
        if world.shelves is not None:
            requests = draw_requests(world, world.shelves, population, sessions, block)
            plays = _joined(plays, clicked_plays(sessions, requests))
            if with_impressions:
                impressions = impression_frame(world, population, sessions, requests)
        return event_frame(world, population, plays, block), impressions

    def _need_impressions(self) -> None:
        if not self.settings.with_impressions:
            raise ArgumentError("this simulation has no impressions", hint="use simulate(..., impressions=True)")


def _joined(first: Plays, second: Plays) -> Plays:
    return Plays(
        *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in Plays.__dataclass_fields__)
    )


def _batches(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames anew into frames of `rows` rows."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(map(len, held)) < rows:
            continue
        together = pl.concat(held)
        whole = len(together) // rows * rows
        yield from together.head(whole).iter_slices(rows)
        held = [together.slice(whole)]
    rest = pl.concat(held) if held else pl.DataFrame()
    if len(rest):
        yield rest


def _write(frame: pl.DataFrame, path: Path) -> None:
    """Write a Parquet file that appears under its name only when it is whole."""
    temporary = path.with_name(f".{path.name}.part")
    frame.write_parquet(temporary, compression="zstd", compression_level=1)
    temporary.replace(path)
