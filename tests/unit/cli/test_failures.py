from __future__ import annotations

import json

import pytest
import typer

from recsys.cli import failures
from recsys.cli.session import Session
from recsys.core.errors import DataError, GateError, LockedError, NotFoundError, RecsysError


class PanicException(BaseException):  # polars raises one that is not an Exception
    pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RecsysError("a"), 1),
        (typer.BadParameter("a"), 2),
        (NotFoundError("a"), 3),
        (LockedError("a"), 4),
        (DataError("a"), 5),
        (GateError("a"), 6),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (MemoryError(), 1),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), 3),
        (PermissionError(13, "Permission denied", "x.csv"), 1),
        (ValueError("a\nb"), 1),
        (PanicException("the index was out of bounds"), 1),
    ],
)
def test_every_problem_is_one_line_and_a_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.report(error, Session()) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("recsys: ")
    assert err.count("\n") == 1


def test_json_error(capsys: pytest.CaptureFixture[str]) -> None:
    failures.report(NotFoundError("no run 'a'", "a run id was expected", "recsys runs list"), Session(["--json"]))
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schema"] == "recsys/error/1"
    assert document["error"] == {
        "exit_code": 3,
        "kind": "NotFoundError",
        "what": "no run 'a'",
        "expected": "a run id was expected",
        "hint": "recsys runs list",
        "message": "no run 'a'. A run id was expected. Hint: recsys runs list.",
    }
    assert err == f"recsys: {document['error']['message']}\n"


def test_after_a_result_only_stderr_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(["--json"])
    session.emit("compare", {"a": 1}, "")
    failures.report(GateError("the gate 'x' did not hold"), session)
    out, _ = capsys.readouterr()
    assert json.loads(out)["data"] == {"a": 1}


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("boom")
    except ValueError as error:
        failures.report(error, Session(["--debug"]))
    assert "Traceback" in capsys.readouterr().err
