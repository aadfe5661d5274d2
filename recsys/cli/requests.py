"""Shared options as the values that workflows take: recipes, eligibility, ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.cli.words import file_lines, joined, pairs
from recsys.core.errors import ArgumentError, DataError, NotFoundError

if TYPE_CHECKING:
    import polars as pl

    from recsys.scoring import Eligibility
    from recsys.scoring.exploring import Explorer
    from recsys.scoring.reranking import Reranker
    from recsys.store import DataRecipe

_LABEL = ("aggregate", "cap", "transform", "half_life")
_RELEVANCE = ("at_least", "gain")
_TABLES = (".parquet", ".jsonl", ".ndjson")
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
        path = Path(options["deny"])
        pairs = read_table("--deny", path) if _names_column("--deny", path, "user_id") else None
        rules = rules.deny(read_ids("--deny", path, "item_id")) if pairs is None else rules.deny_pairs(pairs)
    if "allow" in options:
        rules = rules.allow(read_ids("--allow", Path(options["allow"]), "item_id"))
    if "available" in options:
        frame = read_table("--available", Path(options["available"]))
        rules = rules.available(frame, by=options.get("available_by"))
    return rules


def measuring_from(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how `evaluate` and `compare` shall measure: what the options say, and the rules of eligibility."""
    lists = {name: joined(options[name]) for name in ("metrics", "by") if name in options}
    words = {name: options[name] for name in ("on_cold", "seen_data") if name in options}
    repeats = {"exclude_seen": False} if "include_seen" in options else {}
    return {**lists, **words, **repeats, "eligibility": eligibility_from(options)}


def reranker_from(name: str | None, settings: Sequence[str] | None) -> Reranker | None:
    """Return the re-ranker of ``--rerank`` and ``--set-rerank``; None when there is none.

    Raises
    ------
    ArgumentError
        There is no such re-ranker or parameter, or a parameter stands alone.
    """
    if name is None:
        if settings:
            raise ArgumentError("--set-rerank stands alone", "--rerank mmr or --rerank calibrated was expected with it")
        return None
    from recsys.scoring.named import make_reranker

    return make_reranker(name, **pairs("--set-rerank", settings))


def explorer_from(settings: Sequence[str] | None, seed: int | None) -> Explorer | None:
    """Return the explorer of ``--explore`` and ``--seed``; None when there is none.

    Raises
    ------
    ArgumentError
        There is no such parameter, or a seed stands alone.
    """
    if not settings:
        if seed is not None:
            raise ArgumentError("--seed stands alone", "--explore was expected with it", "--explore epsilon=0.1")
        return None
    from recsys.scoring.named import make_explorer

    seeds: dict[str, object] = {} if seed is None else {"seed": seed}
    return make_explorer(**pairs("--explore", joined(settings)), **seeds)


def read_ids(option: str, path: Path, name: str) -> list[str]:
    """Return the ids of a table that has the column `name`, or of a text file with one id a line.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It holds no ids, or is a table without that column.
    """
    if _names_column(option, path, name) or path.suffix in _TABLES:
        frame = read_table(option, path)
        if name not in frame.columns:
            raise _no_column(option, name, frame.columns)
        ids = [str(value) for value in frame[name].drop_nulls()]
    else:
        ids = file_lines(option, path)
        # the header of a table must not be taken for an id: it is one, unless it is a number or the file is no .csv
        if ids and ("," in ids[0] or "\t" in ids[0] or (path.suffix in (".csv", ".tsv") and not ids[0].isdecimal())):
            raise _no_column(option, name, ids[0].replace("\t", ",").split(","))
    if not ids:
        raise DataError(f"{option} names {path}, which holds no ids", "one id a line was expected, or a table of them")
    return ids


def _names_column(option: str, path: Path, name: str) -> bool:
    """Return whether a file is a table with such a column; a text file says so in its first line."""
    if path.suffix in _TABLES:
        return name in read_table(option, path).columns
    first = next(iter(file_lines(option, path)), "")
    return name in first.replace('"', "").replace("\t", ",").split(",")


def read_table(option: str, path: Path) -> pl.DataFrame:
    """Return the CSV, Parquet or JSON lines file of an option, its text as it stands.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It cannot be read as what its name says.
    """
    from recsys.workflows import tables

    try:
        return tables.read_table(path, as_text=True)
    except (DataError, NotFoundError) as error:
        raise type(error)(f"{option}: {error.what}", error.expected, error.hint) from None


def _no_column(option: str, name: str, found: Sequence[str]) -> DataError:
    return DataError(
        f"the file of {option} has no column {name!r} (found: {', '.join(found)})",
        f"a header with {name} was expected, or a .txt file with one id a line",
    )
