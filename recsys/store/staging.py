"""Reading untrusted files outside the store: on a throwaway connection, into columns that SQL can ask.

A malformed Parquet file can kill a DuckDB connection, so no file is first read on a connection to the store. Parquet
files and frames are columnar already and stay where they are. CSV and JSON are parsed once into a Parquet file in a
temporary folder beside the store.
"""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.core.errors import DataError
from recsys.store import sql
from recsys.store.arrow import ArrowStream
from recsys.store.broker import connect
from recsys.store.sources import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STAGING_PREFIX = "staging-"
_DELIMITERS = (",", "\t", ";", "|", "::")


@dataclass(frozen=True)
class Reading:
    """A source that SQL can scan.

    Attributes
    ----------
    source : Source
        Where it comes from.
    relation : str
        What to write after FROM.
    columns : dict of str to str
        ``{column: SQL type}``.
    untyped : frozenset of str
        Columns whose file format knows no numbers, so that their text may be one.
    rejected : tuple of (str, str)
        Lines that could not be parsed: what is wrong, and the line.
    delimiter : str
        What parts the fields of a line of a CSV file.
    """

    source: Source
    relation: str
    columns: dict[str, str]
    untyped: frozenset[str] = frozenset()
    rejected: tuple[tuple[str, str], ...] = ()
    delimiter: str = ""

    def field_of(self, line: str, column: str | None) -> str | None:
        """Return what stands in a column's place in a line that could not be parsed; None where nothing tells.

        Examples
        --------
        >>> reading = Reading(Source("x.csv", "csv", "x.csv"), "", {"user_id": "VARCHAR"}, delimiter=",")
        >>> reading.field_of('"7",8,9', "user_id")
        '7'
        """
        if column is None or not self.delimiter:
            return None
        parts, place = line.split(self.delimiter), list(self.columns).index(column)
        return parts[place].strip().strip('"') if place < len(parts) else None


@dataclass(frozen=True)
class Stage:
    """A throwaway connection and its temporary folder."""

    con: DuckDBPyConnection
    folder: Path
    readings: list[Reading] = field(default_factory=list)

    def read(self, source: Source, delimiter: str | None = None) -> Reading:
        """Return a source as something that SQL can scan.

        Raises
        ------
        DataError
            The file cannot be parsed at all.
        """
        import duckdb

        try:
            reading = self._read(source, delimiter)
        except (duckdb.Error, UnicodeError) as error:
            raise unreadable(source.label, error) from error
        self.readings.append(reading)
        return reading

    def _read(self, source: Source, delimiter: str | None) -> Reading:
        if source.frame is not None:
            relation = f"frame_{len(self.readings)}"
            show_frame(self.con, relation, source)
            return Reading(source, relation, self._describe(relation))
        if source.format == "parquet":
            relation = f"read_parquet({_literal(source.path)})"
            return Reading(source, relation, self._describe(relation))
        if Path(source.path).stat().st_size == 0:
            raise DataError(f"{source.label} is empty", "a header line and rows were expected")
        return self._read_csv(source, delimiter) if source.format == "csv" else self._read_json(source)

    def _read_csv(self, source: Source, delimiter: str | None) -> Reading:
        separator = delimiter or self._delimiter(source)
        before = self._reject_count()
        relation = self._materialise(
            f"SELECT * FROM read_csv({_literal(source.path)}, header=true, all_varchar=true, skip=0,"
            f" delim={sql.text(separator)}, quote='\"', escape='\"', store_rejects=true)"
        )
        rejected: tuple[tuple[str, str], ...] = ()
        if self._reject_count() > before:
            rows = self.con.execute(
                "SELECT lower(any_value(error_type)::VARCHAR), any_value(csv_line) FROM reject_errors"
                " WHERE scan_id = (SELECT max(scan_id) FROM reject_errors) GROUP BY line ORDER BY line"
            ).fetchall()
            rejected = tuple((f"malformed line: {kind}", str(line)) for kind, line in rows)
        columns = self._describe(relation)
        return Reading(source, relation, columns, frozenset(columns), rejected, separator)

    def _delimiter(self, source: Source) -> str:
        """Return the separator that occurs most in the header line."""
        header = self.con.execute(f"SELECT line FROM {_lines(source.path)} LIMIT 1").fetchall()
        line = str(header[0][0]) if header else ""
        return max(_DELIMITERS, key=line.count)

    def _reject_count(self) -> int:
        if not sql.has_rows(self.con, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'"):
            return 0
        return int(sql.one_row(self.con, "SELECT count(*) FROM reject_errors")[0])

    def _read_json(self, source: Source) -> Reading:
        import duckdb

        path, options = _literal(source.path), "sample_size=-1"
        rejected: tuple[tuple[str, str], ...] = ()
        try:
            kinds = self._describe(f"read_json({path}, {options})")
        except duckdb.Error:
            # Some line is no JSON: keep the others, and remember what those lines were.
            rejected = self._malformed_json(source.path)
            options += ", format='newline_delimited', ignore_errors=true"
            kinds = self._describe(f"read_json({path}, {options})")
        # Times are left as text: the same rules then read them as in any other file.
        columns = ", ".join(
            f"{sql.text(name)}: {sql.text('VARCHAR' if sql.family(kind) in ('time', 'zoned', 'date') else kind)}"
            for name, kind in kinds.items()
        )
        picked = ", ".join(
            f"{sql.name(name)}->>'$' AS {sql.name(name)}" if kind == "JSON" else sql.name(name)
            for name, kind in kinds.items()
        )
        some = " OR ".join(f"{sql.name(name)} IS NOT NULL" for name in kinds)
        kept = f"WHERE {some}" if rejected else ""
        relation = self._materialise(f"SELECT {picked} FROM read_json({path}, {options}, columns={{{columns}}}) {kept}")
        mixed = frozenset(name for name, kind in kinds.items() if kind == "JSON")
        return Reading(source, relation, self._describe(relation), mixed, rejected)

    def _malformed_json(self, path: str) -> tuple[tuple[str, str], ...]:
        rows = self.con.execute(
            f"SELECT line FROM {_lines(path)} WHERE NOT json_valid(line) AND trim(line) <> ''"
        ).fetchall()
        return tuple(("malformed line: not JSON", str(line)) for (line,) in rows)

    def _materialise(self, query: str) -> str:
        path = self.folder / f"{len(self.readings)}.parquet"
        self.con.execute(f"COPY ({query}) TO {sql.text(str(path))} (FORMAT parquet, COMPRESSION lz4_raw)")
        return f"read_parquet({sql.text(str(path))})"

    def _describe(self, relation: str) -> dict[str, str]:
        return {str(row[0]): str(row[1]) for row in self.con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


@contextmanager
def staging(folder: Path) -> Iterator[Stage]:
    """Open a stage in a temporary folder inside `folder`; everything of it is gone afterwards."""
    temporary = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=folder))
    try:
        con = connect(":memory:", temp_directory=temporary / "spill")
        try:
            with sql.interruptible():
                yield Stage(con, temporary)
        finally:
            con.close()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def show_frame(con: DuckDBPyConnection, relation: str, source: Source) -> None:
    """Let a connection scan the frame of a source under a name."""
    con.register(relation, ArrowStream(source.frame))


def unreadable(label: str, error: BaseException) -> DataError:
    """Return the error for a file that cannot be parsed."""
    first_line = str(error).strip().splitlines()[0]
    return DataError(f"{label} cannot be read: {first_line}", "", "check the file and its format (--format)")


def _literal(path: str) -> str:
    """Return a path as SQL text that names one file: DuckDB would take ``x[1].csv`` for a pattern."""
    return sql.text(glob.escape(path))


def _lines(path: str) -> str:
    """Return a relation with the lines of a text file, compressed or not, in the one column `line`."""
    return (
        f"read_csv({_literal(path)}, header=false, auto_detect=false, columns={{'line': 'VARCHAR'}},"
        " delim='\x01', quote='', escape='')"
    )
