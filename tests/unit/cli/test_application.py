from __future__ import annotations

import re
import shlex
from importlib import import_module

import pytest
import typer

from recsys.cli import main
from recsys.cli.application import LazyVerbs, root_command
from recsys.cli.catalogue import GROUPS, MODEL_NAMES, TABLES, VERBS, children
from recsys.cli.session import Session

HEAD = re.compile(r"^recsys ([^#|>]*)")


def load(path: str) -> typer.core.TyperCommand:
    *groups, name = path.split()
    command = LazyVerbs(tuple(groups))[name]
    assert isinstance(command, typer.core.TyperCommand)
    return command


@pytest.mark.parametrize("path", VERBS)
def test_the_overview_says_what_the_verb_says(path: str) -> None:
    help_text = load(path).help or ""
    assert help_text.splitlines()[0] == VERBS[path].summary


@pytest.mark.parametrize("path", VERBS)
def test_every_verb_has_help_with_examples(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path.split(), "--help"]) == 0
    out, err = capsys.readouterr()
    assert "Examples:\n  recsys " in out or "Examples:\n  RUN=" in out
    assert "--json" in out
    assert err == ""


@pytest.mark.parametrize("path", VERBS)
def test_the_examples_parse(path: str) -> None:
    module = import_module("recsys.cli.verbs." + path.replace(" ", "_").replace("-", "_"))
    lines = [found[1] for line in module.EXAMPLES.splitlines() if (found := HEAD.match(line))]
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[: len(path.split())] == path.split(), line
        load(path).make_context(path, words[len(path.split()) :], obj=Session())


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lists_its_verbs(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([group, "--help"]) == 0
    out = capsys.readouterr().out
    for name in children((group,)):
        assert re.search(rf"^  {name}  +{re.escape(VERBS[f'{group} {name}'].summary)}", out, re.M)


def test_names_equal_those_of_the_library() -> None:
    from recsys.models.registry import model_names
    from recsys.store.schema import TABLES as KNOWN

    assert list(MODEL_NAMES) == model_names()
    assert set(TABLES) == set(KNOWN)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "recsys has no command 'trian'. Hint: did you mean 'train'?"),
        (["runs", "lst"], "recsys runs has no command 'lst'. Hint: did you mean 'list'?"),
        (["xyzzy"], "recsys has no command 'xyzzy'. Hint: see recsys --help."),
        (["train", "als", "--hodlout", "14d"], "--holdout"),
        (["ingest"], "Missing argument"),
        (["ingest"], "Hint: see recsys ingest --help."),
        (["train", "als", "--seed", "x"], "--seed"),
    ],
)
def test_a_slip_is_one_line_with_a_way_out(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("recsys: ")
    assert message in err
    assert err.count("\n") == 1


def test_without_a_verb_the_overview_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Start here:" in err


def test_shared_options_are_taken_before_and_after_the_verb(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--json", "--store", "nowhere", "describe"], ["describe", "--store", "nowhere", "--json"]):
        assert main(words) == 3
        out, _ = capsys.readouterr()
        assert '"recsys/error/1"' in out


def test_completion_knows_verbs_and_models(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for typed, offered in (("recsys ru", "runs"), ("recsys train lo", "logisticmf"), ("recsys ingest ev", "events")):
        monkeypatch.setenv("_RECSYS_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
        assert main([]) == 0
        assert capsys.readouterr().out.split() == [offered]


def test_every_verb_is_reachable_from_the_root() -> None:
    root = root_command()
    assert isinstance(root, typer.core.TyperGroup)
    assert list(root.commands) == list(dict.fromkeys(path.split()[0] for path in VERBS))
