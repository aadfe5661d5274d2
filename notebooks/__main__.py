"""``python -m notebooks``: run the notebooks; compare what they give with what is committed, or (``--write``) write it.

A notebook is edited as text, ``NAME.py`` in the percent format; ``NAME.ipynb`` is made from it, with its outputs.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from notebooks import _outputs

FOLDER = Path(__file__).parent
CELL_SECONDS = 240
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
    "jupytext": {"formats": "ipynb,py:percent"},
}


def names() -> list[str]:
    """Return the names of the notebooks, in the order in which they are read."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def read_text(source: Path) -> Any:
    """Return a notebook without outputs: its cells have ids that depend on what stands in them alone."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor, notebook.metadata = 4, 5, nbformat.from_dict(METADATA)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id, cell.metadata = f"{digest}-{seen[digest]}", nbformat.from_dict({})
    return notebook


def executed(source: Path) -> Any:
    """Return the notebook with its outputs, made in an empty folder by a kernel that knows no settings of this user.

    Raises
    ------
    CellExecutionError
        A cell raises.
    """
    notebook = read_text(source)
    with tempfile.TemporaryDirectory(prefix="recsys-notebook-") as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECSYS_", "IPYTHON"))}
        path = os.pathsep.join([str(FOLDER.parent), *filter(None, [kept.get("PYTHONPATH")])])
        environment = {**kept, "PYTHONPATH": path, "IPYTHONDIR": f"{folder}/.ipython", "PYTHONHASHSEED": "0"}
        work = Path(folder) / "work"
        work.mkdir()
        startup = Path(folder) / ".ipython/profile_default/startup/pictures.py"
        startup.parent.mkdir(parents=True)
        startup.write_text("from notebooks._pictures import install\n\ninstall()\n", encoding="utf-8")
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(work)}},
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--IPKernelApp.log_level=40"],
        )
        client.execute(env=environment)
        problems = [
            f"cell {place}: {problem}"
            for place, cell in enumerate(notebook.cells, 1)
            if cell.cell_type == "code"
            for problem in (
                *_outputs.unfit(cell.outputs, [folder, str(FOLDER.parent), str(Path.home())]),
                *_outputs.unmet(cell.source, cell.outputs),
            )
        ]
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook, problems


def as_json(notebook: Any) -> str:
    """Return the notebook as it is committed, the specification of each chart in one line."""
    nbformat.validate(notebook)
    whole, lines = copy.deepcopy(notebook), []
    for cell in whole.cells:
        for output in cell.get("outputs", ()):
            for kind in filter(_outputs.CHART.fullmatch, output.get("data", {})):
                lines.append(json.dumps(output.data[kind], ensure_ascii=False, sort_keys=True))
                output.data[kind] = f"chart {len(lines) - 1} of this notebook"
    text: str = nbformat.writes(whole) + "\n"
    for place, line in enumerate(lines):
        text = text.replace(f'"chart {place} of this notebook"', line, 1)
    return text


def stale(committed: Any, fresh: Any) -> list[str]:
    """Say where the committed notebook is not what its text gives."""
    if [cell.id for cell in committed.cells] != [cell.id for cell in fresh.cells]:
        return ["its cells are not those of its text"]
    return [
        f"cell {place}: {difference}"
        for place, (old, new) in enumerate(zip(committed.cells, fresh.cells, strict=True), 1)
        if new.cell_type == "code"
        for difference in _outputs.differences(old.outputs, new.outputs)
    ]


def run(name: str, *, write: bool) -> tuple[list[str], str]:
    """Run a notebook; return its problems, and a line that says what became of it."""
    began, target = time.perf_counter(), FOLDER / f"{name}.ipynb"
    try:
        fresh, problems = executed(FOLDER / f"{name}.py")
    except CellExecutionError as error:
        return [_outputs.COLOUR.sub("", str(error))], "raises"
    text = as_json(fresh)
    took = f"{time.perf_counter() - began:.0f} s, {len(text.encode()) / 1000:.0f} kB"
    if len(text.encode()) > _outputs.MOST_BYTES:
        problems.append(f"{took} is more than {_outputs.MOST_BYTES / 1000:.0f} kB")
    changed = stale(nbformat.read(target, 4), fresh) if target.exists() else ["it is not there yet"]
    if write:
        if changed and not problems:
            target.write_text(text, encoding="utf-8")
        return problems, f"{took}, {'written' if changed and not problems else 'as committed'}"
    return problems + changed, f"{took}, {'not as committed' if changed else 'as committed'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the notebooks named, or all; return 1 if one raises or is not what is committed."""
    parser = argparse.ArgumentParser(prog="python -m notebooks", description=__doc__)
    parser.add_argument("notebook", nargs="*", help=f"of {', '.join(names())}; default: all")
    parser.add_argument("--write", action="store_true", help="write the outputs that changed into NAME.ipynb")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.notebook) - set(names())):
        parser.error(f"no notebook is named {', '.join(unknown)}; there are {', '.join(names())}")
    began, failed = time.perf_counter(), False
    with ThreadPoolExecutor(max_workers=2) as pool:
        waiting = {name: pool.submit(run, name, write=asked.write) for name in asked.notebook or names()}
        for name, future in waiting.items():
            problems, line = future.result()
            failed |= bool(problems)
            sys.stdout.write(f"{name}: {line}\n" + "".join(f"  {problem}\n" for problem in problems))
            sys.stdout.flush()
    sys.stdout.write(f"{time.perf_counter() - began:.0f} s in all\n")
    if failed and not asked.write:
        sys.stdout.write("Hint: if the outputs changed as they should, write them: python -m notebooks --write\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
