"""What went wrong, as one line on stderr, one JSON object on stdout under ``--json``, and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from recsys.core.errors import RecsysError

if TYPE_CHECKING:
    from recsys.cli.session import Session

INTERRUPTED = 130
USAGE = 2
NOT_FOUND = 3


class Failure(NamedTuple):
    """One failed command: the exit code, the class of the problem and its parts."""

    exit_code: int
    kind: str
    what: str
    expected: str = ""
    hint: str = ""

    @property
    def line(self) -> str:
        """The message as one line."""
        return " ".join(str(RecsysError(self.what, self.expected, self.hint)).split())


def describe(error: BaseException) -> Failure:
    """Return what an exception means to a user.

    Examples
    --------
    >>> describe(ZeroDivisionError("division by zero")).exit_code
    1
    """
    if isinstance(error, RecsysError):
        return Failure(error.exit_code, type(error).__name__, error.what, error.expected, error.hint)
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return Failure(INTERRUPTED, "Interrupted", "interrupted", "nothing was left half-written")
    if hasattr(error, "format_message"):  # the exceptions of the command line parser, wherever its library keeps them
        return _usage(error)
    if type(error).__name__ == "Abort":
        return Failure(INTERRUPTED, "Interrupted", "stopped at your answer", "nothing was changed")
    if isinstance(error, MemoryError):
        return Failure(1, "MemoryError", "the memory is full", "", "use fewer threads, smaller factors or less data")
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return Failure(NOT_FOUND if isinstance(error, FileNotFoundError) else 1, type(error).__name__, what)
    first_line = (str(error).strip() or "no message").splitlines()[0]
    return Failure(
        1,
        "InternalError",
        f"internal error: {type(error).__name__}: {first_line}",
        "",
        "run it again with --debug and report what it shows",
    )


def report(error: BaseException, session: Session) -> int:
    """Say what went wrong, where it belongs, and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    failure = describe(error)
    failure = failure._replace(expected=session.spelled(failure.expected), hint=session.spelled(failure.hint))
    session.end_progress()
    if session.debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write(f"recsys: {failure.line}\n")
    if session.as_json and not session.emitted:
        session.emit_error(failure)
    return failure.exit_code


def _usage(error: BaseException) -> Failure:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "recsys"
    message = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]  # checked by the caller
    return Failure(
        int(getattr(error, "exit_code", USAGE)), "UsageError", message.rstrip(".?"), "", f"see {path} --help"
    )
