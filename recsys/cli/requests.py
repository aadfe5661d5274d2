"""Shared options as the values that workflows take: recipes, eligibility, ids."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.cli.words import joined
from recsys.core.errors import ArgumentError, DataError, NotFoundError

if TYPE_CHECKING:
    import polars as pl

    from recsys.scoring import Eligibility
    from recsys.store import DataRecipe

_LABEL = ("aggregate", "cap", "transform", "half_life")
_RELEVANCE = ("at_least", "gain")
_PLAIN = ("event", "value", "relevance_column", "until", "as_of", "min_user_events", "min_item_events")


def recipe_from(options: Mapping[str, Any]) -> DataRecipe | None:
    """Return the recipe that the options spell; None when they say nothing."""
    label = {name: options[f"label_{name}"] for name in _LABEL if f"label_{name}" in options}
    relevance = {name: options[f"relevance_{name}"] for name in _RELEVANCE if f"relevance_{name}" in options}
    fields: dict[str, Any] = {name: options[name] for name in _PLAIN if name in options}
    if not (label or relevance or fields):
        return None
    from recsys.dataset import Label, Relevance
    from recsys.store import DataRecipe

    if label:
        fields["label"] = Label(**label)
    if relevance:
        fields["relevance"] = Relevance(**relevance)
    return DataRecipe(**fields)


def eligibility_from(options: Mapping[str, Any]) -> Eligibility | None:
    """Return the rules that the files of ``--deny``, ``--allow`` and ``--available`` hold; None when there are none.

    Raises
    ------
    NotFoundError
        A file or a column does not exist.
    ArgumentError
        ``--available-by`` stands alone.
    """
    if "available_by" in options and "available" not in options:
        raise ArgumentError("--available-by stands alone", "--available FILE was expected with it")
    if not any(name in options for name in ("deny", "allow", "available")):
        return None
    from recsys.scoring import Eligibility

    rules = Eligibility()
    if "deny" in options:
        frame = read_table("--deny", Path(options["deny"]))
        rules = rules.deny_pairs(frame) if "user_id" in frame.columns else rules.deny(item_column("--deny", frame))
    if "allow" in options:
        rules = rules.allow(item_column("--allow", read_table("--allow", Path(options["allow"]))))
    if "available" in options:
        frame = read_table("--available", Path(options["available"]))
        rules = rules.available(frame, by=options.get("available_by"))
    return rules


def measuring_from(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how `evaluate` and `compare` shall measure: what the options say, and the rules of eligibility."""
    lists = {name: joined(options[name]) for name in ("metrics", "by") if name in options}
    words = {name: options[name] for name in ("on_cold", "seen_data") if name in options}
    return {**lists, **words, "eligibility": eligibility_from(options)}


def item_column(option: str, frame: pl.DataFrame) -> pl.Series:
    """Return the ids of a table of items."""
    return _column(option, frame, "item_id")


def user_column(option: str, frame: pl.DataFrame) -> pl.Series:
    """Return the ids of a table of users."""
    return _column(option, frame, "user_id")


def read_table(option: str, path: Path) -> pl.DataFrame:
    """Return a CSV, Parquet or JSON lines file as a frame of text and typed columns.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It cannot be read as what its name says.
    """
    import polars as pl

    if not path.is_file():
        raise NotFoundError(f"{option} names {path}, which is not a file", "a file was expected")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path)
        return pl.read_csv(path, separator="\t" if path.suffix == ".tsv" else ",", infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise DataError(f"{option} names {path}, which cannot be read: {first_line}") from None


def _column(option: str, frame: pl.DataFrame, name: str) -> pl.Series:
    if name in frame.columns:
        return frame[name]
    raise NotFoundError(
        f"the file of {option} has no column {name!r} (found: {', '.join(frame.columns)})",
        f"a header with {name} was expected",
    )
