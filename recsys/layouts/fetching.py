"""`fetch`: download a public data set with progress, resume and checksum."""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from recsys._version import __version__
from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.layouts.known import LayoutInfo, layout_info

BLOCK = 1 << 20


def fetch(
    name: str,
    folder: str | Path,
    *,
    url: str | None = None,
    progress: ProgressCallback = silent,
    timeout: float = 30.0,
) -> Path:
    """Download a known data set into a folder and return the path of the file, which `load_layout` reads as it is.

    A download that broke off goes on where it stopped, if the server still has the same file. The file appears
    under its name only when it is whole and its checksum (where the publisher states one) is right; a file that
    is already there is not downloaded again.

    Parameters
    ----------
    name : str
        A name of `known_layouts`.
    folder : str or Path
        Where to put it; made when it does not exist.
    url : str, optional
        Another address: a mirror, or the file of an Amazon category.
    progress : callable
        Told of the bytes that have arrived.
    timeout : float
        Seconds to wait for the server.

    Raises
    ------
    NotFoundError
        When the name is not known or the server does not have the file.
    ArgumentError
        When the data set has many files and no `url` says which.
    DataError
        When the download broke off or its checksum is wrong.
    RecsysError
        When the server cannot be reached.
    """
    info = layout_info(name)
    address = url or info.url
    if address is None:
        hint = f"choose a file on {info.page} and name it with url="
        raise ArgumentError(f"data set {name!r} consists of many files", "the address of one was expected", hint)
    target = Path(folder) / _file_name(address)
    md5 = info.md5 if info.url is not None and target.name == _file_name(info.url) else None
    if target.exists():
        _check(target, md5, info, "remove it and fetch again")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.etag"))
    _download(address, part, info, progress, timeout)
    try:
        _check(part.data, md5, info, "fetch it again")
    except DataError:
        part.remove()
        raise
    part.data.replace(target)
    part.remove()
    return target


@dataclass(frozen=True, slots=True)
class _Part:
    """What has arrived so far, and the server's mark of the version that it belongs to."""

    data: Path
    mark: Path

    def arrived(self) -> int:
        """Return the bytes that can be kept: none when it is not known to which version they belong."""
        return self.data.stat().st_size if self.data.exists() and self.mark.exists() else 0

    def remove(self) -> None:
        self.data.unlink(missing_ok=True)
        self.mark.unlink(missing_ok=True)


def _file_name(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    name = Path(urllib.parse.unquote(parts.path)).name
    if parts.scheme not in ("http", "https") or not parts.netloc or name in ("", ".", "..") or "\\" in name:
        raise ArgumentError(f"url is {address!r}", "the http or https address of a file was expected")
    return name


def _download(address: str, part: _Part, info: LayoutInfo, progress: ProgressCallback, timeout: float) -> None:
    """Fill the part; go on where it stopped when the server agrees."""
    arrived = part.arrived()
    request = urllib.request.Request(address, headers={"User-Agent": f"recsys/{__version__}"})
    if arrived:
        request.add_header("Range", f"bytes={arrived}-")
        request.add_header("If-Range", part.mark.read_text(encoding="ascii"))
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            _receive(cast("http.client.HTTPResponse", response), part, arrived, info, progress)
    except urllib.error.HTTPError as error:
        _refused(error, address, part, arrived, info, progress, timeout)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise RecsysError(f"{str(part.data)!r} cannot be written ({error.strerror})") from error
        raise _unreachable(address, part, error) from error


def _receive(
    response: http.client.HTTPResponse, part: _Part, arrived: int, info: LayoutInfo, progress: ProgressCallback
) -> None:
    if arrived and not _goes_on(response, arrived):
        arrived = 0
    total = arrived + int(response.headers["Content-Length"]) if response.headers["Content-Length"] else None
    if not arrived:
        part.remove()
        mark = response.headers["ETag"] or response.headers["Last-Modified"]
        if mark and not mark.startswith("W/"):  # a weak mark does not promise the same bytes
            part.mark.write_text(mark, encoding="ascii")
    done = arrived
    with part.data.open("ab" if arrived else "wb") as out:
        progress(Progress(f"fetch {info.name}", done, total, "bytes"))
        while block := response.read1(BLOCK):
            out.write(block)
            done += len(block)
            progress(Progress(f"fetch {info.name}", done, total, "bytes"))
    if total is not None and done < total:
        raise _broken_off(done, total)


def _goes_on(response: http.client.HTTPResponse, arrived: int) -> bool:
    """Return whether the answer is the rest of the file (206), from where we stopped, and not the whole (200)."""
    found = re.match(r"bytes (\d+)-", response.headers["Content-Range"] or "")
    return response.status == 206 and found is not None and int(found[1]) == arrived


def _refused(
    error: urllib.error.HTTPError,
    address: str,
    part: _Part,
    arrived: int,
    info: LayoutInfo,
    progress: ProgressCallback,
    timeout: float,
) -> None:
    """Deal with an answer of the server that is not the file."""
    if error.code == 416 and arrived:  # nothing after what we have: either it is whole, or the file has changed
        if (error.headers["Content-Range"] or "") != f"bytes */{arrived}":
            part.remove()
            _download(address, part, info, progress, timeout)
        return
    what = f"the server answers {error.code} ({error.reason}) for {address!r}"
    if error.code in (404, 410):
        raise NotFoundError(what, "the file of the data set was expected", f"see {info.page}, then use url=") from error
    raise RecsysError(what, hint="try again later, or download it with a browser") from error


def _unreachable(address: str, part: _Part, error: Exception) -> RecsysError:
    host = urllib.parse.urlsplit(address).netloc
    reason = getattr(error, "reason", None) or error
    if part.arrived():
        return DataError(f"the download from {host} broke off ({reason})", hint="run it again, it goes on from there")
    return RecsysError(
        f"{host} cannot be reached ({reason})",
        hint="this needs the network; a file downloaded elsewhere can be loaded as it is",
    )


def _broken_off(done: int, total: int) -> DataError:
    what = f"the download broke off after {done:,} of {total:,} bytes"
    return DataError(what, hint="run it again, it goes on from there")


def _check(path: Path, md5: str | None, info: LayoutInfo, hint: str) -> None:
    if md5 is None:
        return
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        raise DataError(f"{str(path)!r} has the MD5 {found}", f"the MD5 {md5} was expected for {info.name}", hint)
