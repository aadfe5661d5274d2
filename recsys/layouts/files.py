"""The files of a download: a folder, a zip or tar archive, or one file. Members are streamed, never extracted."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from recsys.core.errors import DataError, NotFoundError

_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Files:
    """The files under a path, by the name that they have within it (with ``/`` between folders).

    Nothing is ever written to disk, so a member called ``../../x`` is just an odd name: it cannot escape from
    anywhere.
    """

    path: Path
    names: tuple[str, ...]

    def find(self, *endings: str) -> str | None:
        """Return the shortest name whose last part is one of the `endings`, in this order, or None.

        Case does not matter. A ``.gz`` after the ending is accepted.
        """
        for ending in endings:
            accepted = (ending.lower(), f"{ending.lower()}.gz")
            found = [name for name in self.names if PurePosixPath(name).name.lower() in accepted]
            if found:
                return min(found, key=lambda name: (len(name), name))
        return None

    def need(self, *endings: str) -> str:
        """Return what `find` finds, or raise DataError."""
        found = self.find(*endings)
        if found is None:
            wanted = " or ".join(repr(ending) for ending in endings)
            raise DataError(f"{str(self.path)!r} has no file {wanted}", "the data set as it is downloaded was expected")
        return found

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading bytes; gzip is undone.

        Raises
        ------
        DataError
            When the archive or the compressed file is damaged, also later, while it is read inside the block.
        """
        try:
            with self._raw(name) as stream:
                if name.lower().endswith(".gz"):
                    with gzip.GzipFile(fileobj=stream) as inner:
                        yield cast("IO[bytes]", inner)
                else:
                    yield stream
        except _DAMAGE as error:
            raise DataError(
                f"{str(self.path)!r} cannot be read at {name!r} ({_first_line(error)})",
                hint="the download may have broken off; fetch it again",
            ) from error

    @contextmanager
    def _raw(self, name: str) -> Iterator[IO[bytes]]:
        kind = _kind(self.path)
        if kind == "zip":
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as stream:
                yield stream
        elif kind == "tar":
            with tarfile.open(self.path) as bundle, _member(bundle, name) as stream:
                yield stream
        else:
            with (self.path / name if kind == "folder" else self.path).open("rb") as stream:
                yield stream


def files_of(path: str | Path) -> Files:
    """Return the files of a download.

    Raises
    ------
    NotFoundError
        When there is nothing at `path`.
    DataError
        When it is a damaged archive.
    """
    place = Path(path)
    if place.is_dir():
        inner = (each for each in place.rglob("*") if each.is_file() and not each.name.startswith("."))
        return Files(place, tuple(sorted(each.relative_to(place).as_posix() for each in inner)))
    if not place.is_file():
        raise NotFoundError(
            f"{str(place)!r} does not exist", "a folder, an archive or a file of the data set was expected"
        )
    try:
        if _kind(place) == "zip":
            with zipfile.ZipFile(place) as archive:
                return Files(place, _plain(info.filename for info in archive.infolist() if not info.is_dir()))
        if _kind(place) == "tar":
            with tarfile.open(place) as bundle:
                return Files(place, _plain(member.name for member in bundle if member.isfile()))
    except _DAMAGE as error:
        hint = "the download may have broken off; fetch it again"
        raise DataError(f"{str(place)!r} is not a readable archive ({_first_line(error)})", hint=hint) from error
    return Files(place, (place.name,))


def _kind(path: Path) -> str:
    name = path.name.lower()
    if path.is_dir():
        return "folder"
    if name.endswith(".zip"):
        return "zip"
    return "tar" if name.endswith((".tar", ".tar.gz", ".tgz")) else "file"


def _plain(names: Iterable[str]) -> tuple[str, ...]:
    """Leave out what archivers of macOS add."""
    return tuple(
        sorted(
            name for name in names if not name.startswith("__MACOSX/") and not PurePosixPath(name).name.startswith(".")
        )
    )


def _member(bundle: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = bundle.extractfile(name)
    if stream is None:
        raise tarfile.ReadError(f"{name} is not a file")
    return stream


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
