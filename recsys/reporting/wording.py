"""Words for what a recipe says: names of settings as a reader knows them, values as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recsys.core.hashing import canonical_json

_WORDS = {
    "asked_for": "question",
    "attributes_mark": "attributes up to change number",
    "by": "segments by",
    "cut": "cut (UTC)",
    "exclude_seen": "seen items left out",
    "high_water": "data up to change number",
    "k": "length of a list",
    "min_item_events": "fewest events of an item",
    "min_user_events": "fewest events of a user",
    "on_cold": "what cold users get",
    "on_unknown": "what unknown users get",
    "plan_hash": "hash of the plan",
    "rung_users": "fewest users of a rung",
    "seen_data": "data that a model has seen",
}
_WRAPPING = ("params",)  # says nothing beside the model's name


def settings(recipe: Mapping[str, object], above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield what a recipe says, a setting and its value at a time; what is empty says nothing.

    Parameters
    ----------
    recipe : mapping
        The settings, mappings of settings among them.
    above : tuple of str
        The names that lead to them, in words.

    Examples
    --------
    >>> dict(settings({"data": {"min_user_events": 2}, "models": {"my_als": {"params": {"factors": 8}}}}))
    {'data: fewest events of a user': '2', 'my_als: factors': '8'}
    """
    for key, part in recipe.items():
        if isinstance(part, Mapping) and part:
            named = key == "models" or key in _WRAPPING
            yield from settings(_of_models(part) if key == "models" else part, above if named else (*above, _word(key)))
        elif part not in (None, [], {}, "", ()):
            yield ": ".join((*above, _word(key))), _text(part)


class _Name(str):
    """A name that a user gave: no word of ours."""

    __slots__ = ()


def _of_models(models: Mapping[str, object]) -> Mapping[str, object]:
    return {_Name(name): {_Name("run"): part} if isinstance(part, str) else part for name, part in models.items()}


def _word(key: str) -> str:
    return str(key) if isinstance(key, _Name) else _WORDS.get(key, key.replace("_", " "))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else canonical_json(value)
