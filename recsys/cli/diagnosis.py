"""What `recsys doctor` looks at: the installation, the kernels, the machine and a store."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recsys.core.errors import RecsysError

if TYPE_CHECKING:
    from recsys.store import Store

PACKAGES = ("duckdb", "polars", "numpy", "scipy", "implicit", "statsmodels", "typer", "threadpoolctl")


_SWEEP = "sweep them with recsys doctor --fix"


class Check(NamedTuple):
    """One thing that was looked at: where, what, what was found, whether that is well, and what to do if not."""

    part: str
    name: str
    found: str
    well: bool = True
    hint: str = ""


def check_installation() -> list[Check]:
    """Return the versions of Python, recsys and what it stands on, and how the kernels answer."""
    from recsys._version import __version__

    checks = [
        Check("machine", "python", f"{platform.python_version()} ({sys.executable})"),
        Check("machine", "system", f"{platform.system()} {platform.machine()}"),
        Check("machine", "cores", _cores()),
        Check("packages", "recsys", __version__),
    ]
    return [*checks, *(_package(name) for name in PACKAGES), _kernels(), _blas()]


def check_store(store: Store, *, fix: bool) -> list[Check]:
    """Return the state of a store; with `fix`, sweep what killed jobs left behind."""
    from recsys.store.artifacts import find_orphans, sweep_orphans
    from recsys.store.health import store_health, sweep_leftovers

    health = store_health(store)
    orphans = [orphan.path for orphan in (sweep_orphans(store) if fix else find_orphans(store))]
    leftovers = sweep_leftovers(store) if fix else [Path(path) for path in health.leftovers]
    damaged = _damaged_artifacts(store)
    writable = os.access(store.path, os.W_OK)
    return [
        Check("store", "folder", str(store.path)),
        Check("store", "schema", f"version {health.schema_version}, written by recsys {health.written_by}"),
        Check("store", "database", f"{health.database_bytes / 1e6:,.1f} MB"),
        Check("store", "write-ahead log", f"{health.wal_bytes / 1e6:,.1f} MB" if health.wal_bytes else "none"),
        Check("store", "writable", "yes" if writable else "no", writable),
        _swept("temporary files", leftovers, fix=fix),
        _swept("orphan artefacts", orphans, fix=fix),
        Check(
            "store",
            "artefacts",
            f"damaged: {', '.join(damaged)}" if damaged else "whole",
            not damaged,
            "train the runs again that have these artefacts" if damaged else "",
        ),
        Check("store", "backups", ", ".join(Path(path).name for path in health.backups) or "none"),
    ]


def _swept(name: str, found: list[Path], *, fix: bool) -> Check:
    """Return what is left of killed jobs; it takes space and does no harm, so all is well, with a hint."""
    if not found:
        return Check("store", name, "none")
    names = ", ".join(path.name[:12] for path in found)
    return Check("store", name, f"{names} ({'swept' if fix else 'of no use'})", True, "" if fix else _SWEEP)


def _cores() -> str:
    from recsys.core.threads import thread_count

    return f"{os.cpu_count()}, {thread_count()} used"


def _package(name: str) -> Check:
    try:
        return Check("packages", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", name, "missing", False, f"pip install {name}")


def _kernels() -> Check:
    from recsys.kernels._choice import reference_wanted, simd_path

    try:
        if reference_wanted():
            return Check("kernels", "answer", "numpy twins (RECSYS_KERNELS=reference), slow", True)
        return Check("kernels", "answer", f"compiled, {simd_path()}")
    except ImportError as error:
        return Check("kernels", "answer", f"not built: {error}", False, "install recsys with a C compiler at hand")
    except RecsysError as error:
        return Check("kernels", "answer", error.what, False, error.hint or error.expected)


def _blas() -> Check:
    import numpy  # noqa: F401  # loads the BLAS that is asked about
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    names = {f"{pool['internal_api']} {pool.get('version') or ''}".strip() for pool in pools}
    return Check("kernels", "blas", ", ".join(sorted(names)) or "unknown")


def _damaged_artifacts(store: Store) -> list[str]:
    """Return the artefacts whose manifest is gone or was changed: their name is its hash."""
    from recsys.core.hashing import hash_file
    from recsys.store.artifacts import MANIFEST, find_orphans

    orphans = {orphan.path for orphan in find_orphans(store, "1s")}
    folders = [path for path in store.artifacts.iterdir() if path.is_dir() and path not in orphans]
    manifests = [folder / MANIFEST for folder in sorted(folders)]
    return [
        manifest.parent.name[:12]
        for manifest in manifests
        if not manifest.is_file() or hash_file(manifest) != manifest.parent.name
    ]
