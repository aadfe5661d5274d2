"""What several verbs print alike: runs, frames, evaluations and their gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recsys.core.errors import GateError

if TYPE_CHECKING:
    import polars as pl

    from recsys.cli.session import Session
    from recsys.display import Cell, View
    from recsys.evaluation import Gate
    from recsys.store import Run


def emit_training(session: Session, command: str, run: Run) -> None:
    """Print a training run: its id, or all that is known of it under ``--json``."""
    for warning in run.warnings:
        session.warn(warning)
    session.emit(command, run, run.run_id)


def parse_gates(expressions: Sequence[str] | None) -> list[Gate]:
    """Return the gates of ``--fail-on``, so that a slip in one is told before the work and not after it."""
    from recsys.evaluation import parse_gate

    return [parse_gate(expression) for expression in expressions or ()]


def emit_measured(session: Session, command: str, run: Run, result: Any, gates: Sequence[Gate] = ()) -> None:
    """Print an evaluation, comparison or backtest, then check the gates that were asked for.

    Raises
    ------
    GateError
        A gate does not hold; the result is printed all the same.
    """
    from recsys.display import counted
    from recsys.evaluation import gate

    shown = () if session.as_json else result.warnings  # the view has these itself
    for warning in run.warnings:
        if warning not in shown:
            session.warn(warning)
    outcomes = gate(result, gates) if gates else ()
    data = {"run_id": run.run_id, **result.to_dict(), **({"gates": outcomes} if gates else {})}
    session.emit(command, data, result.view())
    failed = [outcome for outcome in outcomes if outcome.failed]
    if failed:
        raise GateError(
            f"{len(failed)} of {counted(len(outcomes), 'gate')} did not hold:"
            f" {'; '.join(outcome.reason.removeprefix('failed: ') for outcome in failed)}"
        )
    session.note(f"run {run.run_id}")


def frame_view(frame: pl.DataFrame, title: str, *, empty: str, notes: tuple[str, ...] = ()) -> View:
    """Return a frame as a view; `empty` is the title of one without rows."""
    from recsys.display import Table, View

    if frame.is_empty():
        return View(empty, (), notes)
    rows = tuple(tuple(_cell(value) for value in row) for row in frame.iter_rows())
    return View(title, (Table(tuple(frame.columns), rows),), notes)


def fields_view(fields: Mapping[str, Any], title: str) -> View:
    """Return named values as a view, one a row; those of nested mappings get dotted names, empty ones are left out."""
    from recsys.display import Table, View

    rows = tuple((name, _text(value)) for name, value in _flat(fields) if value not in (None, "", [], {}))
    return View(title, (Table(("field", "value"), rows),))


def _flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
