"""Files that appear whole under their name, or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from recsys.core.errors import ArgumentError, NotFoundError


def replaceable(out: Path) -> Path:
    """Return the path that a file of this name will have: that of the regular file behind a link, else the name itself.

    Raises
    ------
    ArgumentError
        There is no name; it is that of a folder, a device, a pipe, or of a link that does not lead to a regular file.

    Examples
    --------
    >>> replaceable(Path("recs.csv")).name
    'recs.csv'
    """
    if not out.name:
        raise ArgumentError("out names no file: it is empty or a folder", "the name of a file was expected")
    try:
        mode = out.stat().st_mode  # of what a link leads to, be it a pipe: /dev/stdout has no path to resolve then
        target = out.resolve(strict=True) if out.is_symlink() and stat.S_ISREG(mode) else out
    except FileNotFoundError:
        if not out.is_symlink():
            return out
        kind = "a link that leads nowhere"
    except (OSError, RuntimeError):  # links in a circle
        kind = "a link that leads nowhere"
    else:
        if stat.S_ISREG(mode):
            return target
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe, not a file"
    raise ArgumentError(
        f"out is {str(out)!r}, {kind}",
        "the name of a new or a regular file was expected",
        "name a file, or use --out - for rows on standard output",
    )


def writable(out: Path) -> Path:
    """Return the path under which a file can appear; see `replaceable`.

    Raises
    ------
    NotFoundError
        There is no such folder.
    ArgumentError
        The name is taken by something that is not a regular file.
    """
    if not out.parent.is_dir():
        raise NotFoundError(f"there is no folder {out.parent}", "out names a file in a folder that exists")
    return replaceable(out)


def write_whole(out: Path, content: bytes) -> Path:
    """Let a file appear with all of its bytes, in place of an older one; return its path.

    Raises
    ------
    NotFoundError
        There is no such folder.
    ArgumentError
        The name is taken by something that is not a regular file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", b"whole").read_bytes()
    b'whole'
    """
    out = writable(out)
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        draft.write_bytes(content)
        flush(draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    flush(out.parent)
    return out


def flush(path: Path) -> None:
    """Wait until a file or folder has reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
