"""Options that many verbs share, declared once; a verb reads them from the session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

if TYPE_CHECKING:
    from typer._click.core import Parameter

EVERYWHERE = "everywhere"
RECIPE = "recipe"
ELIGIBILITY = "eligibility"
MEASURING = "measuring"


def _keep(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Put an option that was given into the session, under its name."""
    absent = value is None or value is False or value == []  # 0 is an answer
    if not absent and not ctx.resilient_parsing:
        ctx.obj.options[param.name] = value
    return value


def _shared(*names: str, text: str, metavar: str | None = None) -> Any:
    """Return a Typer option that goes to the session and not to the verb's function."""
    return typer.Option(*names, help=text, metavar=metavar, callback=_keep, expose_value=False)


def _everywhere(
    store: Annotated[str | None, _shared("--store", metavar="FOLDER", text="The store [RECSYS_STORE].")] = None,
    json: Annotated[bool, _shared("--json", text="Print one JSON document on stdout.")] = False,
    quiet: Annotated[bool, _shared("-q", "--quiet", text="Nothing on stderr but errors.")] = False,
    verbose: Annotated[bool, _shared("-v", "--verbose", text="Log what is done to stderr.")] = False,
    debug: Annotated[bool, _shared("--debug", text="Show the traceback of an error.")] = False,
    lock_timeout: Annotated[
        float | None, _shared("--lock-timeout", metavar="SECONDS", text="How long to wait for a locked store.")
    ] = None,
    threads: Annotated[
        int | None, _shared("--threads", metavar="N", text="Threads to use; the result does not depend on it.")
    ] = None,
) -> None:
    """Options of every command."""


def _recipe(
    event: Annotated[str | None, _shared("--event", text="Learn from events of this kind only.")] = None,
    value: Annotated[str | None, _shared("--value", metavar="COLUMN", text="The column with an event's value.")] = None,
    label_aggregate: Annotated[
        str | None, _shared("--label-aggregate", metavar="sum|max|last|count", text="How repeats become one weight.")
    ] = None,
    label_cap: Annotated[float | None, _shared("--label-cap", metavar="WEIGHT", text="The largest weight.")] = None,
    label_transform: Annotated[
        str | None, _shared("--label-transform", metavar="log1p|binary", text="What is done to a weight.")
    ] = None,
    label_half_life: Annotated[
        str | None, _shared("--label-half-life", metavar="30d", text="Old events count less: half after this time.")
    ] = None,
    relevance_at_least: Annotated[
        float | None, _shared("--relevance-at-least", metavar="VALUE", text="The smallest value that counts as a hit.")
    ] = None,
    relevance_gain: Annotated[
        str | None, _shared("--relevance-gain", metavar="binary|value", text="What a hit is worth.")
    ] = None,
    relevance_column: Annotated[
        str | None, _shared("--relevance-column", metavar="COLUMN", text="The column that tells a hit, if not --value.")
    ] = None,
    until: Annotated[str | None, _shared("--until", metavar="DATE", text="Only events before this time (UTC).")] = None,
    as_of: Annotated[
        str | None, _shared("--as-of", metavar="DATE", text="Only what the store had received by this time (UTC).")
    ] = None,
    min_user_events: Annotated[
        int | None, _shared("--min-user-events", metavar="N", text="Leave out users with fewer events.")
    ] = None,
    min_item_events: Annotated[
        int | None, _shared("--min-item-events", metavar="N", text="Leave out items with fewer events.")
    ] = None,
) -> None:
    """Which rows become which data set."""


def _eligibility(
    deny: Annotated[
        str | None, _shared("--deny", metavar="FILE", text="Items nobody may get, or pairs with a user_id column.")
    ] = None,
    allow: Annotated[str | None, _shared("--allow", metavar="FILE", text="The only items that may be shown.")] = None,
    available: Annotated[
        str | None,
        _shared("--available", metavar="FILE", text="Rights: item_id, and optionally from, until, a group column."),
    ] = None,
    available_by: Annotated[
        str | None, _shared("--available-by", metavar="COLUMN", text="The user attribute that the rights go by.")
    ] = None,
) -> None:
    """Rules of what may be shown to whom."""


def _measuring(
    metrics: Annotated[
        list[str] | None, _shared("--metrics", metavar="ndcg@10,…", text="Metrics; may be repeated.")
    ] = None,
    by: Annotated[
        list[str] | None, _shared("--by", metavar="COLUMN", text="Also by this user attribute; may be repeated.")
    ] = None,
    on_cold: Annotated[
        str | None,
        _shared("--on-cold", metavar="fallback|skip", text="What users without training events get.  [fallback]"),
    ] = None,
    seen_data: Annotated[
        str | None,
        _shared(
            "--seen-data",
            metavar="refuse|disjoint|allow",
            text="Test on later days only, on pairs not learned from, or on anything.  [refuse]",
        ),
    ] = None,
    include_seen: Annotated[
        bool,
        _shared("--include-seen", text="Let lists hold what a user had in training; having it again is a hit then."),
    ] = False,
    fail_on: Annotated[
        list[str] | None, _shared("--fail-on", metavar="GATE", text="Exit with code 6 when this is true; repeatable.")
    ] = None,
) -> None:
    """Options of how models are measured."""


_TEMPLATES: dict[str, Callable[..., None]] = {
    EVERYWHERE: _everywhere,
    RECIPE: _recipe,
    ELIGIBILITY: _eligibility,
    MEASURING: _measuring,
}


@cache
def shared_parameters(group: str) -> list[Parameter]:
    """Return the parameters of a group of shared options."""
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    application.command()(_TEMPLATES[group])
    return list(get_command(application).params)


def shared_names(group: str) -> frozenset[str]:
    """Return the names of a group of shared options."""
    return frozenset(str(parameter.name) for parameter in shared_parameters(group))
