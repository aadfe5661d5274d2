"""`recsys init`: a store, and recsys.toml that names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.configuration import FILE_NAME
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session

EXAMPLES = """
recsys init shop                 # creates ./shop and ./recsys.toml
recsys init /data/shop --no-config
"""


def command(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder of the new store.", show_default=False)],
    config: Annotated[bool, typer.Option(help="Write recsys.toml here, so that later commands find it.")] = True,
) -> None:
    """Create a store, and recsys.toml that names it.

    A store that is there already is left as it is. A recsys.toml that names another store is never overwritten.
    """
    session: Session = ctx.obj
    file = Path.cwd() / FILE_NAME
    line = f"store = {_quoted(folder)}\n"
    present = file.is_file()
    if config and present:
        _check_same(file, folder)
    from recsys.store import Store

    settings = session.apply_settings()
    existed = (folder / "store.duckdb").is_file()
    store = Store(folder, lock_timeout=settings.lock_timeout)
    if config and not present:
        file.write_text(line, encoding="utf-8")
    session.emit(
        "init",
        {"store": str(store.path), "created": not existed, "config": str(file) if config else None},
        f"{store.path}",
    )
    session.note(
        f"{'Found' if existed else 'Created'} the store {store.path}"
        + (f", named in {FILE_NAME}" if config else "")
        + ". Next: recsys ingest events FILE…"
    )


def _check_same(file: Path, folder: Path) -> None:
    from recsys.cli.configuration import read_settings

    named = read_settings({}, file.parent).configured_store
    if named is not None and named.resolve() != folder.resolve():
        raise ArgumentError(
            f"{file} names another store, {named}",
            "it is never overwritten",
            "edit it, or use --no-config and name the store with --store",
        )


def _quoted(folder: Path) -> str:
    text = folder.as_posix().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
