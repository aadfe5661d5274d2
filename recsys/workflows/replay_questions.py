"""What a replay is asked, as one value, and as the recipe of the run that keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.core.errors import ArgumentError
from recsys.core.times import parse_instant
from recsys.ope import Limits
from recsys.scoring.named import make_explorer
from recsys.store import Run
from recsys.store.schema import high_water
from recsys.workflows.replay_logs import Span, begin_of
from recsys.workflows.replay_policies import Serving

if TYPE_CHECKING:
    from recsys.store import Store

_OWN = (
    "policies", "words", "runs", "models", "log", "since", "until", "versions", "rewards", "compare", "k", "explore",
    "eligibility", "exclude_seen", "event", "categories", "category", "logger", "high_water",
)  # fmt: skip
_OWN_OF_LEARNING = ("policies", "log", "since", "until", "versions", "reward", "context", "params", "high_water")
_DURATIONS = ("delay", "update_every")


class ForMips(NamedTuple):
    """What the estimator ``mips`` asks for: a file of categories, its column, and who wrote the log."""

    categories: str | Path | None
    category: str | None
    logger: str | None


class Question(NamedTuple):
    """What a replay of policies is asked; `options` are those of `recsys.ope.replay`.

    `high_water`: the last change of the store that it looks at, log and histories alike.
    """

    policies: str | Run | Sequence[str | Run]
    log: str | Path | None
    span: Span
    serving: Serving
    reward: str | Sequence[str] | None
    compare: bool
    mips: ForMips
    options: Mapping[str, Any]
    high_water: int | None = None

    def as_of_now(self, store: Store) -> Question:
        """Return it on what the store holds now, unless it is asked once more."""
        return self if self.high_water is not None else self._replace(high_water=_mark(store))

    def recipe(self) -> dict[str, Any]:
        """Return what a run keeps of it, but for what only the answer knows."""
        serving = self.serving
        return {
            "log": _place(self.log),
            "until": _instant("until", self.span.until),
            "versions": list(self.span.versions),
            "compare": self.compare,
            "k": serving.k,
            "explore": None if serving.explore is None else serving.explore.to_dict(),
            "eligibility": None if serving.eligibility is None else repr(serving.eligibility),
            "exclude_seen": serving.exclude_seen,
            "event": serving.event,
            "categories": _place(self.mips.categories),
            "category": self.mips.category,
            "high_water": self.high_water,
            **_plain_options(self.options),
        }

    @classmethod
    def of_run(cls, store: Store, old: Run) -> Question:
        """Return what a run was asked, on what the store knew then.

        Raises
        ------
        ArgumentError
            The run does not tell all that it was asked.
        """
        recipe = old.recipe
        if "words" not in recipe or recipe.get("high_water") is None:
            raise _forgetful(old)
        explore = None if recipe["explore"] is None else make_explorer(
            **{name: value for name, value in recipe["explore"].items() if name != "name" and value is not None}
        )  # fmt: skip
        begin = begin_of([store.run(one) for one in recipe["runs"]], None)
        since = None if begin is not None and begin.isoformat() == recipe["since"] else recipe["since"]
        return cls(
            recipe["words"],
            recipe["log"],
            Span(since, recipe["until"], tuple(recipe["versions"])),
            Serving(recipe["k"], explore, None, recipe["exclude_seen"], recipe["event"]),
            recipe["rewards"],
            recipe["compare"],
            ForMips(recipe["categories"], recipe["category"], recipe["logger"]),
            _options_of(old, _OWN),
            recipe["high_water"],
        )


class LearningQuestion(NamedTuple):
    """What a replay of learning policies is asked; `options` are those of `recsys.ope.replay_learning`.

    `high_water`: the last change of the store that it looks at; None where it reads a file alone.
    """

    policies: str | Sequence[str]
    log: str | Path | None
    span: Span
    reward: str | None
    context: tuple[str, ...]
    params: Mapping[str, float]
    options: Mapping[str, Any]
    high_water: int | None = None

    def as_of_now(self, store: Store) -> LearningQuestion:
        """Return it on what the store holds now, unless it is asked once more or reads a file."""
        known = self.high_water is not None or self.log is not None
        return self if known else self._replace(high_water=_mark(store))

    def recipe(self) -> dict[str, Any]:
        """Return what a run keeps of it, but for what only the answer knows."""
        return {
            "log": _place(self.log),
            "since": _instant("since", self.span.since),
            "until": _instant("until", self.span.until),
            "versions": list(self.span.versions),
            "context": list(self.context),
            "params": dict(self.params),
            "high_water": self.high_water,
            **_plain_options(self.options),
        }

    @classmethod
    def of_run(cls, old: Run) -> LearningQuestion:
        """Return what a run was asked, on what the store knew then.

        Raises
        ------
        ArgumentError
            The run does not tell all that it was asked.
        """
        recipe, mark = old.recipe, old.recipe.get("high_water")
        # earlier versions kept no mark, and durations as timedelta prints them: "2:00:00"
        if (recipe["log"] is None and mark is None) or any(":" in str(recipe.get(name)) for name in _DURATIONS):
            raise _forgetful(old)
        span = Span(recipe["since"], recipe["until"], tuple(recipe["versions"]))
        asked = (recipe["policies"], recipe["log"], span, recipe["reward"], tuple(recipe["context"]), recipe["params"])
        return cls(*asked, _options_of(old, _OWN_OF_LEARNING), mark)


def _mark(store: Store) -> int:
    with store.read() as con:
        return high_water(con)


def _place(path: str | Path | None) -> str | None:
    """Return where a file is, for a repeat from another folder."""
    return None if path is None else str(Path(path).absolute())


def _options_of(old: Run, own: Sequence[str]) -> dict[str, Any]:
    options = {name: value for name, value in old.recipe.items() if name not in own}
    limits = options.get("limits")
    if isinstance(limits, str):
        raise _forgetful(old)
    return options if limits is None else {**options, "limits": Limits(**limits)}


def _forgetful(old: Run) -> ArgumentError:
    return ArgumentError(
        f"run {old.run_id} does not tell all that it was asked", "a replay of this version was expected",
        f"replay again: recsys {old.kind}",
    )  # fmt: skip


def _instant(name: str, value: Any) -> str | None:
    return None if value is None else parse_instant(name, value).isoformat()


def _plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in options.items()}


def _plain(value: object) -> object:
    """Return an option as JSON keeps it, and as it may be given again."""
    if isinstance(value, Limits):
        return asdict(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f}s"
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
