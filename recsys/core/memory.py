"""How much memory was held, and how much is left: work too large for it is refused before it starts."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from recsys.core.errors import ArgumentError
from recsys.core.logs import logger

_SPARE = 1 << 28  # bytes for scratch, and for whoever else lives here
_MEMINFO = Path("/proc/meminfo")
_STATUS = Path("/proc/self/status")
_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Return the bytes that new arrays may take: what the system and its container have left; None: unknown.

    Examples
    --------
    >>> available_bytes() is None or available_bytes() > 0
    True
    """
    limits = [found for found in (_system(), _container()) if found is not None]
    return min(limits, default=None)


def peak_rss_mb() -> float:
    """Return the most memory (resident set) that this process has held so far, in MB; NaN where it is not known.

    Examples
    --------
    >>> peak_rss_mb() > 1
    True
    """
    try:  # getrusage also counts the process that this one was forked from
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def refuse_beyond(needed: int, what: str, hint: str, limit: float | None = None) -> None:
    """Raise ArgumentError if more bytes are needed than may be taken; either way the need is logged first.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        What needs them, e.g. ``"20,000 items"``.
    hint : str
        How to need less.
    limit : float, optional
        Gigabytes that may be taken. Default: what is available.

    Examples
    --------
    >>> refuse_beyond(4_000_000_000, "31,623 items", "set neighbors=100", limit=1.5)
    Traceback (most recent call last):
    recsys.core.errors.ArgumentError: 31,623 items need 4.0 GB of memory. At most 1.5 GB was expected. Hint: set ...
    """
    logger.info("%s need %s of memory", what, spelled(needed))
    free = available_bytes() if limit is None else None
    most = limit * 1e9 if limit is not None else None if free is None else max(free - _SPARE, 0)
    if most is not None and needed > most:
        raise ArgumentError(f"{what} need {spelled(needed)} of memory", f"at most {spelled(most)} was expected", hint)


def spelled(size: float) -> str:
    """Return a number of bytes as people read it.

    Examples
    --------
    >>> spelled(6_717_770_000), spelled(512)
    ('6.7 GB', '512 bytes')
    """
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} bytes"


def _system() -> int | None:
    if _MEMINFO.exists():
        found = re.search(r"^MemAvailable:\s*(\d+) kB", _MEMINFO.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _container() -> int | None:
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return max(int(limit) - int(used), 0) if limit.isdecimal() else None
