"""Where a verb writes rows: a file, or stdout, whose reader may leave early."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.cli.session import Session

STDOUT = Path("-")
T = TypeVar("T")


def check_sink(session: Session, out: Path | None, form: str = "jsonl") -> None:
    """Raise where rows and the document of ``--json`` would share stdout; `form` is a format for programs.

    Raises
    ------
    ArgumentError
        They would.
    """
    if out == STDOUT and session.as_json:
        raise ArgumentError(
            "--out - and --json were both given", "stdout takes one of them", f"--out - --format {form}"
        )


def written(out: Path, write: Callable[[Path | BinaryIO], T]) -> T | None:
    """Return what `write` returns of the file or of stdout; None when the reader of stdout has left."""
    if out != STDOUT:
        return write(out)
    try:
        return write(sys.stdout.buffer)
    except BrokenPipeError:  # who has left does not want the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return None
