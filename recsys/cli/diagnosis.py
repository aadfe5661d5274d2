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
    from recsys.store.health import StoreHealth

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
    writable = os.access(store.path, os.W_OK)
    return [
        Check("store", "folder", str(store.path)),
        Check("store", "schema", f"version {health.schema_version}, written by recsys {health.written_by}"),
        Check("store", "database", f"{health.database_bytes / 1e6:,.1f} MB"),
        Check("store", "write-ahead log", f"{health.wal_bytes / 1e6:,.1f} MB" if health.wal_bytes else "none"),
        Check("store", "writable", "yes" if writable else "no", writable),
        _swept("temporary files", leftovers, fix=fix),
        _swept("orphan artefacts", orphans, fix=fix),
        *_models(health),
        Check("store", "backups", ", ".join(Path(path).name for path in health.backups) or "none"),
    ]


def _models(health: StoreHealth) -> list[Check]:
    if health.problems:
        return [Check("store", "models", what, False, hint) for what, hint in health.problems]
    unread = f", {health.unread_bytes / 1e9:,.1f} GB not read" if health.unread_bytes else ""
    return [Check("store", "models", f"{health.models} whole{unread}")]


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
