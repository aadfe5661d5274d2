"""What the shell offers for a word: known names, from the catalogue; names of experiments, from the store."""

from __future__ import annotations

import typer

from recsys.cli.catalogue import MODEL_NAMES, TABLES


def models(incomplete: str) -> list[str]:
    """Return the model names that begin with a word."""
    return [name for name in MODEL_NAMES if name.startswith(incomplete)]


def trainable(incomplete: str) -> list[str]:
    """Return what `train` takes that begins with a word."""
    return [*models(incomplete), *(["auto"] if "auto".startswith(incomplete) else [])]


def tables(incomplete: str) -> list[str]:
    """Return the table names that begin with a word."""
    return [name for name in TABLES if name.startswith(incomplete)]


def runs(incomplete: str) -> list[str]:
    """Return the run references that need no look into the store."""
    return [name for name in ("@latest",) if name.startswith(incomplete)]


def experiments(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the store's experiments that begin with a word; none where no store can be read at once."""
    from recsys.cli.session import Session
    from recsys.core.errors import RecsysError

    session = Session()
    given = ctx.find_root().params.get("store") or ctx.params.get("store")
    session.options = {"lock_timeout": 0.2} | ({"store": given} if given else {})
    try:
        found = session.open_store().experiments()
    except RecsysError:
        return []
    return [one.name for one in found if one.name.startswith(incomplete)]
