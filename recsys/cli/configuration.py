"""Where the store is and with which settings: option > environment > recsys.toml > default, and never a guess."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from recsys.core.checks import did_you_mean, finite_float, positive_int
from recsys.core.errors import ArgumentError, NotFoundError

FILE_NAME = "recsys.toml"
DATABASE = "store.duckdb"
STORE_VARIABLE = "RECSYS_STORE"
LOCK_VARIABLE = "RECSYS_LOCK_TIMEOUT"
THREADS_VARIABLE = "RECSYS_THREADS"
KEYS = ("store", "lock_timeout", "threads")


class Settings(NamedTuple):
    """What options, environment and recsys.toml say; None where none of them does.

    Attributes
    ----------
    store : Path or None
        The folder named by the option or the environment.
    configured_store : Path or None
        The folder named by `file`.
    lock_timeout : float or None
        Seconds.
    threads : int or None
        How many threads to use.
    file : Path or None
        The nearest recsys.toml.
    """

    store: Path | None
    configured_store: Path | None
    lock_timeout: float | None
    threads: int | None
    file: Path | None


def read_settings(options: Mapping[str, Any], folder: Path | None = None) -> Settings:
    """Return the settings as seen from a folder (by default the current one).

    Raises
    ------
    ArgumentError
        recsys.toml cannot be read, or an option or a key of it means nothing.
    """
    file, table = _read_file(folder or Path.cwd())
    named = options.get("store") or os.environ.get(STORE_VARIABLE)
    in_file = table.get("store")
    timeout = options.get("lock_timeout")
    if timeout is None and not os.environ.get(LOCK_VARIABLE):
        timeout = table.get("lock_timeout")
    threads = options.get("threads")
    if threads is None and not os.environ.get(THREADS_VARIABLE):
        threads = table.get("threads")
    return Settings(
        Path(named).expanduser() if named else None,
        (file.parent / Path(in_file).expanduser()) if file is not None and in_file else None,
        None if timeout is None else finite_float("lock_timeout", timeout, minimum=0),
        None if threads is None else positive_int("threads", threads),
        file,
    )


def export(settings: Settings) -> None:
    """Let the rest of this process, and the processes that it starts, see the number of threads."""
    if settings.threads is not None:
        os.environ[THREADS_VARIABLE] = str(settings.threads)


def find_store(settings: Settings, folder: Path | None = None) -> Path:
    """Return the folder of the one store that is meant.

    A store that is named by an option or by the environment wins. Else the nearest recsys.toml and the store that
    this folder lies in must not disagree; without either, the only store inside this folder is taken.

    Raises
    ------
    ArgumentError
        Several stores could be meant.
    NotFoundError
        There is none.
    """
    here = folder or Path.cwd()
    if settings.store is not None:
        return settings.store
    around = next((place for place in (here, *here.parents) if (place / DATABASE).is_file()), None)
    candidates = [place for place in (settings.configured_store, around) if place is not None]
    if not candidates:
        candidates = sorted(database.parent for database in here.glob(f"*/{DATABASE}"))
    different = {place.resolve(): place for place in candidates}
    if len(different) == 1:
        return candidates[0]
    if different:
        names = ", ".join(str(_shown(place, here)) for place in different.values())
        raise ArgumentError(
            f"several stores could be meant: {names}",
            "one was expected",
            f"use --store {_shown(candidates[0], here)}, set {STORE_VARIABLE}, or write {FILE_NAME}",
        )
    raise NotFoundError(f"there is no store in {here} or above it", "", "create one with recsys init shop")


def log_handler() -> logging.Handler:
    """Return a handler that writes the library's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    return handler


def _read_file(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    file = next((place / FILE_NAME for place in (folder, *folder.parents) if (place / FILE_NAME).is_file()), None)
    if file is None:
        return None, {}
    import tomllib

    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{file} is not readable: {error}", 'lines such as store = "shop" were expected') from None
    for key, value in table.items():
        _check_key(file, key, value)
    return file, table


def _check_key(file: Path, key: str, value: object) -> None:
    if key not in KEYS:
        raise ArgumentError(
            f"{file} holds the key {key!r}", f"one of {', '.join(KEYS)} was expected", did_you_mean(key, KEYS)
        )
    kinds: dict[str, type | tuple[type, ...]] = {"store": str, "lock_timeout": (int, float), "threads": int}
    if isinstance(value, bool) or not isinstance(value, kinds[key]):
        expected = "a text" if key == "store" else "a number"
        raise ArgumentError(f"{key} is {value!r} in {file}", f"{expected} was expected")


def _shown(place: Path, here: Path) -> Path:
    return place.relative_to(here) if place != here and place.is_relative_to(here) else place
