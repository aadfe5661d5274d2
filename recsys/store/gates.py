"""Input gates for jobs: conditions on what arrives, checked before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError, GateError
from recsys.core.times import parse_duration
from recsys.store.staged import StagedFile


@dataclass(frozen=True)
class Gates:
    """What an ingest must satisfy.

    Attributes
    ----------
    rows : (int, int or None) or None
        The fewest and the most rows to be read.
    fresh : timedelta or None
        How old the newest row may be; a row in the future, a wrong clock, does not count.
    max_bad : float or None
        The greatest share (below 1) or number (from 1) of bad rows.
    """

    rows: tuple[int, int | None] | None = None
    fresh: timedelta | None = None
    max_bad: float | None = None

    def check(self, files: Sequence[StagedFile], now: datetime) -> None:
        """Raise `GateError` for the first gate that does not hold."""
        n_read, n_bad = sum(file.rows_read for file in files), sum(file.rows_bad for file in files)
        if self.rows is not None:
            fewest, most = self.rows
            if n_read < fewest or (most is not None and n_read > most):
                wanted = f"at least {fewest}" if most is None else f"{fewest} to {most}"
                raise GateError(f"{n_read} rows arrived", f"{wanted} were expected (expect_rows)", "nothing was stored")
        if self.max_bad is not None:
            allowed = self.max_bad if self.max_bad >= 1 else self.max_bad * n_read
            if n_bad > allowed:
                raise GateError(
                    f"{n_bad} of {n_read} rows are bad",
                    f"at most {self.max_bad:g} was allowed (max_bad)",
                    "nothing was stored",
                )
        if self.fresh is not None:
            self._check_fresh(files, now)

    def _check_fresh(self, files: Sequence[StagedFile], now: datetime) -> None:
        newest = max((file.last_by_now for file in files if file.last_by_now is not None), default=None)
        if newest is None or now - newest > (self.fresh or timedelta.max):
            age = (
                "no row has a time, or none before now"
                if newest is None
                else f"the newest row is of {newest.isoformat(' ', 'seconds')} UTC"
            )
            raise GateError(age, f"one not older than {_hours(self.fresh)} was expected (fresh)", "nothing was stored")


def _hours(length: timedelta | None) -> str:
    return f"{(length or timedelta()) / timedelta(hours=1):g}h"


def parse_gates(expect_rows: int | str | None, fresh: str | timedelta | None, max_bad: float | None) -> Gates:
    """Read the gates as users write them.

    Parameters
    ----------
    expect_rows : int or str, optional
        The fewest rows, or ``"1000..2000"``.
    fresh : str or timedelta, optional
        A duration such as ``"36h"``.
    max_bad : float, optional
        A share below 1, or a number of rows.

    Raises
    ------
    ArgumentError
        A gate cannot be read.

    Examples
    --------
    >>> parse_gates("10..20", "1d", 0.01)
    Gates(rows=(10, 20), fresh=datetime.timedelta(days=1), max_bad=0.01)
    """
    rows = None
    if expect_rows is not None:
        match = re.fullmatch(r"(\d+)(?:\.\.(\d+)?)?", str(expect_rows).strip())
        if match is None:
            raise ArgumentError(
                f"expect_rows is {expect_rows!r}", "a number such as 1000 or a range such as '1000..2000' was expected"
            )
        rows = int(match[1]), int(match[2]) if match[2] else None
    return Gates(
        rows,
        None if fresh is None else parse_duration("fresh", fresh),
        None if max_bad is None else finite_float("max_bad", max_bad, minimum=0),
    )
