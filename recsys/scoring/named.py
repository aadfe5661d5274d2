"""Re-rankers and explorers by name or by parameter, as a command line or a recorded recipe spells them."""

from __future__ import annotations

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError
from recsys.core.parameters import typed_parameters
from recsys.scoring.exploring import EpsilonGreedy, Explorer, PlackettLuce
from recsys.scoring.reranking import MMR, Calibrated, Reranker

RERANKERS = {"mmr": MMR, "calibrated": Calibrated}
EXPLORERS = {"epsilon": EpsilonGreedy, "temperature": PlackettLuce}


def make_reranker(name: str, **params: object) -> Reranker:
    """Return a re-ranker; text values are read as the type that the parameter has.

    Raises
    ------
    ArgumentError
        No re-ranker or parameter has that name, or a value is not usable.

    Examples
    --------
    >>> make_reranker("mmr", trade_off="0.5")
    MMR(trade_off=0.5, pool=100, attribute=None)
    """
    kind = RERANKERS[one_of("rerank", name, RERANKERS)]
    values = typed_parameters(name, kind, params)
    if kind is Calibrated and "attribute" not in values:
        raise ArgumentError("calibrated has no attribute", "an item attribute was expected", "use attribute=genres")
    made: Reranker = kind(**values)
    return made


def make_explorer(**params: object) -> Explorer:
    """Return the explorer that has the parameter ``epsilon`` or ``temperature``; text is read as in `make_reranker`.

    Raises
    ------
    ArgumentError
        Neither is given, both are, or a value is not usable.

    Examples
    --------
    >>> make_explorer(epsilon="0.1", pool="50")
    EpsilonGreedy(epsilon=0.1, pool=50, seed=None)
    """
    named = [name for name in EXPLORERS if name in params]
    if len(named) != 1:
        raise ArgumentError(
            f"explore has {' and '.join(named) or ', '.join(params) or 'no parameter'}",
            "either epsilon (epsilon-greedy) or temperature (Plackett-Luce) was expected",
            "use epsilon=0.1",
        )
    kind = EXPLORERS[named[0]]
    made: Explorer = kind(**typed_parameters(f"explore by {named[0]}", kind, params))
    return made
