"""From what a user gives to policies with names: a fitted model, a policy, a frame of probabilities, a callable."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.core.errors import ArgumentError
from recsys.core.frames import as_polars
from recsys.models.base import Recommender
from recsys.ope.fixed_policies import CallablePolicy, FramePolicy
from recsys.ope.policies import Policy
from recsys.ope.recommending import RecommenderPolicy

RESERVED = "logged"


def policies_of(given: object) -> dict[str, Policy]:
    """Return policies by name; one that is given without a name has its own.

    A mapping is of policies by name, unless its values are columns: then it is a frame of probabilities.

    Raises
    ------
    ArgumentError
        There is no policy, or something that is none.

    Examples
    --------
    >>> list(policies_of({"new": lambda log: log.propensities.position}))
    ['new']
    """
    if isinstance(given, Mapping) and "probability" not in given:
        if RESERVED in given:
            raise ArgumentError(
                f"a policy is called {RESERVED!r}", "another name was expected: the log itself is called so"
            )
        named = {str(name): _policy(one, str(name)) for name, one in given.items()}
    else:
        one = _policy(given, None)
        named = {one.name: one}
    if not named:
        raise ArgumentError("no policy was given", "a fitted model, a policy, a frame or a callable was expected")
    return named


def _policy(given: object, name: str | None) -> Policy:
    if isinstance(given, type):
        raise ArgumentError(
            f"the policy is the class {given.__name__}", "a policy was expected", f"make one: {given.__name__}(…)"
        )
    if isinstance(given, Policy):
        return given
    if isinstance(given, Recommender):
        return RecommenderPolicy(given, label=name)
    if isinstance(given, Mapping) or hasattr(given, "columns") or hasattr(given, "__arrow_c_stream__"):
        return FramePolicy(as_polars(given, "the frame of probabilities"), name=name or "frame")
    if callable(given):
        return CallablePolicy(given, name=name or getattr(given, "__name__", "callable").strip("<>"))
    raise ArgumentError(
        f"the policy {name or ''} is a {type(given).__name__}".replace("  ", " "),
        "a fitted model, a policy, a frame of probabilities or a callable was expected",
        "rs.ope.UniformPolicy() shows all items alike" if given == "uniform" else "",
    )
