"""`Store`: a folder with everything that a recommendation team has logged and computed."""

from __future__ import annotations

from os import PathLike

from recsys.display import Card, View
from recsys.store.jobs import Jobs
from recsys.store.records import Records
from recsys.store.register import Register
from recsys.store.tables import Tables


class Store(Card, Jobs, Register, Records, Tables):
    """A store folder: ``store.duckdb`` and ``artifacts/``.

    Opening it holds no lock; each method opens the database for one short transaction. A `Store` may be used from many
    threads.

    Parameters
    ----------
    path : str or path-like
        The folder.
    create : bool, optional
        None (default) opens the store, or creates it when the folder is absent or empty; True creates it and refuses
        one that exists; False opens it and refuses to create it.
    lock_timeout : float, optional
        Seconds to wait when another process holds the store; by default ``RECSYS_LOCK_TIMEOUT``, else 10.

    Raises
    ------
    NotFoundError
        `create` is False and there is no store.
    ArgumentError
        The path is not a store, or `create` is True and there is one already.
    RecsysError
        The store was written by a newer recsys.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> store = Store(Path(tempfile.mkdtemp()) / "shop")
    >>> store.path.name
    'shop'
    """

    @classmethod
    def create(cls, path: str | PathLike[str], *, lock_timeout: float | None = None) -> Store:
        """Create a store in a folder that is absent or empty; see `Store` for the errors."""
        return cls(path, create=True, lock_timeout=lock_timeout)

    def card(self) -> View:
        """Return what a notebook shows: how many rows, snapshots, runs and experiments there are."""
        from recsys.store.cards import store_card

        return store_card(self)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"
