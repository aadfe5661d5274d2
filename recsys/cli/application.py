"""The root command and its groups: a verb's module is imported only when that verb is asked for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from recsys.cli import catalogue
from recsys.cli.options import EVERYWHERE, shared_names, shared_parameters
from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer._click.core import Parameter

DOCUMENTATION = "Every verb: recsys VERB --help. A first look in under a minute: recsys demo."


class VerbCommand(TyperCommand):
    """One verb; its help ends with examples, and lists the options that every verb has last."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the verb's own arguments and options, then the shared ones."""
        _write_parameters(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the examples as they are, one a line."""
        _write_examples(self.epilog, formatter)


class LazyGroup(TyperGroup):
    """A group that knows its verbs by name and imports one when it is used."""

    prefix: tuple[str, ...] = ()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyVerbs(self.prefix)

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names, in the order of the catalogue."""
        return list(self.commands)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Return the verb that is asked for; a slip is answered with the nearest one."""
        name = args[0]
        if name in self.commands or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        raise ArgumentError(
            f"{ctx.command_path} has no command {name!r}",
            "",
            did_you_mean(name, self.commands) or f"see {ctx.command_path} --help",
        )

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the verbs by section, from the catalogue alone."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.commands:
            path = " ".join((*self.prefix, name))
            verb = catalogue.VERBS.get(path)
            section = "Commands" if self.prefix else catalogue.section_of(name)
            sections.setdefault(section, []).append((name, verb.summary if verb else catalogue.GROUPS[path]))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the verbs first: they are what a reader of the overview looks for."""
        self.format_commands(ctx, formatter)
        _write_parameters(self.get_params(ctx), ctx, formatter)


class LazyVerbs(MutableMapping[str, "Command"]):
    """The verbs below a prefix; reading one imports its module, counting and naming them does not."""

    def __init__(self, prefix: tuple[str, ...]) -> None:
        self.prefix = prefix
        self.names = catalogue.children(prefix)

    def __getitem__(self, name: str) -> Command:
        if name not in self.names:
            raise KeyError(name)
        path = (*self.prefix, name)
        return _group(path) if " ".join(path) in catalogue.GROUPS else _verb(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __setitem__(self, name: str, command: Command) -> None:
        raise TypeError("verbs are added in recsys.cli.catalogue")

    def __delitem__(self, name: str) -> None:
        raise TypeError("verbs are removed in recsys.cli.catalogue")


def root_command() -> Command:
    """Return the whole command line, ready to run."""
    application = _typer(LazyGroup, add_completion=True)

    @application.callback(invoke_without_command=True)
    def root(
        ctx: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    ) -> None:
        """Recommendation experiments on one machine: logs in, recommenders trained, honest numbers, lists out."""
        if version:
            from recsys._version import __version__

            ctx.obj.emit("version", {"version": __version__}, f"recsys {__version__}")
            raise typer.Exit
        if ctx.invoked_subcommand is None:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(2)

    command = get_command(application)
    command.params.extend(shared_parameters(EVERYWHERE))
    command.epilog = DOCUMENTATION
    return command


def option_names(verb: str) -> frozenset[str]:
    """Return the names of a verb's options, as Python spells them; none for what is no verb.

    Examples
    --------
    >>> sorted(option_names("runs diff") - shared_names(EVERYWHERE))
    []
    """
    if verb not in catalogue.VERBS:
        return frozenset()
    parameters = _verb(tuple(verb.split())).params
    named = (
        name for each in parameters if each.param_type_name == "option" for name in (*each.opts, *each.secondary_opts)
    )
    return frozenset(name.removeprefix("--").replace("-", "_") for name in named if name.startswith("--"))


def _group(path: tuple[str, ...]) -> Command:
    group = type("Group", (LazyGroup,), {"prefix": path})
    application = _typer(group)
    application.callback(no_args_is_help=True, help=catalogue.GROUPS[" ".join(path)])(_nothing)
    command = get_command(application)
    command.name = path[-1]
    command.params.extend(shared_parameters(EVERYWHERE))
    return command


def _verb(path: tuple[str, ...]) -> Command:
    module = import_module("recsys.cli.verbs." + "_".join(path).replace("-", "_"))
    verb = catalogue.VERBS[" ".join(path)]
    application = _typer(None)
    application.command(path[-1], cls=VerbCommand, epilog=module.EXAMPLES, no_args_is_help=False)(module.command)
    command = get_command(application)
    for group in (*verb.options, EVERYWHERE):
        command.params.extend(shared_parameters(group))
    return command


def _typer(cls: type[TyperGroup] | None, *, add_completion: bool = False) -> typer.Typer:
    return typer.Typer(
        cls=cls,
        add_completion=add_completion,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def _nothing() -> None:
    """Do nothing: a group only leads to its verbs."""


def _write_parameters(parameters: list[Parameter], ctx: Context, formatter: HelpFormatter) -> None:
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Options of every command": []}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        everywhere = parameter.expose_value is False and parameter.name in shared_names(EVERYWHERE)
        own = "Arguments" if parameter.param_type_name == "argument" else "Options"
        sections["Options of every command" if everywhere else own].append(record)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _write_examples(epilog: str | None, formatter: HelpFormatter) -> None:
    with formatter.section("Examples"):
        for line in (epilog or "").strip().splitlines():
            formatter.write(" " * formatter.current_indent + line + "\n")
