"""Which column of a source is which column of a table, and what to say when one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.store.schema import TableSpec

# Words seen in public logs; they are only ever proposed, never taken for granted.
_SYNONYMS = {
    "user_id": "user uid member customer customerid account accountid memberid visitor visitorid reviewer reviewerid",
    "item_id": "item movie movieid title titleid product productid asin parentasin video videoid book bookid song"
    " songid track trackid artist artistid content contentid article articleid business businessid game gameid"
    " location locationid",
    "ts": "timestamp time datetime date createdat eventtime eventts unixtime unixreviewtime checkintime at when",
    "value": "rating score stars overall minutes watchminutes plays playcount weight quantity",
    "event": "eventtype action type behavior behaviour kind interaction",
    "unit_id": "unit userid user memberid",
    "variant": "arm group bucket treatment",
    "experiment": "experimentid test testname",
    "propensity_position": "propensity propensityscore pscore",
}
RESERVED = ("ingest_id", "user_key", "item_key")


def match_columns(
    spec: TableSpec, found: Sequence[str], mapping: Mapping[str, str], constants: Mapping[str, object], label: str
) -> dict[str, str]:
    """Return ``{table column: source column}`` for all columns of a source.

    Parameters
    ----------
    spec : TableSpec
        The table.
    found : sequence of str
        The source's columns.
    mapping : mapping of str to str
        What the user said: ``{table column: source column}``.
    constants : mapping of str to object
        Columns that get one value in all rows.
    label : str
        The source, for messages.

    Raises
    ------
    NotFoundError
        A column that `mapping` names is missing.
    DataError
        A column that the table needs is missing.
    ArgumentError
        Two columns claim one name, or a name is reserved.
    """
    for target, source in mapping.items():
        if source not in found:
            raise NotFoundError(
                f"{label} has no column {source!r} to read as {target}",
                f"it has {', '.join(found)}",
                did_you_mean(source, found),
            )
    used = set(mapping.values())
    matched = dict(mapping) | {name: name for name in found if name not in used and name not in mapping}
    for name in constants:
        if name in matched:
            raise ArgumentError(
                f"{name} is set to a constant, but {label} has that column", "", f"map or set {name}, not both"
            )
    _refuse_collisions(matched, label)
    missing = [name for name in spec.required if name not in matched and name not in constants]
    if missing:
        lacks = f"{label} has no column {' and no column '.join(map(repr, missing))}"
        raise DataError(lacks, f"it has {', '.join(found)}", _mapping_hint(spec, matched, missing))
    return matched


def overlooked(spec: TableSpec, matched: Mapping[str, str]) -> tuple[str, ...]:
    """Return warnings about known columns that are absent while another column looks like them."""
    likely = (
        (name, _likely(name, matched))
        for name in spec.typed
        if name not in matched and name in ("ts", "value", "event")
    )
    return tuple(
        f"column {source!r} was kept but not read as {name}: if it is, revert this ingest and"
        f" map={{{name!r}: {source!r}}} (--map {name}={source})"
        for name, source in likely
        if source
    )


def _refuse_collisions(matched: Mapping[str, str], label: str) -> None:
    seen: dict[str, str] = {}
    for name in matched:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ArgumentError(
                f"{label} has columns {other!r} and {name!r}", "names that differ in more than case were expected"
            )
        if name.lower() in RESERVED:
            raise ArgumentError(
                f"the column name {name!r} is reserved", "", f"map={{'original_{name}': {name!r}}} renames it"
            )


def _mapping_hint(spec: TableSpec, matched: Mapping[str, str], missing: Sequence[str]) -> str:
    wanted = [*missing, *(name for name in ("ts", "value") if name in spec.typed and name not in matched)]
    pairs = {name: source for name in wanted if (source := _likely(name, matched))}
    if not any(name in pairs for name in missing):
        example = missing[0]
        return f"say which one it is: map={{{example!r}: '…'}} (--map {example}=…)"
    options = " ".join(f"--map {name}={source}" for name, source in pairs.items())
    return f"map={pairs!r} ({options})"


def _likely(name: str, matched: Mapping[str, str]) -> str:
    """Return the source column whose name is a usual word for a table's column, or an empty string."""
    plain = {_plain(source): source for target, source in matched.items() if target == source}
    for word in (_plain(name), *_SYNONYMS.get(name, "").split()):
        if word in plain:
            return plain[word]
    return ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
