"""What the shell offers for a word: known names, from the catalogue alone."""

from __future__ import annotations

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
