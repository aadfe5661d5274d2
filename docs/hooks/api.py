"""The API pages, from the code: one page a room, with every name of its ``__all__``.

Which names there are, where they come from and their first lines are read with `ast`; mkdocstrings writes the rest
from the docstrings. A name that one room takes over from another is described in the other, and linked.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

PACKAGE = Path(__file__).resolve().parents[2] / "recsys"
TITLES = {  # in the order in which a reader meets them; a room that is not named here comes last, under its own name
    "store": "Store",
    "dataset": "Datasets and splits",
    "models": "Models",
    "scoring": "Lists",
    "metrics": "Metrics",
    "evaluation": "Evaluation",
    "ope": "Replay",
    "experiment": "Experiments",
    "stats": "Statistics",
    "ledger": "Ledger",
    "reporting": "Reports",
    "display": "Display",
    "simulation": "Simulation",
    "layouts": "Public data sets",
    "workflows": "Workflows",
    "kernels": "Kernels",
    "core.errors": "Errors",
}
NO_API = ("cli",)
WITH_INHERITED = ("recsys.store.Store",)  # its methods stand in classes that have no other heir


class Name(NamedTuple):
    """A public name: the module that defines it, and the first line of its docstring."""

    name: str
    module: str
    summary: str


def on_config(config: MkDocsConfig) -> None:
    """Put the pages under "API"."""
    pages = [{"recsys": "api/index.md"}, *({title: f"api/{room}.md"} for room, title in rooms().items())]
    next(entry for entry in config.nav if "API" in entry)["API"] = pages


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Write the pages."""
    files.append(File.generated(config, "api/index.md", content=_facade()))
    for room, title in rooms().items():
        files.append(File.generated(config, f"api/{room}.md", content=_room(room, title)))


def rooms() -> dict[str, str]:
    """Return the title of every room that gives names away."""
    packages = [path.parent.name for path in sorted(PACKAGE.glob("*/__init__.py"))]
    found = [room for room in packages if room not in NO_API and _exported(_parse(PACKAGE / room / "__init__.py"))]
    known = [room for room in TITLES if room in found or "." in room]
    return {room: TITLES.get(room, room.capitalize()) for room in [*known, *sorted(set(found) - set(known))]}


def public_names(room: str) -> list[Name]:
    """Return the names that a room (``""`` is the facade) gives away, in the order of the modules they come from."""
    path = _file(f"recsys.{room}".rstrip("."))
    tree = _parse(path)
    home = ".".join(("recsys", *room.split("."))).rstrip(".")
    imported = {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    listed = _exported(tree)
    if listed is None:
        return [Name(node.name, home, _first_line(node)) for node in tree.body if isinstance(node, ast.ClassDef)]
    order = {name: place for place, name in enumerate(imported)}
    names = sorted(listed, key=lambda name: (order.get(name, -1), name))
    return [_resolved(name, imported.get(name, home)) for name in names if not name.startswith("__")]


def _resolved(name: str, module: str) -> Name:
    """Return where a name is defined, through the modules that only pass it on."""
    tree = _parse(_file(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            if _file(f"{node.module}.{name}").exists():  # a room of the facade
                return Name(
                    name, f"{node.module}.{name}", ast.get_docstring(_parse(_file(f"{node.module}.{name}"))) or ""
                )
            return _resolved(name, node.module or "")
    return Name(name, module, _summary(tree, name))


def _summary(tree: ast.Module, name: str) -> str:
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return _first_line(node)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            text = following.value if isinstance(following, ast.Expr) else None
            return str(text.value).splitlines()[0] if isinstance(text, ast.Constant) else ""
    return ""


def _facade() -> str:
    names = public_names("")
    inner = [name for name in names if name.module == f"recsys.{name.name}"]
    order = list(rooms())
    others = sorted((name for name in names if name not in inner), key=lambda name: order.index(_room_of(name)))
    lines = ["# recsys", "", "`import recsys as rs` loads nothing heavy; a name is imported when it is first used.", ""]
    lines += ["## What stands at the top", "", "| name | what it is |", "|---|---|"]
    lines += [f"| [`{each.name}`][{_home(each)}] | {_cell(each.summary)} |" for each in others]
    lines += ["", "## Rooms", "", "| room | what it is |", "|---|---|"]
    for room in rooms():
        text = ast.get_docstring(_parse(_file(f"recsys.{room}"))) or ""
        lines.append(f"| [`rs.{room}`]({room}.md) | {_cell(text.splitlines()[0])} |")
    return "\n".join(lines) + "\n"


def _room(room: str, title: str) -> str:
    names = public_names(room)
    about = ast.get_docstring(_parse(_file(f"recsys.{room}"))) or ""
    lines = [f"# {title}: `recsys.{room}`", "", about, "", "| name | what it is |", "|---|---|"]
    lines += [f"| [`{each.name}`][{_home(each)}] | {_cell(each.summary)} |" for each in names]
    lines.append("")
    for each in names:
        if _home(each) == f"recsys.{room}.{each.name}":
            path = f"recsys.{room}.{each.name}"
            options = ["    options:", "      inherited_members: true"] if path in WITH_INHERITED else []
            lines += [f"::: {path}", *options, ""]
    return "\n".join(lines)


def _home(name: Name) -> str:
    """Return the path under which a name is described: the room that defines it."""
    return f"recsys.{_room_of(name)}.{name.name}"


def _room_of(name: Name) -> str:
    return next(room for room in rooms() if f"{name.module}.".startswith(f"recsys.{room}."))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            return ast.literal_eval(node.value)
    return None


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> str:
    return (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))
