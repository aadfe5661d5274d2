"""What a benchmark leaves behind: outcomes in ``benchmarks/results/NAME.json``, with the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "recsys numpy scipy polars duckdb implicit faiss-cpu irspack ranx numba pytrec-eval-terrier rectools matplotlib"
)


class Outcome(NamedTuple):
    """One row of the summary. A ratio above 1 is in our favour, whether less or more of `unit` is better."""

    case: str
    ours: float | None
    unit: str
    peer: str = ""  # the best of them
    theirs: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    verdict: str = ""


class Goal(NamedTuple):
    """What the ratios against one contestant must reach, over all cases whose names match a pattern as of the shell."""

    contestant: str
    at_least: float
    cases: str = "*"
    over: Literal["geometric mean", "worst"] = "geometric mean"


class Row(Protocol):
    """What `reached` reads of a timing."""

    @property
    def case(self) -> str: ...
    @property
    def contestant(self) -> str: ...
    @property
    def ratio(self) -> float: ...
    @property
    def ratio_low(self) -> float: ...
    @property
    def ratio_high(self) -> float: ...


def reached(goal: Goal, rows: Iterable[Row]) -> Outcome | None:
    """Return how far the goal is reached, or None when nothing matches it (the peer is not installed)."""
    found = [row for row in rows if row.contestant == goal.contestant and fnmatchcase(row.case, goal.cases)]
    if not found:
        return None
    one = statistics.geometric_mean if goal.over == "geometric mean" else min
    low, middle, high = (one([getattr(row, part) for row in found]) for part in ("ratio_low", "ratio", "ratio_high"))
    name = f"goal: {goal.over} of {len(found)} × {goal.cases!r} at least {goal.at_least:g}x"
    verdict = "met" if middle >= goal.at_least else "missed"
    return Outcome(name, None, "", goal.contestant, None, middle, low, high, verdict)


def keep(name: str, outcomes: Sequence[Outcome], details: object = ()) -> None:
    """Write the outcomes of a benchmark, and what they rest on, where the summary finds them."""
    RESULTS.mkdir(exist_ok=True)
    found = {
        "topic": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "outcomes": [outcome._asdict() for outcome in outcomes],
        "details": details,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def keep_also(name: str, outcomes: Sequence[Outcome]) -> None:
    """Add outcomes to those that a benchmark has kept in this run."""
    path = RESULTS / f"{name}.json"
    found = json.loads(path.read_text())
    found["outcomes"] += [outcome._asdict() for outcome in outcomes]
    path.write_text(json.dumps(found, indent=1) + "\n")


def held(case: str, taken: Mapping[str, float], unit: str) -> Outcome | None:
    """Return the outcome of single figures, of which less is better; None without one of ours ("recsys, …")."""
    ours = min((value for name, value in taken.items() if name.startswith("recsys")), default=None)
    peers = {name: value for name, value in taken.items() if not name.startswith("recsys")}
    if ours is None or not peers:
        return None
    best = min(peers, key=peers.__getitem__)
    return Outcome(case, ours, unit, best, peers[best], peers[best] / ours)


def kept(name: str) -> list[Outcome]:
    """Return the outcomes of a benchmark; none when it keeps none."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return []
    return [Outcome(**row) for row in json.loads(path.read_text()).get("outcomes", [])]


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    packages = {}
    for package in PACKAGES.split():
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": packages,
    }
