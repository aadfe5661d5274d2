"""Every verb in one line, so that help and completion need not load any of them."""

from __future__ import annotations

from typing import NamedTuple

from recsys.models import names


class Verb(NamedTuple):
    """A verb: where help lists it, what it does, and which shared options it takes."""

    section: str
    summary: str
    options: tuple[str, ...] = ()


START, DATA, MODELS, RUNS = "Start here", "Data", "Train, compare, recommend", "Keep track"
EXPERIMENTS = "Experiments"

VERBS: dict[str, Verb] = {
    "demo": Verb(START, "Run the whole job on a simulated streaming service."),
    "init": Verb(START, "Create a store, and recsys.toml that names it."),
    "doctor": Verb(START, "Check the installation and the store."),
    "ingest": Verb(DATA, "Read files into a table of the store."),
    "describe": Verb(DATA, "Profile the data of the store."),
    "snapshot create": Verb(DATA, "Freeze a view of the data under a name.", ("recipe",)),
    "snapshot list": Verb(DATA, "List the snapshots."),
    "ingests": Verb(DATA, "List what was ingested, newest first."),
    "quarantine": Verb(DATA, "Show the bad rows that an ingest put aside."),
    "revert": Verb(DATA, "Take an ingest back."),
    "forget": Verb(DATA, "Erase a user for good."),
    "datasets list": Verb(DATA, "List the public data sets that recsys reads as they are."),
    "datasets load": Verb(DATA, "Ingest a downloaded public data set."),
    "datasets fetch": Verb(DATA, "Download a public data set."),
    "train": Verb(MODELS, "Train a model and print its run id.", ("recipe",)),
    "evaluate": Verb(MODELS, "Measure a trained model on the held-out part.", ("measuring", "eligibility")),
    "compare": Verb(MODELS, "Compare trained models user by user, with significance.", ("measuring", "eligibility")),
    "backtest": Verb(MODELS, "Train and test over several windows of time.", ("recipe",)),
    "tune": Verb(MODELS, "Search for hyper-parameters on a part of the training period.", ("recipe",)),
    "recommend": Verb(MODELS, "Write recommendations for all users, or for some.", ("eligibility",)),
    "similar": Verb(MODELS, "Show the items most similar to an item."),
    "explain": Verb(MODELS, "Say why a user gets an item."),
    "replay": Verb(MODELS, "Say what policies would have earned on logged impressions.", ("eligibility",)),
    "replay-learning": Verb(MODELS, "Say what policies that learn while they serve would have earned."),
    "experiment plan": Verb(EXPERIMENTS, "Say how large and long an experiment must be."),
    "experiment create": Verb(EXPERIMENTS, "Register an experiment from a TOML file, checked against the data."),
    "experiment assign": Verb(EXPERIMENTS, "Write the arm of each unit to a file."),
    "experiment expose": Verb(EXPERIMENTS, "Record that units have entered an experiment."),
    "experiment analyze": Verb(EXPERIMENTS, "Analyse an experiment: integrity, effects, what they amount to."),
    "experiment monitor": Verb(EXPERIMENTS, "Show how the effects stood at every look so far."),
    "experiment decide": Verb(EXPERIMENTS, "Ship, stop, continue or blocked, and why."),
    "experiment list": Verb(EXPERIMENTS, "List the experiments, newest first."),
    "experiment show": Verb(EXPERIMENTS, "Show an experiment: its plan, deviations, what happened."),
    "experiment stop": Verb(EXPERIMENTS, "Write down that an experiment is over."),
    "experiment validate": Verb(EXPERIMENTS, "Try an experiment's tests on the past of its units."),
    "ledger": Verb(EXPERIMENTS, "Show how well offline numbers predicted the A/B tests."),
    "interleave generate": Verb(EXPERIMENTS, "Write interleaved lists of two trained models.", ("eligibility",)),
    "interleave analyze": Verb(EXPERIMENTS, "Say which of two interleaved models users prefer."),
    "report": Verb(RUNS, "Write a report to send around: the conclusion, the evidence, how to repeat it."),
    "runs list": Verb(RUNS, "List the runs, newest first."),
    "runs show": Verb(RUNS, "Show all that is known of a run."),
    "runs diff": Verb(RUNS, "Show in what two runs differ."),
    "runs repeat": Verb(RUNS, "Do a run again and check that its numbers come back."),
}

GROUPS: dict[str, str] = {
    "snapshot": "Frozen views of the data: create, list.",
    "datasets": "Public data sets: list, load, fetch.",
    "experiment": "A/B experiments: plan, create, assign, expose, analyse, decide.",
    "interleave": "Two models in one list: generate, analyze.",
    "runs": "Trainings, evaluations and comparisons: list, show, diff, repeat.",
}

MODEL_NAMES = tuple(names.MODELS)
TABLES = ("events", "items", "users", "impressions", "exposures")


def children(prefix: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names one level below a prefix, in the order of the catalogue.

    Examples
    --------
    >>> children(("runs",))
    ('list', 'show', 'diff', 'repeat')
    """
    paths = [tuple(path.split()) for path in VERBS]
    depth = len(prefix)
    return tuple(dict.fromkeys(path[depth] for path in paths if len(path) > depth and path[:depth] == prefix))


def section_of(name: str) -> str:
    """Return the section that lists a verb or a group of the first level."""
    return next(verb.section for path, verb in VERBS.items() if path.split()[0] == name)
