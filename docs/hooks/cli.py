"""The pages of the command line, from the commands themselves: one page a section of ``recsys --help``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from recsys.cli import catalogue, failures
from recsys.cli.application import root_command
from recsys.cli.options import ELIGIBILITY, EVERYWHERE, MEASURING, RECIPE, shared_names
from recsys.core import errors

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from typer._click import Command, Context
    from typer._click.core import Parameter

GROUP_TITLES = {
    RECIPE: "Which rows it learns from:",
    ELIGIBILITY: "What may be shown to whom:",
    MEASURING: "How models are measured:",
}
DEFAULT = re.compile(r"\s\s?\[(?:default: )?([^\[\]]+)\]\s*$")
REQUIRED = re.compile(r"\s*\[required\]")

ANSWERS = [
    "- stdout carries data only, stderr people and progress.",
    '- `--json` gives every answer as one document: `{"schema": "recsys/<command>/1", "data": …, "warnings": […]}`.',
    "- A mistake is answered by one line: what is wrong, what was expected, what to do.",
]


def on_config(config: MkDocsConfig) -> None:
    """Put the pages under "Command line"."""
    pages = [{"Overview": "cli/index.md"}, *({section: _page(section)} for section in _sections())]
    next(entry for entry in config.nav if "Command line" in entry)["Command line"] = pages


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Write the pages."""
    root = root_command()
    files.append(File.generated(config, "cli/index.md", content=_overview(root)))
    for section in _sections():
        files.append(File.generated(config, _page(section), content=_section(section, root)))


def commands(root: Command) -> dict[str, tuple[Command, Context]]:
    """Return every verb with its context, by its words after ``recsys``."""
    top = root.make_context("recsys", [], resilient_parsing=True)
    found: dict[str, tuple[Command, Context]] = {}
    for path in catalogue.VERBS:
        command, context = root, top
        for word in path.split():
            command = command.get_command(context, word)
            context = command.make_context(word, [], parent=context, resilient_parsing=True)
        found[path] = command, context
    return found


def _sections() -> list[str]:
    return list(dict.fromkeys(verb.section for verb in catalogue.VERBS.values()))


def _page(section: str) -> str:
    return f"cli/{re.sub(r'[^a-z]+', '-', section.lower())}.md"


def _anchor(path: str) -> str:
    return f"recsys-{path.replace(' ', '-')}"


def _overview(root: Command) -> str:
    lines = ["# The command line", "", root.help or "", "", "```text", "recsys VERB [OPTIONS] [ARGUMENTS]", "```", ""]
    for section in _sections():
        lines += [f"## {section}", "", "| command | what it does |", "|---|---|"]
        verbs = [(path, verb) for path, verb in catalogue.VERBS.items() if verb.section == section]
        page = _page(section).removeprefix("cli/")
        lines += [f"| [`recsys {path}`]({page}#{_anchor(path)}) | {verb.summary} |" for path, verb in verbs]
        lines.append("")
    context = root.make_context("recsys", [], resilient_parsing=True)
    everywhere = [each for each in root.params if each.name in shared_names(EVERYWHERE)]
    lines += ["## Options of every command", "", *_listed(everywhere, context)]
    lines += ["## What a command answers", "", *ANSWERS, "", "## Exit codes", "", "| code | when |", "|---|---|"]
    return "\n".join([*lines, *_exit_codes(), ""])


def _exit_codes() -> list[str]:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and each.exit_code > 1]
    named = {each.exit_code: (each.__doc__ or "").splitlines()[0].split(" (exit code")[0] for each in classes}
    said = {0: "Done", 1: "Any other error", **named, failures.INTERRUPTED: "Interrupted; nothing is left half-written"}
    return [f"| {code} | {text.rstrip('.')}. |" for code, text in sorted(said.items())]


def _section(section: str, root: Command) -> str:
    lines = [f"# {section}", ""]
    for path, (command, context) in commands(root).items():
        if catalogue.VERBS[path].section == section:
            lines += _described(path, command, context)
    return "\n".join(lines)


def _described(path: str, command: Command, context: Context) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    lines = [f"## recsys {path} {{ #{_anchor(path)} }}", "", _prose(command.help or ""), ""]
    lines += ["```text", f"recsys {path} {pieces}", "```", ""]
    shared = {name: group for group in (*catalogue.VERBS[path].options, EVERYWHERE) for name in shared_names(group)}
    groups: dict[str, list[Parameter]] = {}
    for parameter in command.get_params(context):
        groups.setdefault(shared.get(str(parameter.name), ""), []).append(parameter)
    groups[""] = [each for each in groups.get("", []) if each.name != "help"]
    for group, parameters in groups.items():
        if group != EVERYWHERE and parameters:
            lines += [GROUP_TITLES[group], ""] if group else []
            lines += _listed(parameters, context)
    return [*lines, "```bash", (command.epilog or "").strip(), "```", ""]


def _listed(parameters: list[Parameter], context: Context) -> list[str]:
    """Return a definition list of parameters: names, then what they mean and the default."""
    lines = []
    for parameter in parameters:
        record = parameter.get_help_record(context)
        if record is None:
            continue
        names, text = record
        argument = parameter.param_type_name == "argument"
        default = DEFAULT.search(text)
        meaning = _prose(DEFAULT.sub("", REQUIRED.sub("", text)).strip())
        shown = f" Default: `{default[1].strip()}`." if default and default[1] != "required" else ""
        needed = " Required." if parameter.required else ""
        lines += [f"`{_argument(parameter) if argument else names}`", f":   {meaning}{needed}{shown}", ""]
    return lines


def _argument(parameter: Parameter) -> str:
    name = parameter.metavar or str(parameter.name).upper()
    return f"{name}{'…' if parameter.nargs != 1 else ''}"


def _prose(text: str) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text.replace("\b", "").replace("\f", "")).replace("<", "&lt;")
