"""Ingest: stage every file outside the lock, check the gates, publish each file in one short transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.times import parse_instant
from recsys.display import Table, View, Viewable, counted
from recsys.store.columns import UNITS
from recsys.store.gates import Gates, parse_gates
from recsys.store.publish import Published, publish
from recsys.store.schema import KEY_TABLES, TableSpec, id_type, live_rows, table_spec, whole_ingests
from recsys.store.shaping import Wishes
from recsys.store.sources import find_sources
from recsys.store.staged import BadRows, StagedFile, stage_file
from recsys.store.staging import staging

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from recsys.store.folder import StoreFolder


@dataclass(frozen=True, repr=False)
class IngestResult(Viewable):
    """What an ingest did.

    Attributes
    ----------
    table : str
        The table.
    ingest_ids : tuple of int
        One number for each file that brought something; `Store.revert` takes it.
    files : tuple of str
        The files that were read.
    rows_read, rows_ingested, rows_duplicate, rows_bad : int
        Rows read, stored, left out because the store has them already, and quarantined.
    bad : tuple of BadRows
        What was wrong with the bad rows, with examples.
    notes : tuple of str
        Decisions made for the user, e.g. the unit of epoch times.
    warnings : tuple of str
        What the user should look at.
    seconds : float
        Wall time.
    """

    table: str
    ingest_ids: tuple[int, ...]
    files: tuple[str, ...]
    rows_read: int
    rows_ingested: int
    rows_duplicate: int
    rows_bad: int
    bad: tuple[BadRows, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        plain = dict(vars(self))
        plain["bad"] = [{"reason": bad.reason, "count": bad.count, "examples": list(bad.examples)} for bad in self.bad]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    def view(self) -> View:
        """Return what a reader should see: what became of the rows, what was wrong with bad ones, warnings, notes."""
        counts = (
            ("read", self.rows_read),
            ("stored", self.rows_ingested),
            ("stored before: left out", self.rows_duplicate),
            ("bad: quarantined", self.rows_bad),
        )
        tables = [Table(("rows", "n"), tuple(row for row in counts if row[1] or row[0] in ("read", "stored")))]
        if self.bad:
            rows = tuple((bad.reason, bad.count, bad.examples[0] if bad.examples else None) for bad in self.bad)
            tables.append(Table(("why bad", "rows", "for example"), rows))
        ids = [str(number) for number in self.ingest_ids]
        number = f"ingest{'' if len(ids) == 1 else 's'} {', '.join(ids)}" if ids else "nothing new"
        title = f"{self.table}: {counted(len(self.files), 'file')} in {self.seconds:.1f} s, {number}"
        return View(title, tuple(tables), (*(f"warning: {warning}" for warning in self.warnings), *self.notes))


@dataclass(frozen=True)
class Request:
    """An ingest as the user asked for it, checked; see `Store.ingest` for the words."""

    spec: TableSpec
    wishes: Wishes
    gates: Gates
    quarantine: bool = False
    partition: tuple[datetime, datetime] | None = None
    format: str | None = None
    delimiter: str | None = None
    progress: ProgressCallback = field(default=silent, compare=False)

    def for_log(self) -> dict[str, object]:
        """Return what the log of ingests remembers."""
        wishes = self.wishes
        said = {
            "map": dict(wishes.mapping),
            "set": dict(wishes.constants),
            "timezone": wishes.timezone,
            "time_unit": wishes.time_unit,
            "replace_partition": self.partition[0].date().isoformat() if self.partition else None,
        }
        return {name: value for name, value in said.items() if value}


def parse_request(
    table: str,
    *,
    map: Mapping[str, str] | None,  # noqa: A002 - the public word
    set: Mapping[str, object] | None,  # noqa: A002 - the public word
    timezone: str | None,
    time_unit: str | None,
    id_types: Mapping[str, str] | None,
    on_bad_rows: str,
    replace_partition: str | date | None,
    expect_rows: int | str | None,
    fresh: str | timedelta | None,
    max_bad: float | None,
    format: str | None,  # noqa: A002 - the public word
    delimiter: str | None,
    progress: ProgressCallback,
) -> Request:
    """Check the arguments of `Store.ingest`.

    Raises
    ------
    ArgumentError
        One of them cannot be used.
    """
    spec = table_spec(table)
    if timezone is not None:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError):
            raise ArgumentError(f"timezone is {timezone!r}", "a name such as 'Europe/Berlin' was expected") from None
    if time_unit is not None:
        one_of("time_unit", time_unit, UNITS)
    for entity, kind in (id_types or {}).items():
        one_of("id_types", entity, [*KEY_TABLES, "unit_id"])
        one_of(f"id_types[{entity!r}]", kind, ["int", "text"])
    wishes = Wishes(
        dict(map or {}), {name: str(value) for name, value in (set or {}).items()}, timezone, time_unit, id_types
    )
    return Request(
        spec=spec,
        wishes=wishes,
        gates=parse_gates(expect_rows, fresh, max_bad),
        quarantine=one_of("on_bad_rows", on_bad_rows, ["stop", "quarantine"]) == "quarantine",
        partition=_parse_partition(spec, replace_partition),
        format=format,
        delimiter=delimiter,
        progress=progress,
    )


def _parse_partition(spec: TableSpec, value: str | date | None) -> tuple[datetime, datetime] | None:
    if value is None:
        return None
    if spec.versioned:
        raise ArgumentError(f"replace_partition was given for {spec.name}", "a table of rows with times was expected")
    start = parse_instant("replace_partition", value)
    if start != datetime(start.year, start.month, start.day):
        raise ArgumentError(f"replace_partition is {value!r}", "a day such as '2026-06-01' was expected")
    return start, start + timedelta(days=1)


def ingest(store: StoreFolder, request: Request, source: Any) -> IngestResult:
    """Read a source into a table; see `Store.ingest`."""
    began = time.perf_counter()
    spec = request.spec
    opened = datetime.now(UTC).replace(tzinfo=None)
    sources = find_sources(source, request.format)
    with staging(store.path) as stage:
        with store.read() as con:
            fixed = {entity: kind for entity in (*KEY_TABLES, "unit_id") if (kind := id_type(con, entity)) is not None}
        files: list[StagedFile] = []
        n_read = 0
        for entry in sources:
            file = stage_file(stage, spec, stage.read(entry, request.delimiter), request.wishes, fixed, opened)
            fixed |= file.shape.id_types
            files.append(file)
            n_read += file.rows_read
            request.progress(Progress(f"read {spec.name}", n_read, unit="rows"))
        now = datetime.now(UTC).replace(tzinfo=None)
        request.gates.check(files, now)
        if not request.quarantine:
            _refuse_bad_rows(files)
        _refuse_other_days(files, request.partition)
        published = _publish_all(store, request, files, now)
    return _result(request, files, published, time.perf_counter() - began, now)


def _publish_all(store: StoreFolder, request: Request, files: Sequence[StagedFile], now: datetime) -> list[Published]:
    spec, options = request.spec, request.for_log()
    if request.partition:  # the files of a day replace it together
        with store.write() as con:
            if _day_is_there(con, spec, files, request.partition):
                return [Published(None, 0, file.rows_good) for file in files]
            days = [request.partition, *[None] * (len(files) - 1)]
            return [
                publish(con, spec, file, partition=day, append=day is None, options=options, now=now)
                for file, day in zip(files, days, strict=True)
            ]
    published = []
    for file in files:
        with store.write() as con:
            published.append(publish(con, spec, file, options=options, now=now))
        stored = sum(done.rows_ingested for done in published)
        request.progress(Progress(f"store {spec.name}", stored, sum(each.rows_good for each in files), "rows"))
    return published


def _day_is_there(
    con: DuckDBPyConnection, spec: TableSpec, files: Sequence[StagedFile], day: tuple[datetime, datetime]
) -> bool:
    """Return whether the rows of a day that are in sight are exactly those of the files."""
    holders = con.execute(
        f"SELECT DISTINCT r.ingest_id FROM {spec.rows} r WHERE r.ts >= ? AND r.ts < ?"
        f" AND ({live_rows(con, spec.name)})",
        list(day),
    ).fetchall()
    same = con.execute(
        f"SELECT r.ingest_id, r.content_hash FROM ingests r WHERE {whole_ingests(con, spec.name)}"
    ).fetchall()
    hashes = dict(same)
    there = sorted(hashes.get(ingest_id, "") for (ingest_id,) in holders)
    return there == sorted(file.content_hash for file in files if file.rows_good)


def _refuse_bad_rows(files: Sequence[StagedFile]) -> None:
    for file in files:
        if not file.bad:
            continue
        reasons = "; ".join(
            f"{bad.count} × {bad.reason}, e.g. {bad.examples[0] if bad.examples else ''}" for bad in file.bad
        )
        plural = "row is" if file.rows_bad == 1 else "rows are"
        raise DataError(
            f"{file.rows_bad} of {file.rows_read} {plural} bad in {file.reading.source.label} ({reasons})",
            "nothing was stored",
            'mend the file, or store the good rows only with on_bad_rows="quarantine" (--on-bad-rows quarantine)',
        )


def _refuse_other_days(files: Sequence[StagedFile], day: tuple[datetime, datetime] | None) -> None:
    if day is None:
        return
    for file in files:
        if file.rows_good and (file.first is None or file.last is None or file.first < day[0] or file.last >= day[1]):
            raise DataError(
                f"{file.reading.source.label} holds rows from {file.first} to {file.last}",
                f"only rows of {day[0].date()} were expected (replace_partition)",
                "ingest each day's file with its own day",
            )


def _result(
    request: Request, files: Sequence[StagedFile], published: Sequence[Published], seconds: float, now: datetime
) -> IngestResult:
    notes = [note for file in files for note in file.shape.notes]
    warnings = [warning for file in files for warning in file.shape.warnings]
    for file, done in zip(files, published, strict=True):
        label = file.reading.source.label
        if done.known_as is not None:
            warnings.append(f"{label} is in the store already (ingest {done.known_as}): nothing was added")
        elif done.rows_duplicate and request.spec.versioned:
            warnings.append(f"{label} names some keys more than once: the last {done.rows_ingested} rows count")
        elif done.ingest_id is None and file.rows_good:
            warnings.append(f"{label} is what the store holds for that day already: nothing was added")
        if done.repeats is not None:
            notes.append(done.repeats.note(label))
            warnings.append(done.repeats.warning(label, done.ingest_id))
        if file.last is not None and file.last > now and request.spec.versioned is None:
            warnings.append(f"{label} has rows in the future, up to {file.last.isoformat(' ', 'seconds')} UTC")
    counts: dict[str, list[BadRows]] = {}
    for file in files:
        for bad in file.bad:
            counts.setdefault(bad.reason, []).append(bad)
    return IngestResult(
        table=request.spec.name,
        ingest_ids=tuple(done.ingest_id for done in published if done.ingest_id is not None),
        files=tuple(file.reading.source.label for file in files),
        rows_read=sum(file.rows_read for file in files),
        rows_ingested=sum(done.rows_ingested for done in published),
        rows_duplicate=sum(done.rows_duplicate for done in published),
        rows_bad=sum(file.rows_bad for file in files),
        bad=tuple(BadRows(reason, sum(one.count for one in all_), all_[0].examples) for reason, all_ in counts.items()),
        notes=tuple(dict.fromkeys(filter(None, notes))),
        warnings=tuple(dict.fromkeys(filter(None, warnings))),
        seconds=seconds,
    )
