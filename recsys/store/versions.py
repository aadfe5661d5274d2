"""What a run was computed with: versions of the libraries that its numbers depend on, and the family of the CPU."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from recsys._version import __version__

_LIBRARIES = ("numpy", "scipy", "polars", "duckdb", "implicit")


def versions() -> dict[str, str]:
    """Return the versions of recsys, Python and its libraries, and the CPU family.

    Examples
    --------
    >>> sorted(versions())[:3]
    ['cpu', 'duckdb', 'implicit']
    """
    found = {"recsys": __version__, "python": platform.python_version(), "cpu": cpu_family()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def cpu_family(info: Path = Path("/proc/cpuinfo")) -> str:
    """Return machine, vendor and family of the CPU; across families BLAS gives other last digits.

    Examples
    --------
    >>> platform.machine() in cpu_family()
    True
    """
    parts: dict[str, str] = {}
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0].splitlines():
            key, _, value = line.partition(":")
            parts[key.strip()] = value.strip()
    details = [parts.get("vendor_id", platform.processor()), parts.get("cpu family", ""), parts.get("model", "")]
    return " ".join(filter(None, [platform.machine(), *details]))
