from __future__ import annotations

import io
import json
import logging
import sys
import warnings

import pytest

from recsys.cli.progress import TerminalProgress
from recsys.cli.session import Session
from recsys.core.progress import Progress, silent
from recsys.display import Plot, Table, View


def test_warnings_of_the_library_reach_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(["--json"])
    with session.warnings_heard():
        warnings.warn("2 rows lie in the future", UserWarning, stacklevel=1)
        warnings.warn("a detail of another library", DeprecationWarning, stacklevel=1)
        logging.getLogger("recsys").warning("2 rows lie in the future")
        logging.getLogger("recsys").warning("all times are equal")
        logging.getLogger("recsys").info("not for everybody")
    session.emit("describe", {}, "")
    out, err = capsys.readouterr()
    told = ["2 rows lie in the future", "all times are equal"]
    assert json.loads(out)["warnings"] == told
    assert err == "".join(f"recsys: warning: {text}\n" for text in told)


def test_quiet_keeps_stderr_empty(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    session.options["quiet"] = True
    session.note("done")
    session.warn("careful")
    assert capsys.readouterr().err == ""


def test_a_view_is_plain_text_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Session().emit("x", {}, View("title", (Table(("a",), (("b",),)),)))
    assert capsys.readouterr().out.splitlines()[0] == "title"


@pytest.mark.parametrize(("options", "terminal", "shown"), [((), True, 200), (("quiet",), True, 300), ((), False, 300)])
def test_a_terminal_is_not_flooded(
    options: tuple[str, ...],
    terminal: bool,
    shown: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session()
    session.options.update(dict.fromkeys(options, True))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    session.emit("similar", {}, View("neighbours", (Table(("item",), tuple((f"item{row}",) for row in range(300))),)))
    out = capsys.readouterr().out
    assert out.count("item") == 1 + shown
    assert ("only the first 200 of 300 rows" in out) == (shown == 200)


def test_no_progress_without_a_terminal() -> None:
    assert Session().progress is silent


def test_progress_is_drawn_on_stderr_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    bar = TerminalProgress()
    bar(Progress("read events", 10, unit="rows"))
    bar(Progress("als", 1, 15, "epochs", {"loss": 0.5}))
    bar(Progress("als", 2, 15, "epochs", {"loss": 0.25}))
    bar.close()
    assert capsys.readouterr().out == ""


def test_verbose_logs_while_the_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    session, logger = Session(), logging.getLogger("recsys")
    handlers = list(logger.handlers)
    session.options["verbose"] = True
    with session.warnings_heard():
        session.apply_settings()
        session.apply_settings()
        logger.info("stored 3 rows")
    logger.info("not heard any more")
    assert capsys.readouterr().err.splitlines()[0].endswith("INFO recsys: stored 3 rows")
    assert logger.handlers == handlers
    assert logger.level == logging.NOTSET


def test_a_view_has_a_form_for_terminals_that_know_no_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", plain)
    drawn = Table(("metric", "effect"), (("minutes", Plot(-0.5, 0.0, 0.5, (-1.0, 1.0))),))
    Session().emit("x", {}, View("a − b", (drawn,)))
    text = plain.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert "a - b" in text
    assert "....<---o--->...." in text
