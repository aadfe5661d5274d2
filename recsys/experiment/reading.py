"""An experiment as plain values, from plain values and from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.experiment.declared import as_list, as_table, from_plain, from_typed, to_plain
from recsys.experiment.experiment import Experiment
from recsys.experiment.looks import ConfidenceSequence, GroupSequential
from recsys.experiment.metrics import TYPES
from recsys.experiment.traffic import Holdout, Layer, Stage

MONITORING = {"confidence_sequence": ConfidenceSequence, "group_sequential": GroupSequential}


def plain_experiment(experiment: Experiment) -> dict[str, Any]:
    """Return plain values; what has its default is left out."""
    plain = to_plain(experiment)
    plain["metrics"] = [to_plain(metric, TYPES) for metric in experiment.metrics]
    for field, types in (("monitoring", MONITORING), ("layer", None), ("holdout", None)):
        if field in plain:
            plain[field] = to_plain(getattr(experiment, field), types)
    if "ramp" in plain:
        plain["ramp"] = [to_plain(stage) for stage in experiment.ramp]
    return plain


def experiment_of(values: Mapping[str, Any]) -> Experiment:
    """Return the experiment of plain values, or raise ArgumentError."""
    table = as_table(values, "the experiment")
    for field, kind in (("layer", Layer), ("holdout", Holdout)):
        if table.get(field) is not None:
            table[field] = from_plain(kind, table[field], field)
    if table.get("monitoring") is not None:
        table["monitoring"] = from_typed(MONITORING, table["monitoring"], "monitoring")
    if "metrics" in table:
        found = enumerate(as_list(table["metrics"], "metrics"), 1)
        table["metrics"] = [from_typed(TYPES, metric, f"metric {place}") for place, metric in found]
    if "ramp" in table:
        found = enumerate(as_list(table["ramp"], "ramp"), 1)
        table["ramp"] = [from_plain(Stage, stage, f"stage {place} of the ramp") for place, stage in found]
    return from_plain(Experiment, table, "the experiment")


def toml_table(path: Path) -> dict[str, Any]:
    """Return what a TOML file says, or raise NotFoundError or ArgumentError."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read ({error.strerror})", "a TOML file was expected") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} is not TOML ({error})", "an experiment in TOML was expected") from None
