"""The entry point: every outcome of a command becomes an exit code, and every problem one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from recsys.cli import failures
from recsys.cli.session import Session


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``recsys``; by default those of this process.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    recsys ...
    0
    """
    from recsys.cli.application import root_command

    words = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(words)
    try:
        with session.warnings_heard():
            result = root_command().main(words, prog_name="recsys", standalone_mode=False, obj=session)
        code = result if isinstance(result, int) else 0
        if code == failures.INTERRUPTED:
            failures.report(KeyboardInterrupt(), session)
    except BaseException as error:  # polars' PanicException is not an Exception; nothing may end in a traceback
        code = failures.report(error, session)
    return code
