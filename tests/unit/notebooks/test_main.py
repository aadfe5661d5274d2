"""Each notebook is made from its text; what runs them sees errors, stale outputs and large files."""

import nbformat
import pytest

from notebooks import __main__ as runner
from notebooks import _outputs

GOOD = '# %% [markdown]\n# # A sum\n\n# %%\nprint("one", 2)\n# → one 2\n\n# %%\n1 + 1\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", runner.names())
def test_committed_notebooks_are_those_of_their_texts(name):
    path = runner.FOLDER / f"{name}.ipynb"
    committed, text = nbformat.read(path, 4), runner.read_text(runner.FOLDER / f"{name}.py")
    assert [(cell.id, cell.cell_type, cell.source) for cell in committed.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in text.cells
    ]
    assert path.stat().st_size < _outputs.MOST_BYTES
    for cell in committed.cells:
        if cell.cell_type == "code":
            assert not _outputs.unmet(cell.source, cell.outputs)
            assert not _outputs.unfit(cell.outputs, [str(runner.FOLDER.parent)])


def test_the_specification_of_a_chart_takes_one_line():
    kind, spec = "application/vnd.vegalite.v6+json", {"layer": [{"mark": "point", "data": {"values": [{"x": "a\nb"}]}}]}
    outputs = [nbformat.v4.new_output("display_data", {kind: spec, "text/plain": "alt.Chart(...)"}) for _ in range(2)]
    cells = [nbformat.v4.new_code_cell("chart", outputs=outputs, execution_count=1)]
    text = runner.as_json(nbformat.v4.new_notebook(cells=cells))
    assert [each.data[kind] for each in nbformat.reads(text, 4).cells[0].outputs] == [spec, spec]
    assert sum("layer" in line and "values" in line for line in text.splitlines()) == 2


@pytest.mark.slow
def test_a_notebook_is_written_once_and_then_compared(folder, capsys):
    (folder / "sum.py").write_text(GOOD, encoding="utf-8")
    assert runner.main([]) == 1
    assert "it is not there yet" in capsys.readouterr().out
    assert runner.main(["--write", "sum"]) == 0
    written = (folder / "sum.ipynb").read_bytes()
    cells = nbformat.reads(written.decode(), 4).cells
    assert [cell.get("execution_count") for cell in cells] == [None, 1, 2]
    assert cells[2].outputs[0].data == {"text/plain": "2"}

    (folder / "sum.ipynb").write_text(written.decode().replace("one 2", "one 3"), encoding="utf-8")
    capsys.readouterr()
    assert runner.main([]) == 1
    assert "cell 2: …one 3… became …one 2…" in capsys.readouterr().out


@pytest.mark.slow
def test_an_unfit_notebook_is_not_written(folder, capsys):
    cells = {
        'print("als")\n# → knn': "cell 1: does not say 'knn'",
        'import warnings\nwarnings.warn("careful", stacklevel=1)': "cell 2: on stderr",
        "object()": "cell 3: an object's address",
        "from pathlib import Path\nprint(Path.cwd())": "cell 4: a folder of this machine",
        'print("als " * 50_000)': "is more than 160 kB",
    }
    (folder / "sum.py").write_text("\n\n".join(f"# %%\n{cell}" for cell in cells), encoding="utf-8")
    assert runner.main(["--write"]) == 1
    told = capsys.readouterr().out
    assert [words for words in cells.values() if words not in told] == []
    assert not (folder / "sum.ipynb").exists()


@pytest.mark.slow
def test_a_cell_that_raises_is_shown(folder, capsys):
    (folder / "sum.py").write_text('# %%\nraise ValueError("too few")\n', encoding="utf-8")
    assert runner.main(["--write"]) == 1
    told = capsys.readouterr().out
    assert "sum: raises" in told
    assert "ValueError: too few" in told
    assert "\x1b" not in told
    assert not (folder / "sum.ipynb").exists()


def test_an_unknown_notebook_is_refused(folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        runner.main(["sum"])
    assert "no notebook is named sum" in capsys.readouterr().err
