"""Snapshots: a recipe, frozen with the last change that the store had received, and the hash of what came out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.hashing import canonical_json
from recsys.core.logs import logger
from recsys.core.times import utc_now
from recsys.dataset import Dataset
from recsys.display import Card, View
from recsys.store.datasets import build_dataset, read_log
from recsys.store.recipes import DataRecipe

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from recsys.store.folder import StoreFolder

ID_LENGTH = 12


@dataclass(frozen=True)
class Snapshot(Card):
    """A frozen, hashed view of the data.

    Attributes
    ----------
    snapshot_id : str
        The first characters of the content hash: equal data has an equal id, in whatever order it arrived.
    name : str or None
        The name that a user gave it.
    created_at : datetime
        When it was first taken (UTC).
    recipe : DataRecipe
        Which rows.
    until : datetime or None
        The recipe's end of event time.
    high_water : int
        The last change (ingest, revert, replacement) that it knows.
    content_hash : str
        SHA-256 of the canonical Dataset.
    rows, users, items : int
        Its size.
    repeatable : bool
        False once a person in it was forgotten.
    """

    snapshot_id: str
    name: str | None
    created_at: datetime
    recipe: DataRecipe
    until: datetime | None
    high_water: int
    content_hash: str
    rows: int
    users: int
    items: int
    repeatable: bool

    def __repr__(self) -> str:
        named = f"{self.name!r}, " if self.name else ""
        return f"Snapshot({named}{self.snapshot_id}, {self.rows:,} events)"

    def card(self) -> View:
        """Return what a notebook shows: size, time and recipe."""
        from recsys.store.cards import snapshot_card

        return snapshot_card(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as plain values."""
        times = {name: getattr(self, name) for name in ("created_at", "until")}
        plain = {name: None if time is None else time.isoformat() for name, time in times.items()}
        return {**asdict(self), **plain, "recipe": self.recipe.to_dict()}


class Frozen(NamedTuple):
    """A Dataset with the snapshot that it is (not yet kept), and what a reader should know.

    Attributes
    ----------
    snapshot : Snapshot
    dataset : Dataset
    warnings : tuple of str
    """

    snapshot: Snapshot
    dataset: Dataset
    warnings: tuple[str, ...]


def extract(store: StoreFolder, recipe: DataRecipe, mark: int | None = None) -> tuple[Dataset, int, tuple[str, ...]]:
    """Return the Dataset of a recipe, the high-water mark that it knows, and warnings, which are logged too.

    Parameters
    ----------
    store : Store
        The store; it is closed again before the Dataset is computed.
    recipe : DataRecipe
        Which rows.
    mark : int, optional
        The high-water mark. Default: the recipe's `as_of`, else the newest.
    """
    with store.read() as con:
        log = read_log(con, recipe, mark)
    for warning in log.warnings:
        logger.warning(warning)
    return build_dataset(log, recipe), log.high_water, log.warnings


def freeze(store: StoreFolder, recipe: DataRecipe, name: str | None = None) -> Frozen:
    """Build the Dataset of a recipe; `keep_snapshot` writes its snapshot."""
    dataset, mark, warnings = extract(store, recipe)
    snapshot = Snapshot(
        snapshot_id=dataset.content_hash[:ID_LENGTH],
        name=name,
        created_at=utc_now(),
        recipe=recipe,
        until=recipe.end,
        high_water=mark,
        content_hash=dataset.content_hash,
        rows=len(dataset),
        users=dataset.n_users,
        items=dataset.n_items,
        repeatable=True,
    )
    return Frozen(snapshot, dataset, warnings)


def keep_snapshot(con: DuckDBPyConnection, fresh: Snapshot) -> Snapshot:
    """Write a snapshot inside the caller's transaction, unless its content is known; return the one that is kept.

    A known snapshot that could not be rebuilt any more is mended: the same content can be built again now.

    Raises
    ------
    ArgumentError
        The name belongs to other data.
    """
    if fresh.name is not None:
        holders = _select(con, "name = ?", fresh.name)
        if holders and holders[0].content_hash != fresh.content_hash:
            raise ArgumentError(
                f"the name {fresh.name!r} belongs to snapshot {holders[0].snapshot_id}",
                "a new name was expected for other data",
                f"the new data would be {fresh.snapshot_id}",
            )
    same = _select(con, "content_hash = ?", fresh.content_hash)
    if same and not same[0].repeatable:
        con.execute(
            "UPDATE snapshots SET repeatable = true, high_water = ?, recipe = ? WHERE content_hash = ?",
            [fresh.high_water, canonical_json(fresh.recipe.to_dict()), fresh.content_hash],
        )
        same = _select(con, "content_hash = ?", fresh.content_hash)
    named = [snapshot for snapshot in same if fresh.name is None or snapshot.name == fresh.name]
    if named:
        return named[0]
    kept = replace(same[0], name=fresh.name) if same else fresh
    row = {
        **{part.name: getattr(kept, part.name) for part in fields(kept)},
        "recipe": canonical_json(kept.recipe.to_dict()),
    }
    con.execute(f"INSERT INTO snapshots ({_COLUMNS}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    return kept


def find_snapshot(con: DuckDBPyConnection, ref: str) -> Snapshot:
    """Return a snapshot by its name, its id, a unique beginning of the id, or ``@latest``.

    Raises
    ------
    NotFoundError
        There is none.
    ArgumentError
        Several ids begin so.
    """
    if ref == "@latest":
        found = _select(con, "true ORDER BY created_at DESC LIMIT 1")
    else:
        found = _select(con, "name = ?", ref) or _select(con, "starts_with(snapshot_id, ?)", ref) if ref else []
    if not found:
        names = [snapshot.name for snapshot in _select(con, "name IS NOT NULL ORDER BY name")]
        known = f"the store has {', '.join(map(str, names))}" if names else "the store has no named snapshot"
        raise NotFoundError(
            f"there is no snapshot {ref!r}", known, "take one with store.snapshot('june', event='play')"
        )
    if len({snapshot.snapshot_id for snapshot in found}) > 1:
        ids = ", ".join(sorted({snapshot.snapshot_id for snapshot in found}))
        raise ArgumentError(f"snapshot {ref!r} is ambiguous ({ids})", "a unique beginning was expected")
    return found[0]


def list_snapshots(con: DuckDBPyConnection) -> list[Snapshot]:
    """Return all snapshots, the newest first."""
    return _select(con, "true ORDER BY created_at DESC, name")


def rebuild(store: StoreFolder, snapshot: Snapshot) -> Dataset:
    """Return the Dataset of a snapshot; later ingests, reverts and replacements do not change it.

    Raises
    ------
    DataError
        The rows in the store no longer give the snapshot's content hash.
    """
    dataset, _, _ = extract(store, snapshot.recipe, snapshot.high_water)
    if dataset.content_hash == snapshot.content_hash:
        return dataset
    if snapshot.repeatable:
        raise DataError(
            f"snapshot {snapshot.name or snapshot.snapshot_id} gives the hash {dataset.content_hash[:ID_LENGTH]}",
            f"{snapshot.content_hash[:ID_LENGTH]} was expected: its rows were changed from outside",
            "restore the store from a backup, or take a new snapshot",
        )
    logger.warning("snapshot %s is not whole: people in it were forgotten", snapshot.name or snapshot.snapshot_id)
    return dataset


_COLUMNS = (
    "snapshot_id, name, created_at, recipe, until, high_water, content_hash, n_rows, n_users, n_items, repeatable"
)


def _select(con: DuckDBPyConnection, condition: str, *params: Any) -> list[Snapshot]:
    rows = con.execute(f"SELECT {_COLUMNS} FROM snapshots WHERE {condition}", list(params)).fetchall()
    names = [part.name for part in fields(Snapshot)]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [Snapshot(**{**parts, "recipe": DataRecipe.from_dict(json.loads(parts["recipe"]))}) for parts in found]
